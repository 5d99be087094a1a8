package detect

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/detect/routes"
)

// goCode is what the packages that a program reaches within the source tell.
type goCode struct {
	main       string // where func main is
	listens    string // where it first listens for connections; "" is nowhere
	http       bool   // net/http itself does the listening
	endless    bool   // it waits for signals or loops for ever
	cgo        string // where C is imported, or a package known to need it
	ports      []portFact
	routes     []routeFact
	variables  []string          // environment variables read
	imports    map[string]string // import path → where
	files      []string          // relative paths that it opens and that exist
	subcommand string            // the command-line word without which it does not serve

	subcommandSource string
}

// goReader gathers goCode over the packages that a program reaches.
type goReader struct {
	s        *scan
	code     *goCode
	target   string // folder of the main package
	module   string // folder of its module
	literals map[string]string
	embedded map[string]bool
	seen     map[string]bool
	routed   map[ast.Expr]bool // paths that are part of a route, not one by themselves
	parsed   int
}

// needCgo are imports that do not work without a C compiler.
var needCgo = []string{"github.com/mattn/go-sqlite3", "github.com/confluentinc/confluent-kafka-go"}

// goCode reads the main package in dir and what it imports of this source.
func (s *scan) goCode(ctx context.Context, dir string) (*goCode, error) {
	if c, ok := s.programs[dir]; ok {
		return c, nil
	}
	r := &goReader{
		s: s, target: dir, module: s.goModuleOf(dir),
		code:     &goCode{imports: map[string]string{}},
		literals: map[string]string{}, embedded: map[string]bool{}, seen: map[string]bool{dir: true},
	}
	var all []routes.File
	for queue := []string{dir}; len(queue) > 0; queue = queue[1:] {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, name := range s.src.dirs[queue[0]] {
			p := path.Join(queue[0], name)
			if !s.goMatch(p) || r.parsed >= maxCodeFiles {
				continue
			}
			r.parsed++
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, p, s.src.code(p), parser.ParseComments|parser.SkipObjectResolution)
			if f == nil || err != nil && len(f.Decls) == 0 {
				continue
			}
			all = append(all, routes.File{Set: fset, AST: f})
			r.readDeclarations(f)
			for _, spec := range f.Imports {
				imported, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					continue
				}
				source := r.at(fset, spec.Pos())
				if _, ok := r.code.imports[imported]; !ok {
					r.code.imports[imported] = source
				}
				if imported == "C" || slices.Contains(needCgo, imported) {
					r.code.cgo = source
				}
				if local := s.goPackageDir(imported); local != "" && !r.seen[local] {
					r.seen[local] = true
					queue = append(queue, local)
				}
			}
		}
	}
	if err := r.readRoutes(ctx, all); err != nil {
		return nil, err
	}
	for _, p := range all {
		r.readFile(p.Set, p.AST)
	}
	r.code.files = r.opened()
	s.programs[dir] = r.code
	return r.code, nil
}

// readRoutes reads the paths that handlers are registered by.
func (r *goReader) readRoutes(ctx context.Context, files []routes.File) error {
	found, parts, err := routes.Go(ctx, routes.Program{Files: files, Text: r.text, Folder: r.s.goPackageDir, Registers: goRegisters})
	if err != nil {
		return err
	}
	r.routed = parts
	for _, route := range found {
		if f, ok := newRoute(route.In, route.Path, at(route.Pos.Filename, route.Pos.Line)); ok {
			r.routed[route.At] = true
			r.code.routes = append(r.code.routes, f)
		}
	}
	return nil
}

func (r *goReader) at(fset *token.FileSet, pos token.Pos) string {
	p := fset.Position(pos)
	return at(p.Filename, p.Line)
}

// goModuleOf returns the folder of the module that dir belongs to.
func (s *scan) goModuleOf(dir string) string {
	for ; dir != "." && !s.src.has(path.Join(dir, "go.mod")); dir = path.Dir(dir) {
	}
	return dir
}

// goPackageDir returns the folder of a package of this source, or "".
func (s *scan) goPackageDir(imported string) string {
	best, found := "", ""
	for dir, m := range s.modules {
		p := m.file.Module.Mod.Path
		if (imported == p || strings.HasPrefix(imported, p+"/")) && len(p) > len(best) {
			best, found = p, path.Join(dir, strings.TrimPrefix(imported, p))
		}
	}
	if found == "" || len(s.src.dirs[found]) == 0 {
		return ""
	}
	return found
}

// readDeclarations remembers named text and numbers, so that uses of them can
// be resolved, and what is embedded and so needs no file beside the binary.
func (r *goReader) readDeclarations(f *ast.File) {
	for _, decl := range f.Decls {
		gen, ok := decl.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range gen.Specs {
			v, ok := spec.(*ast.ValueSpec)
			if !ok {
				continue
			}
			for i, name := range v.Names {
				if i < len(v.Values) {
					if lit, ok := v.Values[i].(*ast.BasicLit); ok {
						r.literals[name.Name] = literal(lit)
					}
				}
			}
		}
	}
	for _, group := range f.Comments {
		for _, c := range group.List {
			if patterns, ok := strings.CutPrefix(c.Text, "//go:embed "); ok {
				for p := range strings.FieldsSeq(patterns) {
					r.embedded[strings.TrimPrefix(p, "all:")] = true
				}
			}
		}
	}
}

func (r *goReader) readFile(fset *token.FileSet, f *ast.File) {
	main := f.Name.Name == "main"
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if main && n.Name.Name == "main" && n.Recv == nil {
				r.code.main = r.at(fset, n.Pos())
			}
		case *ast.ForStmt:
			if main && n.Cond == nil && n.Init == nil && n.Post == nil {
				r.code.endless = true
			}
		case *ast.SelectStmt:
			if len(n.Body.List) == 0 {
				r.code.endless = true
			}
		case *ast.CallExpr:
			r.readCall(n, r.at(fset, n.Lparen)) // to find where a long chain begins takes long
		case *ast.CompositeLit:
			r.readComposite(n, fset)
		case *ast.AssignStmt:
			r.readAssign(n, r.at(fset, n.Pos()))
		case *ast.Field:
			r.readTag(n, fset)
		case *ast.BasicLit:
			if text := literal(n); n.Kind == token.STRING && !r.routed[n] {
				_, route, ok := strings.Cut(text, " ")
				if !ok {
					route = text
				}
				if isHealthPath(route) {
					r.code.routes = append(r.code.routes, routeFact{path: route, known: route, source: r.at(fset, n.Pos())})
				}
			}
		}
		return true
	})
}

// literal returns the value of a basic literal, "" if it has none of use.
func literal(lit *ast.BasicLit) string {
	switch lit.Kind {
	case token.STRING:
		s, _ := strconv.Unquote(lit.Value)
		return s
	case token.INT:
		return lit.Value
	}
	return ""
}

// Bounds of a text that is put together; beyond them it is not known.
const (
	maxText  = 4 << 10 // bytes
	maxParts = 100     // in each other
)

// text resolves an expression to a constant text as far as can be told from
// the source alone; ok is false where a part of it is not known.
func (r *goReader) text(e ast.Expr) (s string, ok bool) {
	return r.resolve(e, maxParts)
}

func (r *goReader) resolve(e ast.Expr, parts int) (s string, ok bool) {
	if parts == 0 {
		return "", false
	}
	switch e := e.(type) {
	case *ast.BasicLit:
		return literal(e), e.Kind == token.STRING || e.Kind == token.INT
	case *ast.ParenExpr:
		return r.resolve(e.X, parts-1)
	case *ast.Ident:
		s, ok = r.literals[e.Name]
		return s, ok
	case *ast.SelectorExpr:
		s, ok = r.literals[e.Sel.Name]
		return s, ok
	case *ast.BinaryExpr:
		left, ok1 := r.resolve(e.X, parts-1)
		right, ok2 := r.resolve(e.Y, parts-1)
		if ok1 && ok2 && e.Op == token.ADD && len(left)+len(right) <= maxText {
			return left + right, true
		}
	case *ast.CallExpr:
		if name := routes.Callee(e); (name == "Sprintf" || name == "Sprint") && len(e.Args) == 2 {
			format, ok1 := r.resolve(e.Args[0], parts-1)
			arg, ok2 := r.resolve(e.Args[1], parts-1)
			if ok1 && ok2 && len(format)+strings.Count(format, "%")*len(arg) <= maxText {
				return strings.NewReplacer("%d", arg, "%s", arg, "%v", arg).Replace(format), true
			}
		}
	}
	return "", false
}

// receiver is the name of the package or variable a call goes to.
func receiver(c *ast.CallExpr) string {
	if f, ok := c.Fun.(*ast.SelectorExpr); ok {
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name
		}
	}
	return ""
}
