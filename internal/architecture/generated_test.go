package architecture

import (
	"bytes"
	"go/format"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/a-h/templ/generator"
	parser "github.com/a-h/templ/parser/v2"
)

// A page that was edited and not generated anew is the old one to every other
// test. This makes in memory what `templ generate` writes.
func TestTemplatesAreGenerated(t *testing.T) {
	root, generated, templates := filepath.Join("..", ".."), map[string][]byte{}, 0
	for _, f := range read(t).files {
		if strings.HasSuffix(f.path, "_templ.go") {
			generated[f.path] = f.source
		}
	}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || slices.Contains(notOurs, entry.Name())) {
			return fs.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".templ" {
			return nil
		}
		templates++
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		want, err := generate(path, name)
		if err != nil {
			t.Errorf("generate %s: %v", name, err)
		}
		target := strings.TrimSuffix(name, ".templ") + "_templ.go"
		if err == nil && !bytes.Equal(generated[target], want) {
			t.Errorf("%s is not what %s gives: make generate", target, name)
		}
		delete(generated, target)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for target := range generated {
		t.Errorf("%s has no template any more", target)
	}
	if templates < 5 {
		t.Errorf("only %d templates found", templates)
	}
}

// generate makes the Go code of a template; its errors will tell of it by name.
func generate(path, name string) ([]byte, error) {
	parsed, err := parser.Parse(path)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := generator.Generate(parsed, &b, generator.WithVersion(templ.Version()), generator.WithFileName(name)); err != nil {
		return nil, err
	}
	return format.Source(b.Bytes())
}
