package manifest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/internal/problem"
)

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for name, text := range map[string]string{"a.yaml": "one\ntwo", "b.yaml": "---\nthree\nfour\n", "c.json": "{}\n"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	docs, err := Read([]string{dir}, nil)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(docs.Text()), "\n")
	at := func(text string) int {
		for i, line := range lines {
			if line == text {
				return i + 1
			}
		}
		t.Fatalf("no line %q in %q", text, lines)
		return 0
	}
	// The marker that was put before b.yaml is told as its beginning.
	if part, line := docs.at(at("two") + 1); filepath.Base(part.name) != "b.yaml" || line != 1 {
		t.Errorf("the marker is told as %s:%d", part.name, line)
	}
	var p *problem.Problem
	twice := problem.New(problem.Invalid, "wrong").WithFields(
		problem.Field{Line: at("four"), Message: fmt.Sprintf("is given twice, first in line %d", at("two"))},
		problem.Field{Line: at("four"), Message: fmt.Sprintf("is given twice, first in line %d", at("three"))})
	if !errors.As(docs.Locate(twice), &p) || p.Fields[0].Message != "is given twice, first in "+filepath.Join(dir, "a.yaml")+":2" ||
		p.Fields[1].Message != "is given twice, first in line 2" {
		t.Errorf("told %v", p)
	}
	for text, want := range map[string]string{"one": "a.yaml:1", "two": "a.yaml:2", "three": "b.yaml:2", "four": "b.yaml:3", "{}": "c.json:1"} {
		told := problem.New(problem.Invalid, "wrong").WithFields(problem.Field{Source: "document 9", Line: at(text), Message: "m"})
		var p *problem.Problem
		if !errors.As(docs.Locate(told), &p) {
			t.Fatal("no problem")
		}
		if got := strings.TrimPrefix(p.Fields[0].String(), dir+"/"); got != want+": m" {
			t.Errorf("%s is told as %s, want %s", text, got, want)
		}
	}
	if docs.Source() != "" {
		t.Errorf("several files are called %q", docs.Source())
	}
	if docs, err = Read(paths[:1], nil); err != nil || docs.Source() != paths[0] {
		t.Errorf("one file is called %q, %v", docs.Source(), err)
	}
}

func TestManifests(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.yaml", "b.yml", "below/c.json", "README.md", ".git/config.yaml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := manifests(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i], _ = filepath.Rel(dir, found[i])
	}
	if diff := cmp.Diff([]string{"a.yaml", "b.yml", "below/c.json"}, found); diff != "" {
		t.Error(diff)
	}
	if _, err := manifests(t.TempDir()); !problem.Is(err, problem.NotFound) {
		t.Errorf("an empty folder: %v", err)
	}
}

// What was made of a file is told by the lines of that file.
func TestLocateWhatWasMade(t *testing.T) {
	for _, n := range []int{1, 3} {
		d := &Documents{}
		for i := range n {
			if err := d.Add(fmt.Sprintf("f%d.yaml", i), strings.NewReader(`{"a": 1}`), func(path string) int { return 100*i + len(path) }); err != nil {
				t.Fatal(err)
			}
		}
		for i, line := range []int{1, 3, 5}[:n] {
			told := problem.New(problem.Invalid, "wrong").WithFields(problem.Field{Path: "spec.x", Line: line, Message: "m"})
			if got, want := problem.From(d.Locate(told)).Fields[0].String(), fmt.Sprintf("f%d.yaml:%d: spec.x: m", i, 100*i+6); got != want {
				t.Errorf("of %d files: %q, want %q", n, got, want)
			}
		}
	}
}
