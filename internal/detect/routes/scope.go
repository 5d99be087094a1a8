package routes

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strconv"

	"golang.org/x/mod/module"
)

// place is where a program keeps a router: a variable within a function, by what
// declares it; one of a package, or what a function returns, by its package and
// name; a field or a method by its name alone, as types are not followed.
type place struct {
	decl    *ast.Ident
	pkg     int
	name    string
	index   int  // 0, or one more than that of a parameter of the function
	mounted bool // what it is put below, rather than what it was made with
}

// Numbers that stand for no package.
const (
	inFields  = -1
	inMethods = -2
	elsewhere = -3 // a package of somebody else
)

// goImport is a package by its name in a file.
type goImport struct {
	pkg       int
	registers bool // by functions of its own
}

func (p place) parameter(i int) place { p.index = i + 1; return p }
func (p place) below() place          { p.mounted = true; return p }

// variable is what one holds at a line.
type variable struct {
	at     place
	prefix Prefix
	router bool // it holds one, or a group
	set    bool // to anything
}

// scope is a block of a function.
type scope struct {
	*reader
	function place // whose results are returned; that of no name is none
	outer    *scope
	depth    int
	vars     map[string]variable
}

// enter begins a file.
func (w *reader) enter(f File) {
	w.file, w.imports = f, map[string]goImport{}
	w.pkg = w.number(path.Dir(f.Set.Position(f.AST.Pos()).Filename))
	for _, spec := range f.AST.Imports {
		imported, _ := strconv.Unquote(spec.Path.Value)
		base, _, _ := module.SplitPathVersion(imported)
		name := path.Base(base)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		i := goImport{pkg: elsewhere, registers: w.Registers(imported)}
		if dir := w.Folder(imported); dir != "" {
			i.pkg = w.number(dir)
		}
		w.imports[name] = i
	}
}

func (w *reader) number(dir string) int {
	if _, ok := w.packages[dir]; !ok {
		w.packages[dir] = len(w.packages)
	}
	return w.packages[dir]
}

func (w *reader) declaration(d ast.Decl) {
	top := &scope{reader: w, vars: map[string]variable{}}
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		ast.Walk(top, d)
	} else if f.Body != nil {
		top.function = place{pkg: w.pkg, name: f.Name.Name}
		if f.Recv != nil {
			top.function.pkg = inMethods
			top.parameters(f.Recv, place{})
		}
		top.outer = &scope{} // it is no longer that of the package
		top.parameters(f.Type.Params, top.function)
		ast.Walk(top, f.Body)
	}
}

// parameters declares those of a function.
func (s *scope) parameters(list *ast.FieldList, of place) {
	i := 0
	for _, field := range list.List {
		for _, name := range field.Names {
			at := of.parameter(i)
			if of == (place{}) {
				at = place{decl: name}
			}
			p, ok := s.holds(at)
			s.vars[name.Name] = variable{at, p, ok || slices.Contains(rootTypes, typeName(field.Type)), true}
			i++
		}
		i += max(0, 1-len(field.Names))
	}
}

// inner is a block in this one.
func (s *scope) inner() *scope {
	return &scope{reader: s.reader, function: s.function, outer: s, depth: s.depth + 1, vars: map[string]variable{}}
}

// Visit reads a node and gives the block that holds what is in it.
func (s *scope) Visit(n ast.Node) ast.Visitor {
	if s.depth > maxNested {
		return nil
	}
	switch n := n.(type) {
	case *ast.BlockStmt, *ast.IfStmt, *ast.ForStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.CaseClause, *ast.CommClause:
		return s.inner()
	case *ast.RangeStmt:
		in := s.inner()
		in.assign([]ast.Expr{n.Key, n.Value}, nil, n.Tok == token.DEFINE)
		return in
	case *ast.FuncLit:
		in := s.inner()
		in.function = place{}
		in.parameters(n.Type.Params, s.literal(n))
		return in
	case *ast.AssignStmt:
		s.assign(n.Lhs, n.Rhs, n.Tok == token.DEFINE)
	case *ast.ValueSpec:
		names, values := make([]ast.Expr, len(n.Names)), n.Values
		for i, name := range n.Names {
			if names[i] = name; isMux(n.Type) {
				values = append(values, &ast.CompositeLit{Type: n.Type})
			}
		}
		s.assign(names, values, s.outer != nil)
	case *ast.ReturnStmt:
		if s.function.name != "" && len(n.Results) > 0 {
			s.flow(n.Results[0], s.function)
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok {
			s.flow(n.Value, place{pkg: inFields, name: key.Name})
		}
	case *ast.CompositeLit:
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && typeName(n.Type) == "Server" && sameName(kv.Key, ast.NewIdent("Handler")) {
				s.mount(kv.Value, Prefix{}, nil)
			}
		}
	case *ast.StructType:
		for _, field := range n.Fields.List {
			for _, name := range field.Names {
				if isMux(field.Type) || slices.Contains(rootTypes, typeName(field.Type)) {
					s.tell(place{pkg: inFields, name: name.Name}, Prefix{})
				}
			}
		}
	case *ast.CallExpr:
		s.call(n)
	}
	return s
}

// find gives the variable of a function that a name stands for.
func (s *scope) find(name string) (variable, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return variable{}, false
}

func (s *scope) assign(to, from []ast.Expr, define bool) {
	for i, target := range to {
		var e ast.Expr = &ast.BadExpr{}
		if i < len(from) && (i == 0 || len(from) == len(to)) {
			e = from[i]
		}
		if name, ok := target.(*ast.Ident); ok {
			s.set(name, e, define, len(from) > 0)
		} else if at, ok := s.place(target); ok {
			s.flow(e, at)
		}
	}
}

// set gives a variable a value. What a block gives to one outside of it is not
// known to hold after it, but for the first value.
func (s *scope) set(name *ast.Ident, e ast.Expr, define, valued bool) {
	v, found := s.find(name.Name)
	_, own := s.vars[name.Name]
	if define && !own {
		v = variable{at: place{decl: name}}
	} else if !found {
		v.at = place{pkg: s.pkg, name: name.Name}
		s.flow(e, v.at)
	}
	if lit, ok := e.(*ast.FuncLit); ok {
		s.literals[lit] = v.at
	}
	if !define && !found {
		return
	}
	v.prefix, v.router = s.of(e)
	v.set = valued
	if p, ok := s.known[v.at.below()]; ok {
		s.mount(e, p, nil)
	}
	s.vars[name.Name] = v
	for out := s.outer; out != nil; out = out.outer {
		o, ok := out.vars[name.Name]
		if !ok || o.at != v.at {
			continue
		}
		if o.set && (o.router != v.router || o.prefix != v.prefix) {
			o.prefix, o.router = Prefix{Unknown: true}, true
		} else {
			o = v
		}
		out.vars[name.Name] = o
	}
}

// place gives where an expression is kept, or what the function that it calls returns.
func (s *scope) place(e ast.Expr) (place, bool) {
	switch e := e.(type) {
	case *ast.Ident:
		if v, local := s.find(e.Name); local {
			return v.at, true
		}
		_, imported := s.imports[e.Name]
		return place{pkg: s.pkg, name: e.Name}, !imported && len(e.Name) <= maxPrefix
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			if i, imported := s.imports[x.Name]; imported && !s.local(x) {
				return place{pkg: i.pkg, name: e.Sel.Name}, i.pkg >= 0
			}
		}
		return place{pkg: inFields, name: e.Sel.Name}, len(e.Sel.Name) <= maxPrefix
	case *ast.CallExpr:
		at, ok := s.place(e.Fun)
		if at.pkg == inFields {
			at.pkg = inMethods
		}
		return at, ok && at.index == 0
	}
	return place{}, false
}

func (s *scope) local(name *ast.Ident) bool {
	_, ok := s.find(name.Name)
	return ok
}

// literal is the place of a function without a name of its own.
func (s *scope) literal(f *ast.FuncLit) place {
	at, ok := s.literals[f]
	if !ok && len(f.Type.Params.List) > 0 && len(f.Type.Params.List[0].Names) > 0 {
		at.decl = f.Type.Params.List[0].Names[0]
	}
	return at
}

// foreign reports whether an expression is a package of somebody else.
func (s *scope) foreign(e ast.Expr) bool {
	x, ok := e.(*ast.Ident)
	if !ok || s.local(x) {
		return false
	}
	i, imported := s.imports[x.Name]
	return !imported || i.pkg < 0
}

// isMux reports the type whose zero value is a router, at the root.
func isMux(t ast.Expr) bool {
	sel, ok := t.(*ast.SelectorExpr)
	return ok && sel.Sel.Name == "ServeMux"
}

// typeName is the name of a type of another package, or of a pointer to it.
func typeName(t ast.Expr) string {
	if pointer, ok := t.(*ast.StarExpr); ok {
		t = pointer.X
	}
	if sel, ok := t.(*ast.SelectorExpr); ok {
		return sel.Sel.Name
	}
	return ""
}

func sameName(a, b ast.Expr) bool {
	x, ok1 := a.(*ast.Ident)
	y, ok2 := b.(*ast.Ident)
	return ok1 && ok2 && x.Name == y.Name
}
