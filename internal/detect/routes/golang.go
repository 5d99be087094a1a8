package routes

import (
	"context"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// Prefix is what stands before the paths of a group of routes. Of one that is
// Unknown a part, which may be all, is put together where it cannot be read.
type Prefix struct {
	Path    string
	Unknown bool
}

// Bounds of what is followed; beyond them a prefix is not known.
const (
	maxPrefix   = 200 // bytes of one, or of a name
	maxNested   = 50  // expressions or blocks in each other
	maxReadings = 12  // from where a group is made to where it is used
)

// Join is the prefix of a group with a path of its own in the group.
func (p Prefix) Join(more string) Prefix {
	if len(p.Path)+len(more) > maxPrefix {
		return Prefix{Unknown: true}
	}
	return Prefix{strings.TrimSuffix(strings.TrimSuffix(p.Path, "/")+"/"+strings.Trim(more, "/"), "/"), p.Unknown}
}

var (
	// groupCalls make a group below the path that is their first argument.
	groupCalls = []string{"Group", "Route", "PathPrefix", "Party"}
	// routeCalls register a handler by its path.
	routeCalls = []string{"Handle", "HandleFunc", "Get", "GET", "Any", "ANY", "All", "Head", "HEAD", "HandlerFunc", "Route", "Add", "Method", "MethodFunc"}
	// methodFirst are those of them that take the method before the path, where they take more than two.
	methodFirst = []string{"Handle", "HandlerFunc", "Add", "Method", "MethodFunc"}
	// mountCalls put a router below that path.
	mountCalls = []string{"Mount", "StripPrefix", "Use"}
	// sameGroup are calls that give the group they are made on, with more to it.
	sameGroup = []string{"Subrouter", "Use", "With", "Name", "Host", "Schemes", "Methods", "Headers", "NewRoute", "StrictSlash", "SkipClean", "UseEncodedPath"}
	// newRouter are the functions that make a router.
	newRouter = []string{"New", "Default", "NewRouter", "NewServeMux", "NewMux", "Classic"}
	// rootTypes are the types of what nothing puts below a prefix.
	rootTypes = []string{"Engine", "Echo"}
)

// File is one file of a program.
type File struct {
	Set *token.FileSet
	AST *ast.File
}

// Program is a program in Go, with what is known of it beside.
type Program struct {
	Files []File
	// Text gives the text that an expression stands for, if it is known.
	Text func(e ast.Expr) (string, bool)
	// Folder gives the folder of a package by its path, "" of one that is not of the source.
	Folder func(imported string) string
	// Registers reports whether functions of a package itself register at the root.
	Registers func(imported string) bool
}

// Route is a handler that is registered by a path.
type Route struct {
	In   Prefix
	Path string
	At   ast.Expr
	Pos  token.Position
}

// reader finds the paths that handlers are registered by, below the prefixes of
// their groups.
type reader struct {
	Program
	file     File
	pkg      int                 // of the file
	packages map[string]int      // folder → number
	imports  map[string]goImport // of the file
	known    map[place]Prefix    // as of the reading before
	next     map[place]Prefix    // as of this one
	literals map[*ast.FuncLit]place
	strips   map[*ast.CallExpr]ast.Expr // what a handler without its prefix is put into
	nested   int
	routes   []Route
	parts    map[ast.Expr]bool
}

// Go reads the routes of a program, and which texts are a part of a prefix. All
// files are read again until what is made in one place is known wherever it is
// used. It ends with the error of ctx.
func Go(ctx context.Context, program Program) (found []Route, parts map[ast.Expr]bool, err error) {
	w := &reader{Program: program, packages: map[string]int{}, literals: map[*ast.FuncLit]place{}, strips: map[*ast.CallExpr]ast.Expr{}, parts: map[ast.Expr]bool{}}
	for range maxReadings {
		w.routes = nil
		w.known, w.next = w.next, map[place]Prefix{}
		for _, f := range w.Files {
			w.enter(f)
			for _, decl := range f.AST.Decls {
				if err := ctx.Err(); err != nil {
					return nil, nil, err
				}
				w.declaration(decl)
			}
		}
		if maps.EqualFunc(w.known, w.next, func(a, b Prefix) bool { return a == b || a.Unknown && b.Unknown }) {
			return w.routes, w.parts, nil
		}
	}
	for i := range w.routes {
		w.routes[i].In.Unknown = true
	}
	return w.routes, w.parts, nil
}

// tell remembers what a place holds, for the next reading. Of two that differ
// neither is known; but what is put at the root answers there, wherever else it
// is put as well.
func (w *reader) tell(at place, p Prefix) {
	if had, ok := w.next[at]; ok && had != p {
		p = Prefix{Unknown: !at.mounted || had != Prefix{} && p != Prefix{}}
	}
	w.next[at] = p
}

// holds gives what a place holds.
func (w *reader) holds(at place) (Prefix, bool) {
	p, ok := w.known[at.below()]
	if !ok {
		p, ok = w.known[at]
	}
	return p, ok
}

// of gives the prefix of the router or group that an expression is.
func (s *scope) of(e ast.Expr) (p Prefix, ok bool) {
	if s.nested >= maxNested {
		return p, false
	}
	s.nested++
	defer func() { s.nested-- }()
	at, found := s.place(e)
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return s.of(e.X)
	case *ast.TypeAssertExpr:
		return s.of(e.X)
	case *ast.Ident:
		if v, local := s.find(e.Name); local {
			if mounted, ok := s.known[at.below()]; ok {
				return mounted, true
			}
			return v.prefix, v.router
		}
		if !found {
			return p, s.imports[e.Name].registers
		}
	case *ast.SelectorExpr:
		if p, ok = s.holds(at); !ok && (e.Sel.Name == "RouterGroup" || e.Sel.Name == "DefaultServeMux") {
			return s.of(e.X) // as it is embedded in gin's engine
		}
		return p, ok
	case *ast.CompositeLit:
		return p, isMux(e.Type)
	case *ast.CallExpr:
		name := Callee(e)
		on, sel := e.Fun.(*ast.SelectorExpr)
		switch {
		case sel && slices.Contains(groupCalls, name) && len(e.Args) > 0:
			return s.under(on.X, e.Args[0]), true
		case sel && slices.Contains(sameGroup, name):
			return s.of(on.X)
		case name == "new" && len(e.Args) == 1 && isMux(e.Args[0]), sel && slices.Contains(newRouter, name) && s.foreign(on.X):
			return p, true
		}
	}
	if found {
		return s.holds(at)
	}
	return p, false
}

// sure is what of gives, unknown where that is nothing.
func (s *scope) sure(e ast.Expr) Prefix {
	p, ok := s.of(e)
	p.Unknown = p.Unknown || !ok
	return p
}

// under is the prefix of a group made of a router with a path.
func (s *scope) under(router, at ast.Expr) Prefix {
	p := s.sure(router)
	if _, function := at.(*ast.FuncLit); function {
		return p // chi's Group, which only adds middleware
	}
	more, ok := s.Text(at)
	if !ok {
		return Prefix{p.Path, true}
	}
	s.parts[at] = true
	return p.Join(more)
}

// flow tells a place what it is handed, and what is handed where the place is mounted.
func (s *scope) flow(e ast.Expr, to place) {
	if p, ok := s.of(e); ok {
		s.tell(to, p)
	}
	if p, ok := s.known[to.below()]; ok {
		s.mount(e, p, nil)
	}
}

// mount tells that a router is put below a prefix of another: by itself, as what
// a function of the source returns, or within handlers that are put around it.
func (s *scope) mount(e ast.Expr, p Prefix, on ast.Expr) {
	if u, ok := e.(*ast.UnaryExpr); ok {
		e = u.X
	}
	at, found := s.place(e)
	if found {
		s.tell(at.below(), p)
	}
	c, ok := e.(*ast.CallExpr)
	if !ok || Callee(c) == "StripPrefix" || s.nested >= maxNested {
		return
	}
	s.nested++
	defer func() { s.nested-- }()
	for i, arg := range c.Args {
		if _, elsewhere := s.known[at.parameter(i).below()]; found && elsewhere {
			continue
		}
		if _, router := s.of(arg); router && !sameName(arg, on) {
			s.mount(arg, p, on)
		}
	}
}

// call reads what a call hands on, mounts and registers.
func (s *scope) call(c *ast.CallExpr) {
	name := Callee(c)
	if f, ok := s.place(c); ok && !slices.Contains(groupCalls, name) {
		for i, arg := range c.Args {
			s.flow(arg, f.parameter(i))
		}
	}
	on, sel := c.Fun.(*ast.SelectorExpr)
	if !sel || len(c.Args) == 0 {
		return
	}
	first, last := c.Args[0], c.Args[len(c.Args)-1]
	if strings.HasPrefix(name, "ListenAndServe") && len(c.Args) > 1 {
		s.mount(last, Prefix{}, nil)
	}
	if more, ok := s.Text(first); slices.Contains(mountCalls, name) && len(c.Args) > 1 && (name != "Use" || ok && strings.HasPrefix(more, "/")) {
		router := on.X
		if outer := s.strips[c]; outer != nil {
			router = outer
		}
		s.mount(last, s.under(router, first), router)
	}
	if slices.Contains(groupCalls, name) {
		if lit, ok := last.(*ast.FuncLit); ok {
			s.tell(s.literal(lit).parameter(0), s.under(on.X, first))
		} else if f, ok := s.place(&ast.CallExpr{Fun: last}); ok && len(c.Args) > 1 {
			s.tell(f.parameter(0), s.under(on.X, first))
		}
	}
	if slices.Contains(routeCalls, name) {
		if strip, ok := last.(*ast.CallExpr); ok && Callee(strip) == "StripPrefix" {
			s.strips[strip] = on.X
		} else if _, router := s.of(last); router && name == "Handle" {
			s.mount(last, s.sure(on.X), on.X)
		}
		if len(c.Args) > 2 && slices.Contains(methodFirst, name) {
			first = c.Args[1]
		}
		s.route(on.X, first)
	}
}

// route notes a path that a handler is registered by.
func (s *scope) route(router, at ast.Expr) {
	p, ok := s.Text(at)
	if !ok {
		return
	}
	p = strings.TrimSuffix(p[strings.LastIndexByte(p, ' ')+1:], "{$}") // "GET /healthz", "/{$}"
	s.routes = append(s.routes, Route{In: s.sure(router), Path: p, At: at, Pos: s.file.Set.Position(at.Pos())})
}

// Callee is the name that a call goes by, without package or receiver.
func Callee(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}
