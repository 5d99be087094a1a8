package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stoa-platform/stoa/internal/problem"
)

func TestDigestTellsContentNameModeAndLinkApart(t *testing.T) {
	digest := func(change func(dir string)) Digest {
		dir := t.TempDir()
		writeTree(t, dir, map[string]string{"main.go": "package main", "b/x": "1", "bx": "2"})
		must(t, os.Symlink("main.go", filepath.Join(dir, "link")))
		change(dir)
		snapshot, err := Scan(t.Context(), dir)
		must(t, err)
		if _, err := ParseDigest(string(snapshot.Digest)); err != nil {
			t.Error(err)
		}
		return snapshot.Digest
	}
	same := digest(func(string) {})
	for name, change := range map[string]func(dir string){
		"empty folder":      func(dir string) { must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o755)) },
		"time":              func(dir string) { must(t, os.Chtimes(filepath.Join(dir, "bx"), epoch, epoch)) },
		"mode but for exec": func(dir string) { must(t, os.Chmod(filepath.Join(dir, "bx"), 0o600)) },
		"pipe":              func(dir string) { must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600)) },
	} {
		if got := digest(change); got != same {
			t.Errorf("%s changed the digest", name)
		}
	}
	seen := map[Digest]string{same: "nothing"}
	for name, change := range map[string]func(dir string){
		"content": func(dir string) { writeTree(t, dir, map[string]string{"bx": "3"}) },
		"name":    func(dir string) { must(t, os.Rename(filepath.Join(dir, "bx"), filepath.Join(dir, "by"))) },
		"exec":    func(dir string) { must(t, os.Chmod(filepath.Join(dir, "bx"), 0o755)) },
		"one out": func(dir string) { must(t, os.Remove(filepath.Join(dir, "bx"))) },
		"link": func(dir string) {
			must(t, os.Remove(filepath.Join(dir, "link")))
			must(t, os.Symlink("bx", filepath.Join(dir, "link")))
		},
		"link to file": func(dir string) {
			must(t, os.Remove(filepath.Join(dir, "link")))
			writeTree(t, dir, map[string]string{"link": "main.go"})
		},
	} {
		got := digest(change)
		if other, ok := seen[got]; ok {
			t.Errorf("%s gives the digest of %s", name, other)
		}
		seen[got] = name
	}
}

func TestSubNamesAFolderAsASourceOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{"api/main.go": "a", "apis/x": "b", "web/index.html": "c"})
	all, err := Scan(t.Context(), dir)
	must(t, err)
	alone, err := Scan(t.Context(), filepath.Join(dir, "api"))
	must(t, err)
	if got := all.Sub("api"); got != alone.Digest {
		t.Errorf("Sub(api) = %s, want %s", got, alone.Digest)
	}
	if all.Sub(".") != all.Digest || all.Sub("web") == all.Sub("api") {
		t.Error("Sub does not tell folders apart")
	}
}

func TestScanLinks(t *testing.T) {
	tests := []struct {
		name    string
		links   map[string]string
		refused string // the link that the error names
	}{
		{"inside", map[string]string{"a/up": "../main.go", "dir": "a", "self": ".", "dangling": "not/there"}, ""},
		{"absolute", map[string]string{"passwd": "/etc/passwd"}, "passwd"},
		{"upwards", map[string]string{"a/b/out": "../../../x"}, "a/b/out"},
		{"through another link", map[string]string{"a/root": "..", "out": "a/root/../x"}, "out"},
		{"through one that does not exist", map[string]string{"out": "none/../../x"}, "out"},
		{"back in by its own name", map[string]string{"out": "../src/main.go"}, "out"},
		{"loop", map[string]string{"l1": "l2", "l2": "l1"}, "l1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "src")
			writeTree(t, dir, map[string]string{"main.go": "", "a/b/c": ""})
			for name, target := range test.links {
				must(t, os.Symlink(target, filepath.Join(dir, name)))
			}
			snapshot, err := Scan(t.Context(), dir)
			if test.refused == "" {
				must(t, err)
				if len(snapshot.Files) != 2+len(test.links) {
					t.Errorf("files = %v", paths(snapshot.Files))
				}
				return
			}
			if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), fmt.Sprintf("%q points to %q", test.refused, test.links[test.refused])) {
				t.Errorf("err = %v, want the link %s refused", err, test.refused)
			}
		})
	}
}

func TestScanLimits(t *testing.T) {
	dir := t.TempDir()
	tree := map[string]string{"main.go": "x", "small/a": "x"}
	for i := range 30 {
		tree[fmt.Sprintf("data/raw/%02d.csv", i)] = strings.Repeat("x", 1000)
	}
	writeTree(t, dir, tree)
	for name, limits := range map[string]Limits{"files": {Files: 20}, "bytes": {Bytes: 20_000}, "far over": {Files: 2}} {
		_, err := ScanWithin(t.Context(), dir, limits)
		var p *problem.Problem
		if !errors.As(err, &p) || p.Kind != problem.TooLarge {
			t.Fatalf("%s: err = %v", name, err)
		}
		text := p.Error() + "\n" + strings.Join(p.Next, "\n")
		for _, want := range []string{fmt.Sprint(limits.withDefaults().Files), byteSize(limits.withDefaults().Bytes), "data/raw holds", "/data/raw/", filepath.Join(dir, IgnoreFile)} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q does not name %q", name, text, want)
			}
		}
	}
	// What it says to do is what helps.
	writeTree(t, dir, map[string]string{IgnoreFile: "/data/raw/\n"})
	if _, err := ScanWithin(t.Context(), dir, Limits{Files: 20, Bytes: 20_000}); err != nil {
		t.Error(err)
	}
}

func TestScanRefusesWhatIsNoSource(t *testing.T) {
	dir := t.TempDir()
	writeTree(t, dir, map[string]string{"file": "", "only/.git/HEAD": "", "latin/\xe9.txt": ""})
	for path, want := range map[string]string{
		"none": "no source", "file": "not a folder", "only": "no files", "latin": "UTF-8",
	} {
		_, err := Scan(t.Context(), filepath.Join(dir, path))
		if !problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: err = %v, want %q", path, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Scan(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: err = %v", err)
	}
}

// benchTree is the size of a usual service: 1,000 files of 4 KB in 50 folders.
func benchTree(b *testing.B) string {
	dir := b.TempDir()
	tree := map[string]string{".gitignore": "*.log\n/bin/\n*.test\n**/*.tmp\ncoverage/*.out\n"}
	for i := range 1000 {
		tree[fmt.Sprintf("pkg%02d/sub/file%04d.go", i%50, i)] = strings.Repeat(fmt.Sprintf("line %d\n", i), 500)
	}
	writeTree(b, dir, tree)
	return dir
}

func BenchmarkScan1000Files(b *testing.B) {
	dir := benchTree(b)
	for b.Loop() {
		if _, err := Scan(b.Context(), dir); err != nil {
			b.Fatal(err)
		}
	}
}
