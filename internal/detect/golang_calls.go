package detect

import (
	"go/ast"
	"go/token"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/detect/routes"
)

// flagCalls are the functions of flag, and of libraries shaped like it, that
// declare a flag, with the position of the flag's name and of its default.
var flagCalls = map[string][2]int{
	"String": {0, 1}, "Int": {0, 1}, "Uint": {0, 1}, "Uint16": {0, 1},
	"StringVar": {1, 2}, "IntVar": {1, 2}, "UintVar": {1, 2}, "Uint16Var": {1, 2},
	"StringP": {0, 2}, "IntP": {0, 2}, "StringVarP": {1, 3}, "IntVarP": {1, 3}, "Uint16VarP": {1, 3},
}

// listenCalls are the functions that listen for connections, with the position
// of the address.
var listenCalls = map[string]int{
	"ListenAndServe": 0, "ListenAndServeTLS": 0, "Listen": 0, "Start": 0, "StartTLS": 0, "Run": 0, "RunTLS": 0, "Serve": -1,
}

// openCalls are the functions that open a file or folder by its path.
var openCalls = []string{"Open", "ReadFile", "ReadDir", "Dir", "DirFS", "ParseFiles", "ParseGlob", "LoadHTMLGlob", "LoadHTMLFiles", "Static", "StaticFS", "StaticFile", "File", "ServeFile", "OpenRoot", "Load"}

var (
	envName       = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,63}$`)
	fixedAddr     = regexp.MustCompile(`^[^/\s]*:(\d{1,5})$`)
	serveWord     = regexp.MustCompile(`^(serve|server|start|run|web|http|api)( |$)`)
	frameworkVars = []string{"gin", "r", "router", "e", "echo", "app", "engine", "srv", "server", "s", "fiber"}
)

func (r *goReader) readCall(c *ast.CallExpr, source string) {
	name := routes.Callee(c)
	r.readEnv(c, name, source)
	r.readFlag(c, name, source)
	r.readListen(c, name, source)
	if slices.Contains(openCalls, name) {
		for _, arg := range c.Args {
			if p, ok := r.text(arg); ok && p != "" && !path.IsAbs(p) {
				r.code.files = append(r.code.files, p)
			}
		}
	}
	if name == "Notify" || name == "NotifyContext" {
		r.code.endless = true
	}
}

// readEnv finds environment variables, whatever function reads them: os.Getenv
// or a wrapper that takes a name and a default.
func (r *goReader) readEnv(c *ast.CallExpr, function, source string) {
	if len(c.Args) == 0 || len(c.Args) > 4 {
		return
	}
	for i, arg := range c.Args[:min(2, len(c.Args))] {
		name, ok := r.text(arg)
		if !ok || !envName.MatchString(name) {
			continue
		}
		if !strings.Contains(strings.ToLower(function), "env") && receiver(c) != "env" && receiver(c) != "viper" {
			continue
		}
		r.code.variables = append(r.code.variables, name)
		fallback := 0
		if i+1 < len(c.Args) {
			if text, ok := r.text(c.Args[i+1]); ok {
				fallback = atoiPort(text)
			}
		}
		r.addVariable(name, fallback, source)
		return
	}
}

func (r *goReader) addVariable(name string, fallback int, source string) {
	port, address := portName(name)
	switch {
	case port:
		r.addPort(portFact{by: portByVariable, name: name, port: fallback, source: source})
	case address:
		r.addPort(portFact{by: portByAddress, name: name, port: fallback, source: source})
	}
}

func (r *goReader) addPort(f portFact) {
	for _, have := range r.code.ports {
		if have.by == f.by && have.name == f.name && (have.port != 0 || f.port == 0) {
			return
		}
	}
	r.code.ports = append(r.code.ports, f)
}

func (r *goReader) readFlag(c *ast.CallExpr, function, source string) {
	positions, ok := flagCalls[function]
	if !ok || len(c.Args) <= positions[1] || receiver(c) == "os" {
		return
	}
	name, ok := r.text(c.Args[positions[0]])
	if !ok || name == "" || strings.ContainsAny(name, " /:%") {
		return
	}
	port, address := portName(name)
	value, known := r.text(c.Args[positions[1]])
	if !known && strings.HasSuffix(function, "P") {
		return
	}
	// slog.String("addr", …) has the shape of a flag; only a default that reads
	// as a port or address, or the package flag itself, makes it one.
	isFlag := receiver(c) == "flag" || receiver(c) == "pflag" || len(c.Args) > positions[1]+1
	if !isFlag || !port && !address {
		return
	}
	r.addPort(portFact{by: portByFlag, name: "--" + name, port: atoiPort(value), address: address, source: source})
}

func (r *goReader) readListen(c *ast.CallExpr, function, source string) {
	position, ok := listenCalls[function]
	if !ok {
		return
	}
	to := receiver(c)
	switch function {
	case "ListenAndServe", "ListenAndServeTLS":
		r.code.http = true
		r.listening(source)
	case "Serve":
		if to == "http" || len(c.Args) == 1 && to != "" && len(to) < 12 {
			r.listening(source)
		}
		return
	case "Listen":
		if len(c.Args) >= 2 { // net.Listen(network, address), (*net.ListenConfig).Listen(ctx, network, address)
			if network, ok := r.text(c.Args[len(c.Args)-2]); !ok || !strings.HasPrefix(network, "tcp") {
				return
			}
			position = len(c.Args) - 1
			r.listening(source)
		}
	}
	if position >= len(c.Args) {
		if _, gin := r.code.importOf("github.com/gin-gonic/gin"); gin && function == "Run" && slices.Contains(frameworkVars, to) {
			r.listening(source)
			r.addPort(portFact{by: portByVariable, name: "PORT", port: 8080, source: source})
		}
		return
	}
	if addr, ok := r.text(c.Args[position]); ok {
		if m := fixedAddr.FindStringSubmatch(addr); m != nil {
			r.listening(source)
			r.addPort(portFact{by: portFixed, port: atoiPort(m[0]), source: source})
		}
	} else if r.framework() && slices.Contains(frameworkVars, to) {
		r.listening(source)
	}
}

// framework reports whether a web framework with a Listen, Start or Run of its
// own is in use.
func (r *goReader) framework() bool {
	for _, fw := range goFrameworks[:3] {
		if _, ok := r.code.importOf(fw.path); ok {
			return true
		}
	}
	return false
}

func (r *goReader) listening(source string) {
	if r.code.listens == "" {
		r.code.listens = source
	}
}

// readComposite reads http.Server{Addr: …}, flags declared as structs, and the
// names of cobra's subcommands.
func (r *goReader) readComposite(lit *ast.CompositeLit, fset *token.FileSet) {
	kind := ""
	switch t := lit.Type.(type) {
	case *ast.SelectorExpr:
		kind = t.Sel.Name
	case *ast.Ident:
		kind = t.Name
	default:
		return
	}
	fields := map[string]ast.Expr{}
	for _, e := range lit.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				fields[key.Name] = kv.Value
			}
		}
	}
	source := r.at(fset, lit.Pos())
	switch kind {
	case "Server":
		if addr, ok := r.text(orNil(fields["Addr"])); ok {
			if fixedAddr.MatchString(addr) {
				r.addPort(portFact{by: portFixed, port: atoiPort(addr), source: r.at(fset, fields["Addr"].Pos())})
			}
		}
	case "StringFlag", "IntFlag", "UintFlag":
		name, _ := r.text(orNil(fields["Name"]))
		value, _ := r.text(orNil(fields["Value"]))
		if port, address := portName(name); port || address {
			r.addPort(portFact{by: portByFlag, name: "--" + name, port: atoiPort(value), address: address, source: source})
		}
	case "Command":
		use, _ := r.text(orNil(fields["Use"]))
		if use == "" {
			use, _ = r.text(orNil(fields["Name"]))
		}
		if word := serveWord.FindString(use); word != "" && r.code.subcommand == "" {
			r.code.subcommand, r.code.subcommandSource = strings.TrimSpace(word), source
		}
	}
}

func orNil(e ast.Expr) ast.Expr {
	if e == nil {
		return &ast.BadExpr{}
	}
	return e
}

// readAssign finds the default of a variable that is read on one line and
// replaced on a later one: if port == "" { port = "8080" }.
func (r *goReader) readAssign(a *ast.AssignStmt, source string) {
	if len(a.Lhs) != 1 || len(a.Rhs) != 1 {
		return
	}
	id, ok := a.Lhs[0].(*ast.Ident)
	if !ok {
		return
	}
	if port, address := portName(id.Name); !port && !address {
		return
	}
	text, ok := r.text(a.Rhs[0])
	if !ok || atoiPort(text) == 0 {
		return
	}
	for i, f := range r.code.ports {
		if f.port == 0 && f.by != portFixed && strings.Split(f.source, ":")[0] == strings.Split(source, ":")[0] {
			r.code.ports[i].port = atoiPort(text)
		}
	}
}

// readTag reads configuration declared by struct tags: env:"PORT" with
// envDefault, default, or a name and default in one tag.
func (r *goReader) readTag(f *ast.Field, fset *token.FileSet) {
	if f.Tag == nil {
		return
	}
	tag := reflect.StructTag(literal(f.Tag))
	for _, key := range []string{"env", "envconfig"} {
		name, options, _ := strings.Cut(tag.Get(key), ",")
		if !envName.MatchString(name) {
			continue
		}
		fallback := tag.Get("envDefault") + tag.Get("default") + tag.Get("env-default")
		if _, value, ok := strings.Cut(options, "default="); ok && fallback == "" {
			fallback = value
		}
		r.code.variables = append(r.code.variables, name)
		r.addVariable(name, atoiPort(fallback), r.at(fset, f.Pos()))
	}
}

// opened returns which of the paths that the code opens exist in the source,
// relative to the module, without those that are embedded.
func (r *goReader) opened() []string {
	var found []string
	for _, p := range r.code.files {
		p = path.Clean(p)
		if i := strings.IndexAny(p, "*?["); i >= 0 {
			p = path.Dir(p[:i] + "x")
		}
		full := path.Join(r.module, p)
		if p == "." || strings.HasPrefix(p, "..") || r.embedded[p] || strings.HasSuffix(p, ".go") || slices.Contains(found, p) {
			continue
		}
		if r.s.src.has(full) || r.s.src.hasDir(full) {
			found = append(found, p)
		}
	}
	slices.Sort(found)
	return found
}
