package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/stoa-platform/stoa"

// file is one Go file of the repository.
type file struct {
	path      string // from the root, with slashes
	folder    string // its package's folder
	test      bool
	generated bool
	source    []byte
	syntax    *ast.File
}

// imports gives the import paths of the file, those of this module as folders.
func (f file) imports() []string {
	var paths []string
	for _, spec := range f.syntax.Imports {
		if path, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, strings.TrimPrefix(path, module+"/"))
		}
	}
	return paths
}

// repository parses all Go files, of every platform and build tag, once.
var repository = sync.OnceValues(func() (*source, error) {
	s := &source{set: token.NewFileSet()}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := entry.Name()
		if entry.IsDir() {
			if path != root && (strings.HasPrefix(name, ".") || slices.Contains(notOurs, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if path, err = filepath.Rel(root, path); err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		syntax, err := parser.ParseFile(s.set, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		s.files = append(s.files, file{
			path: path, folder: filepath.ToSlash(filepath.Dir(path)), test: strings.HasSuffix(name, "_test.go"),
			generated: ast.IsGenerated(syntax), source: text, syntax: syntax,
		})
		return nil
	})
	return s, err
})

type source struct {
	set   *token.FileSet
	files []file
}

func read(t *testing.T) *source {
	t.Helper()
	s, err := repository()
	if err != nil {
		t.Fatalf("read the repository: %v", err)
	}
	if len(s.files) < 20 {
		t.Fatalf("only %d files found: the rules would check nothing", len(s.files))
	}
	return s
}

// code gives the files that are neither tests, nor test support, nor generated.
func (s *source) code() []file {
	return slices.DeleteFunc(slices.Clone(s.files), func(f file) bool {
		return f.test || f.generated || within(f.folder, apart) != ""
	})
}

// within gives the entry of packages that folder is or lies below, the longest
// if there are several, or "".
func within(folder string, packages []string) string {
	found := ""
	for _, p := range packages {
		if (folder == p || strings.HasPrefix(folder, p+"/")) && len(p) > len(found) {
			found = p
		}
	}
	return found
}
