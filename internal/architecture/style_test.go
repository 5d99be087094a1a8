package architecture

import (
	"bytes"
	"go/ast"
	"go/format"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestPackageNamesSayWhatTheyHold(t *testing.T) {
	for _, f := range read(t).files {
		for _, part := range strings.Split(f.folder, "/") {
			if slices.Contains(emptyNames, part) || slices.Contains(emptyNames, f.syntax.Name.Name) {
				t.Errorf("%s: a package is named for what it provides, not %q", f.path, part)
			}
		}
	}
}

func TestSizes(t *testing.T) {
	packages := map[string]int{}
	for _, f := range read(t).files {
		if f.generated {
			continue
		}
		lines, limit := bytes.Count(f.source, []byte("\n")), maxFile
		if f.test {
			limit = maxTestFile
		} else {
			packages[f.folder] += codeLines(f.source)
		}
		if lines > limit {
			t.Errorf("%s has %d lines, the limit is %d", f.path, lines, limit)
		}
	}
	for folder, lines := range packages {
		if limit := max(maxPackage, larger[folder]); lines > limit {
			t.Errorf("%s has %d lines of code, the limit is %d", folder, lines, limit)
		}
	}
}

// codeLines counts the lines that are neither blank nor a comment alone.
func codeLines(source []byte) int {
	n := 0
	for line := range bytes.Lines(source) {
		if line = bytes.TrimSpace(line); len(line) > 0 && !bytes.HasPrefix(line, []byte("//")) {
			n++
		}
	}
	return n
}

func TestFormatted(t *testing.T) {
	for _, f := range read(t).files {
		if f.generated {
			continue
		}
		if formatted, err := format.Source(f.source); err != nil || !bytes.Equal(formatted, f.source) {
			t.Errorf("%s is not formatted: gofmt -w %s", f.path, f.path)
		}
	}
}

func TestNoInit(t *testing.T) {
	for _, f := range read(t).code() {
		for _, decl := range f.syntax.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s has an init function: what must be made is made by internal/app, in sight", f.path)
			}
		}
	}
}

// A skip is either a missing component, which testenv tells of and CI refuses,
// or a test that does not run.
func TestSkipsGoThroughTestenv(t *testing.T) {
	for _, f := range read(t).files {
		if within(f.folder, []string{"internal/testenv", "internal/architecture"}) != "" {
			continue
		}
		ast.Inspect(f.syntax, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fn, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			receiver, _ := fn.X.(*ast.Ident)
			if slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, fn.Sel.Name) && receiver != nil && slices.Contains([]string{"t", "b", "tb"}, receiver.Name) {
				t.Errorf("%s skips a test: call testenv.Need or testenv.Missing, or use a build constraint", f.path)
			}
			return true
		})
	}
}

func TestExportedThingsAreDocumented(t *testing.T) {
	s := read(t)
	for _, f := range s.code() {
		if f.syntax.Name.Name == "main" {
			continue
		}
		for _, decl := range f.syntax.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: %s is exported and has no comment", f.path, name)
			}
		}
	}
	documented := map[string]bool{}
	for _, f := range s.code() {
		documented[f.folder] = documented[f.folder] || f.syntax.Doc != nil
	}
	for folder, ok := range documented {
		if !ok {
			t.Errorf("%s: no file has a package comment", folder)
		}
	}
}

// wellKnown are methods of the standard library's interfaces, whose contract is theirs.
var wellKnown = []string{"Error", "Is", "As", "Unwrap", "String", "GoString", "Len", "Less", "Swap", "Read", "Write", "Close", "ServeHTTP", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText"}

// undocumented names what a declaration exports without a comment. One comment
// serves all of a group.
func undocumented(decl ast.Decl) []string {
	var names []string
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) && !(d.Recv != nil && slices.Contains(wellKnown, d.Name.Name)) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = id.IsExported()
			return false
		}
		return true
	})
	return exported
}

// Package variables are constants that Go cannot write as such: tables,
// patterns, errors. They are set where they are declared and never again.
func TestNoGlobalState(t *testing.T) {
	s := read(t)
	packages := map[string][]*ast.File{}
	for _, f := range s.code() {
		packages[f.folder] = append(packages[f.folder], f.syntax)
	}
	for folder, files := range packages {
		for _, found := range globalState(s.set, folder, files) {
			t.Errorf("%s", found)
		}
	}
}

// globalState finds package variables without a value and those that are
// written to. Names are resolved within the package alone, so that nothing
// needs to be built; what is imported stays unknown.
func globalState(set *token.FileSet, folder string, files []*ast.File) []string {
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Error: func(error) {}, FakeImportC: true}
	pkg, _ := config.Check(path.Join(module, folder), set, files, info) // the errors are the unknown imports
	var found []string
	report := func(at token.Pos, what string) {
		found = append(found, set.Position(at).String()+": "+what)
	}
	global := func(e ast.Expr) *ast.Ident {
		for {
			switch x := e.(type) {
			case *ast.ParenExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.IndexExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.Ident:
				if v, ok := info.Uses[x].(*types.Var); ok && pkg != nil && v.Parent() == pkg.Scope() {
					return x
				}
				return nil
			default:
				return nil
			}
		}
	}
	for _, f := range files {
		for _, decl := range f.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v := spec.(*ast.ValueSpec)
				if len(v.Values) == 0 && !embedded(d, v) {
					report(v.Pos(), "variable "+v.Names[0].Name+" has no value, so something must write to it: make it a field")
				}
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			var written []ast.Expr
			switch s := n.(type) {
			case *ast.AssignStmt:
				if s.Tok != token.DEFINE {
					written = s.Lhs
				}
			case *ast.IncDecStmt:
				written = []ast.Expr{s.X}
			case *ast.RangeStmt:
				if s.Tok == token.ASSIGN {
					written = []ast.Expr{s.Key, s.Value}
				}
			case *ast.CallExpr:
				if fn, ok := s.Fun.(*ast.Ident); ok && len(s.Args) > 0 && (fn.Name == "delete" || fn.Name == "clear" || fn.Name == "copy") {
					written = s.Args[:1]
				}
			}
			for _, e := range written {
				if id := global(e); id != nil {
					report(id.Pos(), "variable "+id.Name+" of the package is written to: make it a field")
				}
			}
			return true
		})
	}
	return found
}

// embedded tells whether a variable's value comes from a //go:embed line.
func embedded(d *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, group := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if group == nil {
			continue
		}
		for _, comment := range group.List {
			if strings.HasPrefix(comment.Text, "//go:embed ") {
				return true
			}
		}
	}
	return false
}
