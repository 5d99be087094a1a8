package detect

import (
	"bytes"
	"context"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/detect/routes"
)

// lexicon is how a scripting language says what Stoa asks: it is read line by
// line, without a full parser, so what it finds is verified by the first run.
type lexicon struct {
	exts     []string
	comment  string
	env      []*regexp.Regexp // group 1 the variable, group 2 its default, if any
	listen   []*regexp.Regexp // group 1 the port, if any
	flag     *regexp.Regexp   // group 1 the flag, group 2 its default, if any
	route    *regexp.Regexp   // group 1 the path
	request  *regexp.Regexp   // a line that asks somebody else
	imported *regexp.Regexp   // group 1 the module
	app      *regexp.Regexp   // what answers all requests is made: group 1 its name
	router   *regexp.Regexp   // a router to be mounted: group 1 its name, group 2 its own prefix, if any
	mount    *regexp.Regexp   // a line that mounts one: group 1 the prefix, if any
}

// scriptFacts is what the code tells.
type scriptFacts struct {
	ports     []portFact
	routes    []routeFact
	listens   string
	variables []string
	imports   map[string]string // module → where
}

var nodeLexicon = &lexicon{
	exts:    []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".jsx", ".tsx"},
	comment: "//",
	env: []*regexp.Regexp{
		regexp.MustCompile(`\b(?:process|Deno|Bun)?\.?env\d?\.([A-Z][A-Z0-9_]*)\)?\s*,?\s*(?:10\))?\s*(?:(?:\|\||\?\?)\s*["'` + "`" + `]?(\d{2,5}))?`),
		regexp.MustCompile(`process\.env\[["']([A-Z][A-Z0-9_]*)["']\]\s*(?:(?:\|\||\?\?)\s*["']?(\d{2,5}))?`),
		regexp.MustCompile(`\b([A-Z][A-Z0-9_]*PORT|PORT)\s*(?:=\s*["']?(\d{2,5})["']?)?\s*[,}][^;]{0,200}=\s*process\.env`),
		regexp.MustCompile(`config\.get(?:<[^>]*>)?\(["']([A-Z][A-Z0-9_]*PORT|PORT)["'](?:\s*,\s*["']?(\d{2,5}))?`),
	},
	listen: []*regexp.Regexp{
		regexp.MustCompile(`\.listen\(\s*(?:\{[^}]{0,80}?port:\s*)?(\d{2,5})?`),
		regexp.MustCompile(`\b(?:Bun\.serve|Deno\.serve|createServer|serve)\(\s*(?:\{[^}]{0,200}?port:\s*(\d{2,5}))?`),
	},
	route:    regexp.MustCompile(`["'` + "`" + `](/[a-zA-Z0-9_/-]*)["'` + "`" + `]`),
	request:  regexp.MustCompile(`\b(fetch|axios|got|request|supertest|href|ky)\b`),
	imported: regexp.MustCompile(`(?:from\s+|require\(\s*|import\s+)["']([^"'\s]{1,100})["']`),
	app:      regexp.MustCompile(`\b(\w+)(?:\s*:\s*[\w.<>]+)?\s*=\s*(?:await\s+)?(?:new\s+)?(?:\w+\.)?(?:express|polka|restana|[Ff]astify|Koa|Hono|Elysia|createServer)(?:<[^>]*>)?\(`),
	router:   regexp.MustCompile(`\b(\w+)(?:\s*:\s*[\w.]+)?\s*=\s*(?:new\s+)?(?:\w+\.)?Router\((?:\s*\{[^}]*\bprefix:\s*["'](/[^"']*))?`),
	mount:    regexp.MustCompile(`\.use\(\s*(?:["'` + "`" + `](/[^"'` + "`" + `]*))?`),
}

var pythonLexicon = &lexicon{
	exts:    []string{".py"},
	comment: "#",
	env: []*regexp.Regexp{
		regexp.MustCompile(`(?:environ\.get|getenv|config|env(?:\.int|\.str)?)\(\s*["']([A-Z][A-Z0-9_]*)["']\s*(?:,\s*(?:default\s*=\s*)?(?:str\()?["']?(\d{2,5})?)?`),
		regexp.MustCompile(`environ\[\s*["']([A-Z][A-Z0-9_]*)["']()`),
	},
	listen: []*regexp.Regexp{
		regexp.MustCompile(`(?:uvicorn|hypercorn|waitress)\.?(?:run|serve)?\([^#\n]*?\bport\s*=\s*(\d{2,5})`),
		regexp.MustCompile(`\.run\([^#\n]*?\bport\s*=\s*(\d{2,5})`),
		regexp.MustCompile(`(?:HTTPServer|TCPServer|make_server|WSGIServer)\([^#\n]*?,\s*(\d{2,5})\b`),
		regexp.MustCompile(`\b(?:serve_forever|HTTPServer|TCPServer|make_server|WSGIServer|run_app|run_simple|start_server)\(()`),
		regexp.MustCompile(`\.listen\(\s*(\d{2,5})?`),
		regexp.MustCompile(`\b(?:app|server|api|application)\.run\(()`),
	},
	flag:     regexp.MustCompile(`(?:add_argument|click\.option|option)\([^#\n]*?["']--([a-z-]*port)["'](?:[^#\n]*?default\s*=\s*["']?(\d{2,5}))?`),
	route:    regexp.MustCompile(`["'](/[a-zA-Z0-9_/-]*|(?:healthz|health|readyz|livez|up|ping)/?)["']`),
	request:  regexp.MustCompile(`\b(requests|httpx|urlopen|client|session)\.?(get|post|head)?\(`),
	imported: regexp.MustCompile(`^\s*(?:from|import)\s+([A-Za-z_][A-Za-z0-9_.]*)`),
	app:      regexp.MustCompile(`^\s*(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)*(?:Flask|FastAPI|Starlette|Sanic|Quart|Bottle|Litestar|Robyn|BlackSheep|Application|App|API)\(`),
	router:   regexp.MustCompile(`^\s*(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)?(?:APIRouter|Blueprint|APIBlueprint)\((?:.*?prefix\s*=\s*["'](/[^"']*))?`),
	mount:    regexp.MustCompile(`\.(?:include_router|register_blueprint)\((?:.*?prefix\s*=\s*["'](/[^"']*))?`),
}

var (
	testFile  = regexp.MustCompile(`(^|[._-])(test|tests|spec|conftest|stories|min|bench|d)([._-]|$)`)
	maxLine   = 2000
	words     = regexp.MustCompile(`\w+`)
	calledApp = regexp.MustCompile(`^(app|application|server|fastify)$`) // by custom
	calledOn  = regexp.MustCompile(`(\w+)\.\w+\(\s*$`)
	routeCall = regexp.MustCompile(`(?i)(\b(get|all|use|route|head|path|re_path|add_api_route|add_url_rule|route_path)\(|===?|\burl:)\s*$`)
)

// Bounds of what is remembered of the code.
const (
	maxRouters   = 200   // of one file; what more of them answer is below a prefix that is not known
	maxVariables = 1_000 // of one component
)

// readScripts reads the source files of a component.
func (s *scan) readScripts(ctx context.Context, dir string, lex *lexicon) (*scriptFacts, error) {
	facts := &scriptFacts{imports: map[string]string{}}
	for _, file := range s.src.under(dir, lex.exts...) {
		base := path.Base(file)
		if testFile.MatchString(strings.TrimSuffix(base, path.Ext(base))) || s.ownComponent(path.Dir(file), dir) || isConfig(base) {
			continue
		}
		if err := facts.read(ctx, file, s.src.code(file), lex); err != nil {
			return nil, err
		}
	}
	return facts, nil
}

// isConfig reports files that configure a tool rather than the program.
func isConfig(base string) bool {
	return strings.Contains(base, ".config.") || strings.HasPrefix(base, "gulpfile") || strings.HasPrefix(base, "Gruntfile") || base == "setup.py" || base == "noxfile.py"
}

// ownComponent reports whether dir, below root, belongs to a component of its own.
func (s *scan) ownComponent(dir, root string) bool {
	for ; dir != root && dir != "."; dir = path.Dir(dir) {
		if s.src.first(dir, "package.json", "go.mod", "pyproject.toml", "requirements.txt", "Pipfile") != "" {
			return true
		}
	}
	return false
}

func (f *scriptFacts) read(ctx context.Context, file string, data []byte, lex *lexicon) error {
	number := 0
	routers, apps := map[string]*router{}, map[string]bool{}
	earlier := len(f.routes)
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		if err := ctx.Err(); err != nil {
			return err
		}
		number++
		text := strings.TrimSpace(string(line[:min(len(line), maxLine)]))
		if text == "" || strings.HasPrefix(text, lex.comment) || strings.HasPrefix(text, "*") {
			continue
		}
		source := at(file, number)
		if m := lex.imported.FindStringSubmatch(text); m != nil {
			if _, ok := f.imports[m[1]]; !ok {
				f.imports[m[1]] = source
			}
		}
		f.readEnv(text, source, lex)
		f.readListen(text, source, lex)
		if lex.flag != nil {
			if m := lex.flag.FindStringSubmatch(text); m != nil {
				port, _ := strconv.Atoi(m[2])
				f.ports = append(f.ports, portFact{by: portByFlag, name: "--" + m[1], port: port, source: source})
			}
		}
		if m := lex.app.FindStringSubmatch(text); m != nil {
			apps[m[1]] = true
		}
		readRouter(text, routers, lex)
		f.readRoute(text, source, lex)
	}
	kept := f.routes[:earlier]
	for _, route := range f.routes[earlier:] {
		known := true
		switch in := routers[route.of]; {
		case !route.registered || route.of == "":
		case in != nil:
			route, known = newRoute(routes.Prefix{Path: in.mounted.Path + in.own, Unknown: in.mounted.Unknown}, route.path, route.source)
		case !apps[route.of] && !calledApp.MatchString(route.of): // what it is, another file says
			route, known = newRoute(routes.Prefix{Unknown: true}, route.path, route.source)
		}
		if known {
			kept = append(kept, route)
		}
	}
	f.routes = kept
	return nil
}

// router is one that a file makes, and mounts or leaves others to mount.
type router struct {
	mounted routes.Prefix
	own     string
}

func readRouter(text string, routers map[string]*router, lex *lexicon) {
	if m := lex.router.FindStringSubmatch(text); m != nil {
		if routers[m[1]] != nil || len(routers) < maxRouters {
			routers[m[1]] = &router{mounted: routes.Prefix{Unknown: true}, own: strings.TrimSuffix(m[2], "/")}
		}
	} else if m := lex.mount.FindStringSubmatch(text); m != nil {
		for _, name := range words.FindAllString(text, 50) {
			if r := routers[name]; r != nil {
				r.mounted = routes.Prefix{Path: strings.TrimSuffix(m[1], "/")}
			}
		}
	}
}

func (f *scriptFacts) readEnv(text, source string, lex *lexicon) {
	for _, re := range lex.env {
		for _, m := range re.FindAllStringSubmatch(text, 20) {
			if len(f.variables) < maxVariables && !slices.Contains(f.variables, m[1]) {
				f.variables = append(f.variables, m[1])
			}
			fallback, _ := strconv.Atoi(m[2])
			port, address := portName(m[1])
			if !port && !address {
				continue
			}
			fact := portFact{by: portByVariable, name: m[1], port: fallback, source: source}
			if address {
				fact.by = portByAddress
			}
			f.ports = append(f.ports, fact)
		}
	}
}

func (f *scriptFacts) readListen(text, source string, lex *lexicon) {
	for _, re := range lex.listen {
		m := re.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		if f.listens == "" {
			f.listens = source
		}
		if port, _ := strconv.Atoi(m[1]); port > 0 {
			f.ports = append(f.ports, portFact{by: portFixed, port: port, source: source})
			return
		}
	}
}

func (f *scriptFacts) readRoute(text, source string, lex *lexicon) {
	if lex.request.MatchString(text) {
		return
	}
	for _, m := range lex.route.FindAllStringSubmatchIndex(text, 8) {
		p := text[m[2]:m[3]]
		registered := routeCall.MatchString(text[:m[0]])
		if !strings.HasPrefix(p, "/") {
			p = "/" + p
			if !registered {
				continue // "up" and "ping" are words of their own
			}
		}
		if isHealthPath(p) || p == "/" && registered {
			route := routeFact{path: p, known: p, source: source, registered: registered}
			if on := calledOn.FindStringSubmatch(text[:m[0]]); on != nil {
				route.of = on[1]
			}
			f.routes = append(f.routes, route)
		}
	}
}
