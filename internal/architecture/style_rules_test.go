package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// The checks themselves must find what they are for.
func TestChecksFind(t *testing.T) {
	const text = `// Package p is for the test.
package p

import "unknown/lib"

var count int

var table = map[string]int{"a": 1}

//go:embed x
var text string

var fine = lib.New()

func Bare() { count++; table["b"] = 2; delete(table, "a") }

// Told has a comment.
func Told(table map[string]int) { table["c"] = 1; fine := 1; fine++; _ = fine }

type Shape struct{}

func (s *Shape) Side() {}

func (s *hidden) Free() {}

type hidden struct{}

const (
	One = 1
	Two = 2 // has a comment
)
`
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, "p.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, decl := range parsed.Decls {
		names = append(names, undocumented(decl)...)
	}
	if want := []string{"Bare", "Shape", "Side", "One"}; !slices.Equal(names, want) {
		t.Errorf("undocumented: %v, want %v", names, want)
	}
	got := strings.Join(globalState(set, "p", []*ast.File{parsed}), "\n")
	want := []string{"p.go:6:5: variable count has no value", "p.go:15:15: variable count", "p.go:15:24: variable table", "p.go:15:47: variable table"}
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("not found: %s\nin: %s", w, got)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != len(want) {
		t.Errorf("%d findings, want %d:\n%s", n, len(want), got)
	}
}
