package source

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/stoa-platform/stoa/internal/problem"
)

var epoch = time.Unix(0, 0)

func pack(t testing.TB, snapshot Snapshot) []byte {
	t.Helper()
	var archive bytes.Buffer
	must(t, snapshot.WriteTar(&archive))
	return archive.Bytes()
}

func TestTarRoundTrip(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("d/", 120) + "deep"
	writeTree(t, dir, map[string]string{"main.go": "package main", "empty": "", "größe/✓.txt": "x", long: "y", "big": strings.Repeat("z", 1<<20)})
	must(t, os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh\n"), 0o755))
	must(t, os.Symlink("../main.go", filepath.Join(dir, "größe/link")))
	snapshot, err := Scan(t.Context(), dir)
	must(t, err)
	archive := pack(t, snapshot)
	if !bytes.Equal(archive, pack(t, snapshot)) {
		t.Error("the archive is not the same twice")
	}

	out := filepath.Join(t.TempDir(), "made", "here")
	digest, err := Unpack(t.Context(), bytes.NewReader(archive), out, Limits{})
	must(t, err)
	if digest != snapshot.Digest {
		t.Errorf("unpacked %s, want %s", digest, snapshot.Digest)
	}
	again, err := Scan(t.Context(), out)
	must(t, err)
	again.dir, snapshot.dir = "", ""
	if diff := cmp.Diff(snapshot, again, cmp.AllowUnexported(Snapshot{})); diff != "" {
		t.Error(diff)
	}
	if _, err := Unpack(t.Context(), bytes.NewReader(archive), out, Limits{}); !errors.Is(err, os.ErrExist) {
		t.Errorf("into a folder with files: err = %v", err)
	}
}

func TestWriteTarTellsAChangedFile(t *testing.T) {
	for name, change := range map[string]func(file string) error{
		"longer":  func(f string) error { return os.WriteFile(f, []byte("12345"), 0o644) },
		"shorter": func(f string) error { return os.WriteFile(f, []byte("1"), 0o644) },
		"other":   func(f string) error { return os.WriteFile(f, []byte("4321"), 0o644) },
		"gone":    os.Remove,
	} {
		dir := t.TempDir()
		writeTree(t, dir, map[string]string{"a": "1234"})
		snapshot, err := Scan(t.Context(), dir)
		must(t, err)
		must(t, change(filepath.Join(dir, "a")))
		if err := snapshot.WriteTar(io.Discard); !problem.Is(err, problem.Conflict) || !strings.Contains(err.Error(), `"a"`) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

type entry struct {
	tar.Header
	body string
}

func archiveOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, e := range entries {
		e.Size = int64(len(e.body))
		if e.Mode == 0 && e.Typeflag != tar.TypeXGlobalHeader {
			e.Mode = 0o644
		}
		must(t, w.WriteHeader(&e.Header))
		_, err := io.WriteString(w, e.body)
		must(t, err)
	}
	must(t, w.Close())
	return compress(t, plain.Bytes())
}

// encoder is shared: making one costs far more than using it, which counts in fuzzing.
var encoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithWindowSize(windowSize), zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
})

func compress(t testing.TB, plain []byte) []byte {
	t.Helper()
	e, err := encoder()
	must(t, err)
	return e.EncodeAll(plain, nil)
}

func file(name, body string) entry { return entry{tar.Header{Name: name, Typeflag: tar.TypeReg}, body} }
func link(name, target string) entry {
	return entry{tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}, ""}
}
func special(name string, kind byte) entry {
	return entry{tar.Header{Name: name, Typeflag: kind, Linkname: "ok"}, ""}
}

func hostile(t testing.TB) map[string][]byte {
	many := make([]entry, 0, 200)
	for i := range 200 {
		many = append(many, file(fmt.Sprintf("f%d", i), ""))
	}
	whole := archiveOf(t, file("a", "content"))
	deep := file(strings.Repeat("d/", 3000)+"x", "")
	return map[string][]byte{
		"not clean relative path: parent":   archiveOf(t, file("ok", ""), file("../evil", "x")),
		"not clean relative path: inner":    archiveOf(t, file("a/../../evil", "x")),
		"not clean relative path: absolute": archiveOf(t, file("/tmp/evil", "x")),
		"not clean relative path: dot":      archiveOf(t, file("./a", "x")),
		"not clean relative path: slashes":  archiveOf(t, file("a//b", "x")),
		"not clean relative path: empty":    archiveOf(t, file("", "x")),
		"not clean relative path: bytes":    archiveOf(t, file("a\xff", "x")),
		"not clean relative path: long":     archiveOf(t, deep),
		"not inside: absolute link":         archiveOf(t, link("l", "/etc"), file("l2", "")),
		"not inside: link up":               archiveOf(t, link("a/l", "../../x")),
		"not inside: two links":             archiveOf(t, link("a/l", ".."), link("m", "a/l/../x")),
		"both a file: write through link":   archiveOf(t, link("l", "."), file("l/evil", "x")),
		"both a file: file as folder":       archiveOf(t, file("a", ""), file("a/b", "")),
		"there twice: folder as file":       archiveOf(t, file("a/b", ""), file("a", "")),
		"there twice: same":                 archiveOf(t, file("a", "1"), file("a", "2")),
		"there twice: link over file":       archiveOf(t, file("a", "1"), link("a", "b")),
		"hard link":                         archiveOf(t, file("ok", ""), special("h", tar.TypeLink)),
		"device: char":                      archiveOf(t, special("c", tar.TypeChar)),
		"device: block":                     archiveOf(t, special("c", tar.TypeBlock)),
		"pipe":                              archiveOf(t, special("p", tar.TypeFifo)),
		"more than the 100 files":           archiveOf(t, many...),
		"more than the 1.0 MB":              archiveOf(t, file("bomb", strings.Repeat("\x00", 2<<20))),
		"more than the 1.0 MB: in parts":    archiveOf(t, file("a", strings.Repeat("\x00", 1<<20)), file("b", "1")),
		"far beyond its allowed size":       compress(t, make([]byte, 64<<20)),
		"far beyond: padding at the end":    compress(t, append(make([]byte, 1024), make([]byte, 64<<20)...)),
		"damaged: not compressed":           []byte("hello, world, this is no archive"),
		"damaged: gzip":                     {0x1f, 0x8b, 8, 0, 0, 0, 0, 0},
		"damaged: cut":                      whole[:len(whole)/2],
		"damaged: text inside":              compress(t, bytes.Repeat([]byte("no tar at all "), 100)),
	}
}

func TestUnpackRefuses(t *testing.T) {
	for name, archive := range hostile(t) {
		t.Run(name, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "in")
			_, err := Unpack(t.Context(), bytes.NewReader(archive), dir, Limits{Files: 100, Bytes: 1 << 20})
			var p *problem.Problem
			if !errors.As(err, &p) || p.Kind != problem.Invalid && p.Kind != problem.TooLarge {
				t.Fatalf("err = %v, want a problem", err)
			}
			word, _, _ := strings.Cut(name, ":")
			word = strings.ReplaceAll(word, "not clean", "not a clean")
			if !strings.Contains(err.Error(), word) {
				t.Errorf("err = %v, want it to say %q", err, word)
			}
			leavesNothing(t, top, dir)
		})
	}
}

// leavesNothing checks that neither the folder nor anything beside it has content.
func leavesNothing(t testing.TB, top, dir string) {
	t.Helper()
	for _, at := range []string{dir, top} {
		entries, err := os.ReadDir(at)
		must(t, err)
		for _, e := range entries {
			if at != top || e.Name() != filepath.Base(dir) {
				t.Errorf("left behind: %s", filepath.Join(at, e.Name()))
			}
		}
	}
}

func TestUnpackSkipsFoldersAndGitsHeader(t *testing.T) {
	archive := archiveOf(t, entry{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}, ""},
		entry{tar.Header{Name: "../dir/", Typeflag: tar.TypeDir}, ""}, file("a/b", "x"))
	dir := t.TempDir()
	digest, err := Unpack(t.Context(), bytes.NewReader(archive), dir, Limits{})
	must(t, err)
	again, err := Scan(t.Context(), dir)
	must(t, err)
	if again.Digest != digest || len(again.Files) != 1 {
		t.Errorf("files = %v", paths(again.Files))
	}
}

func TestUnpackStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	top := t.TempDir()
	dir := filepath.Join(top, "in")
	if _, err := Unpack(ctx, bytes.NewReader(archiveOf(t, file("a", "x"))), dir, Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	leavesNothing(t, top, dir)
}

// FuzzUnpack feeds whatever as the archive inside of the compression: either
// all of it is refused and nothing stays, or what was written is inside and
// has the digest that was told.
func FuzzUnpack(f *testing.F) {
	decoder, err := zstd.NewReader(nil)
	must(f, err)
	for _, archive := range hostile(f) {
		if plain, err := decoder.DecodeAll(archive, nil); err == nil && len(plain) < 100_000 {
			f.Add(plain)
		}
	}
	good, err := decoder.DecodeAll(archiveOf(f, file("a/b", "x"), link("c", "a/b"), file("d", "y")), nil)
	must(f, err)
	f.Add(good)
	limits := Limits{Files: 100, Bytes: 1 << 20}
	f.Fuzz(func(t *testing.T, plain []byte) {
		top := t.TempDir()
		dir := filepath.Join(top, "in")
		digest, err := Unpack(t.Context(), bytes.NewReader(compress(t, plain)), dir, limits)
		if err != nil {
			leavesNothing(t, top, dir)
			return
		}
		if beside, _ := os.ReadDir(top); len(beside) != 1 {
			t.Fatalf("wrote outside: %v", beside)
		}
		w := &walk{root: dir, limits: limits}
		if err := w.folder(t.Context(), "", nil); err != nil {
			t.Fatal(err)
		}
		if err := checkLinks(w.files); err != nil {
			t.Fatal(err)
		}
		if _, err := hashFiles(t.Context(), dir, w.files); err != nil {
			t.Fatal(err)
		}
		if got := digestFiles(w.files); got != digest {
			t.Fatalf("told %s, wrote %s", digest, got)
		}
	})
}

func BenchmarkWriteTar1000Files(b *testing.B) {
	snapshot, err := Scan(b.Context(), benchTree(b))
	must(b, err)
	for b.Loop() {
		must(b, snapshot.WriteTar(io.Discard))
	}
}
