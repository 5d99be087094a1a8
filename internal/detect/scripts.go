package detect

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
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
}

var (
	testFile  = regexp.MustCompile(`(^|[._-])(test|tests|spec|conftest|stories|min|bench|d)([._-]|$)`)
	maxLine   = 2000
	routeCall = regexp.MustCompile(`(?i)(\b(get|all|use|route|head|path|re_path|add_api_route|add_url_rule|route_path)\(|===?|\burl:)\s*$`)
)

// readScripts reads the source files of a component.
func (s *scan) readScripts(dir string, lex *lexicon) *scriptFacts {
	facts := &scriptFacts{imports: map[string]string{}}
	for _, file := range s.src.under(dir, lex.exts...) {
		base := path.Base(file)
		if testFile.MatchString(strings.TrimSuffix(base, path.Ext(base))) || s.ownComponent(path.Dir(file), dir) || isConfig(base) {
			continue
		}
		facts.read(file, s.src.code(file), lex)
	}
	return facts
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

func (f *scriptFacts) read(file string, data []byte, lex *lexicon) {
	number := 0
	for line := range bytes.SplitSeq(data, []byte("\n")) {
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
		f.readRoute(text, source, lex)
	}
}

func (f *scriptFacts) readEnv(text, source string, lex *lexicon) {
	for _, re := range lex.env {
		for _, m := range re.FindAllStringSubmatch(text, 20) {
			if !slices.Contains(f.variables, m[1]) {
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
			f.routes = append(f.routes, routeFact{p, source, registered})
		}
	}
}
