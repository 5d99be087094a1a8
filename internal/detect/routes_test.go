package detect

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// A path is that under which it answers, with what its group puts in front; where
// that is not known it is a guess.
func TestHealthInAGroup(t *testing.T) {
	for what, test := range map[string]struct {
		file, code, want string
	}{
		"gin":                                   {"main.go", `r := gin.Default(); v1 := r.Group("/api"); v1.GET("/healthz", h); r.Run()`, "/api/healthz 0.9"},
		"gin, a group in a group":               {"main.go", `r := gin.Default(); v1 := r.Group("/api/"); { in := v1.Group("v2"); in.GET("/health", h) }; r.Run()`, "/api/v2/health 0.9"},
		"gin, in one":                           {"main.go", `r := gin.Default(); r.Group("/api").GET("/health", h); r.Run()`, "/api/health 0.9"},
		"gin, a name of its own":                {"main.go", `const base = "/api"; r := gin.Default(); r.Group(base).GET("/health", h); r.Run()`, "/health 0.3"},
		"gin, the group is the path":            {"main.go", `r := gin.Default(); g := r.Group("/health"); g.GET("/", h); g.GET("/ready", h); r.Run()`, "/health 0.9"},
		"gin, a path of the settings":           {"main.go", `r := gin.Default(); r.Group(os.Getenv("BASE")).GET("/healthz", h); r.Run()`, "/healthz 0.3"},
		"gin, a sure one beside it":             {"main.go", `r := gin.Default(); r.Group(os.Getenv("BASE")).GET("/healthz", h); r.GET("/ping", h); r.Run()`, "/ping 0.9"},
		"gin, handed to a function":             {"main.go", `r := gin.Default(); routes(r.Group("/api")); r.Run() }; func routes(g *gin.RouterGroup) { more(g) }; func more(g *gin.RouterGroup) { g.GET("/healthz", h)`, "/api/healthz 0.9"},
		"gin, handed to one as it is":           {"main.go", `r := gin.Default(); routes(r); r.Run() }; func routes(r gin.IRouter) { r.GET("/healthz", h)`, "/healthz 0.9"},
		"gin, handed by two":                    {"main.go", `r := gin.Default(); routes(r.Group("/a")); routes(r.Group("/b")); r.Run() }; func routes(g *gin.RouterGroup) { g.GET("/healthz", h)`, "/healthz 0.3"},
		"gin, handed by nobody that shows":      {"main.go", `r := gin.Default(); r.Run() }; func Routes(g *gin.RouterGroup) { g.GET("/healthz", h)`, "/healthz 0.3"},
		"echo, in a field":                      {"main.go", `s.echo = echo.New(); s.api = s.echo.Group("/api", mw); s.routes(); s.echo.Start(":80") }; func (s *server) routes() { s.api.GET("/healthz", h)`, "/api/healthz 0.9"},
		"fiber":                                 {"main.go", `app := fiber.New(); api := app.Group("/api"); api.Get("/health", h); app.Listen(":80")`, "/api/health 0.9"},
		"chi, a route":                          {"main.go", `r := chi.NewRouter(); r.Route("/api", func(r chi.Router) { r.Use(mw); r.Get("/healthz", h) }); http.ListenAndServe(":80", r)`, "/api/healthz 0.9"},
		"chi, after a route":                    {"main.go", `r := chi.NewRouter(); r.Route("/api", func(r chi.Router) { r.Use(mw) }); r.Get("/healthz", h); http.ListenAndServe(":80", r)`, "/healthz 0.9"},
		"chi, a group without a path":           {"main.go", `r := chi.NewRouter(); r.Group(func(r chi.Router) { r.Get("/healthz", h) }); http.ListenAndServe(":80", r)`, "/healthz 0.9"},
		"chi, mounted later":                    {"main.go", `r := chi.NewRouter(); in := chi.NewRouter(); in.Get("/healthz", h); r.Mount("/in", in); http.ListenAndServe(":80", r)`, "/in/healthz 0.9"},
		"chi, mounted from a function":          {"main.go", `r := chi.NewRouter(); r.Mount("/in", inside()); http.ListenAndServe(":80", r) }; func inside() http.Handler { r := chi.NewRouter(); r.Get("/healthz", h); return r`, "/in/healthz 0.9"},
		"gorilla":                               {"main.go", `r := mux.NewRouter(); api := r.PathPrefix("/api").Subrouter(); api.HandleFunc("/healthz", h).Methods("GET"); http.ListenAndServe(":80", r)`, "/api/healthz 0.9"},
		"net/http, with a prefix stripped":      {"main.go", `api := http.NewServeMux(); api.HandleFunc("GET /healthz", h); m := http.NewServeMux(); m.Handle("/api/", http.StripPrefix("/api", api)); http.ListenAndServe(":80", m)`, "/api/healthz 0.9"},
		"gin, declared by var":                  {"main.go", `r := gin.Default(); var api = r.Group("/api"); api.GET("/healthz", h); r.Run()`, "/api/healthz 0.9"},
		"gin, of the package":                   {"main.go", `r.Run() }; var r = gin.Default(); var api = r.Group("/api"); func init() { api.GET("/healthz", h)`, "/api/healthz 0.9"},
		"gin, in a field of a literal":          {"main.go", `r := gin.Default(); s := &server{g: r.Group("/api")}; s.routes(); r.Run() }; func (s *server) routes() { s.g.GET("/healthz", h)`, "/api/healthz 0.9"},
		"gin, in a field without a key":         {"main.go", `r := gin.Default(); s := &server{r.Group("/api")}; s.routes(); r.Run() }; func (s *server) routes() { s.g.GET("/healthz", h)`, "/healthz 0.3"},
		"gin, returned by a function":           {"main.go", `r := gin.Default(); api(r).GET("/healthz", h); r.Run() }; func api(r *gin.Engine) *gin.RouterGroup { return r.Group("/api")`, "/api/healthz 0.9"},
		"gin, returned with an error":           {"main.go", `r, err := engine(); r.GET("/healthz", h); r.Run() }; func engine() (*gin.Engine, error) { r := gin.New(); return r, nil`, "/healthz 0.9"},
		"gin, a function in a variable":         {"main.go", `r := gin.Default(); mount := func(g *gin.RouterGroup) { g.GET("/healthz", h) }; mount(r.Group("/api")); r.Run()`, "/api/healthz 0.9"},
		"gin, a function handed on":             {"main.go", `r := gin.Default(); each(func(g *gin.RouterGroup) { g.GET("/healthz", h) }); r.Run()`, "/healthz 0.3"},
		"gin, of the same name in a block":      {"main.go", `r := gin.Default(); { r := r.Group("/admin"); r.Use(mw) }; r.GET("/healthz", h); r.Run()`, "/healthz 0.9"},
		"gin, one of two engines":               {"main.go", `var r *gin.Engine; if debug { r = gin.Default() } else { r = gin.New() }; r.GET("/healthz", h); r.Run()`, "/healthz 0.9"},
		"gin, with the method":                  {"main.go", `r := gin.Default(); api := r.Group("/api"); api.Handle("GET", "/healthz", h); r.Run()`, "/api/healthz 0.9"},
		"gin, perhaps a group":                  {"main.go", `var r gin.IRouter = gin.Default(); if prefixed { r = r.Group("/api") }; r.GET("/healthz", h); r.Run()`, "/healthz 0.3"},
		"gin, an engine from elsewhere":         {"main.go", `r := gin.Default(); r.Run() }; func Routes(r *gin.Engine) { r.GET("/healthz", h)`, "/healthz 0.9"},
		"gin, a prefix that grows":              {"main.go", `r := gin.Default(); ` + strings.Repeat(`r = r.Group("/aaaaaaa"); `, 26) + `r.GET("/healthz", h); r.Run()`, "/healthz 0.3"},
		"a client":                              {"main.go", `r := gin.Default(); c := client(); c.Get("/healthz"); r.Run()`, "/healthz 0.3"},
		"fiber, with middleware":                {"main.go", `New().Listen(":80") }; func New() *fiber.App { app := fiber.New(); app.Use(recover.New(), logger.New()); app.Get("/healthz", h); return app`, "/healthz 0.9"},
		"fiber, used below a path":              {"main.go", `app := fiber.New(); in := fiber.New(); in.Get("/healthz", h); app.Use("/in", in); app.Listen(":80")`, "/in/healthz 0.9"},
		"chi, a route in a method":              {"main.go", `r := chi.NewRouter(); r.Route("/api", s.routes); http.ListenAndServe(":80", r) }; func (s *server) routes(r chi.Router) { r.Get("/healthz", h)`, "/api/healthz 0.9"},
		"gorilla, strict":                       {"main.go", `r := mux.NewRouter().StrictSlash(true); r.HandleFunc("/healthz", h); http.ListenAndServe(":80", r)`, "/healthz 0.9"},
		"net/http, at the root and below":       {"main.go", `m := http.NewServeMux(); m.HandleFunc("/healthz", h); http.Handle("/legacy/", http.StripPrefix("/legacy", m)); http.Handle("/", m); http.ListenAndServe(":80", nil)`, "/healthz 0.9"},
		"net/http, served and below":            {"main.go", `m := http.NewServeMux(); m.HandleFunc("/healthz", h); m.Handle("/legacy/", http.StripPrefix("/legacy", m)); http.ListenAndServe(":80", logged(m))`, "/healthz 0.9"},
		"net/http, in a server and below":       {"main.go", `m := http.NewServeMux(); m.HandleFunc("/healthz", h); m.Handle("/legacy/", http.StripPrefix("/legacy", m)); s := &http.Server{Addr: ":80", Handler: m}; s.ListenAndServe()`, "/healthz 0.9"},
		"net/http, mounted by a constructor":    {"main.go", `m := http.NewServeMux(); m.HandleFunc("/healthz", h); http.ListenAndServe(":80", New(m)) }; func New(h http.Handler) http.Handler { m := http.NewServeMux(); m.Handle("/api/", http.StripPrefix("/api", h)); return m`, "/api/healthz 0.9"},
		"net/http, handed by nobody that shows": {"main.go", `http.ListenAndServe(":80", nil) }; func Routes(m *http.ServeMux) { m.HandleFunc("/healthz", h)`, "/healthz 0.3"},
		"net/http, mounted with middleware":     {"main.go", `api := http.NewServeMux(); api.HandleFunc("/healthz", h); http.Handle("/api/", http.StripPrefix("/api", auth(api))); http.ListenAndServe(":80", nil) }; func auth(h http.Handler) http.Handler { return h`, "/api/healthz 0.9"},
		"net/http, stripped twice":              {"main.go", `in := http.NewServeMux(); in.HandleFunc("/healthz", h); m := http.NewServeMux(); m.Handle("/in/", http.StripPrefix("/in", in)); http.Handle("/api/", http.StripPrefix("/api", m)); http.ListenAndServe(":80", nil)`, "/api/in/healthz 0.9"},
		"net/http, a field of no value":         {"main.go", `s.mux.HandleFunc("/healthz", h); http.ListenAndServe(":80", s) }; type server struct { mux http.ServeMux }; func x() {`, "/healthz 0.9"},
		"net/http, by itself":                   {"main.go", `http.HandleFunc("GET /healthz", h); http.ListenAndServe(":80", nil)`, "/healthz 0.9"},
		"express":                               {"server.js", "const api = express.Router()\napi.get('/healthz', h)\napp.use('/api', auth, api)\napp.listen(80)", "/api/healthz 0.9"},
		"express, at the root":                  {"server.js", "const api = express.Router()\napi.get('/healthz', h)\napp.use(api)\napp.listen(80)", "/healthz 0.9"},
		"express, mounted elsewhere":            {"server.js", "const api = Router()\napi.get('/healthz', h)\napp.listen(80)", "/healthz 0.3"},
		"express, a router required":            {"server.js", "const r = require('express').Router()\nr.get('/healthz', h)\napp.listen(80)", "/healthz 0.3"},
		"express, another's router":             {"server.js", "const r = require('express-promise-router')()\nr.get('/healthz', h)\napp.listen(80)", "/healthz 0.3"},
		"express, handed to a function":         {"server.js", "module.exports = (r) => {\n  r.get('/healthz', h)\n}\napp.listen(80)", "/healthz 0.3"},
		"express, handed the app":               {"server.js", "module.exports = (app) => {\n  app.get('/healthz', h)\n}\napp.listen(80)", "/healthz 0.9"},
		"express, an app of another name":       {"server.js", "const web = express()\nweb.get('/healthz', h)\nweb.listen(80)", "/healthz 0.9"},
		"express, by the app":                   {"server.js", "const api = Router()\napp.get('/healthz', h)\napp.use('/api', api)\napp.listen(80)", "/healthz 0.9"},
		"koa":                                   {"server.js", "const router = new Router({ prefix: '/api' })\nrouter.get('/health', h)\napp.use(router.routes())\napp.listen(80)", "/api/health 0.9"},
		"FastAPI":                               {"main.py", "app = FastAPI()\nrouter = APIRouter(prefix='/api')\n@router.get('/healthz')\ndef h(): pass\napp.include_router(router, prefix='/v1')\n", "/v1/api/healthz 0.9"},
		"FastAPI, included elsewhere":           {"main.py", "app = FastAPI()\nrouter = APIRouter(prefix='/api')\n@router.get('/healthz')\ndef h(): pass\n", "/api/healthz 0.3"},
		"FastAPI, by the app":                   {"main.py", "app = FastAPI()\n@app.get('/healthz')\ndef h(): pass\n", "/healthz 0.9"},
		"FastAPI, of another name":              {"main.py", "web = fastapi.FastAPI()\n@web.get('/healthz')\ndef h(): pass\n", "/healthz 0.9"},
		"Flask, a blueprint imported":           {"app.py", "app = Flask(__name__)\nfrom site import bp\n@bp.route('/healthz')\ndef h(): pass\n", "/healthz 0.3"},
		"Flask":                                 {"app.py", "app = Flask(__name__)\nbp = Blueprint('api', __name__, url_prefix='/api')\n@bp.route('/healthz')\ndef h(): pass\napp.register_blueprint(bp)\n", "/api/healthz 0.9"},
		"Flask, with a prefix for it":           {"app.py", "app = Flask(__name__)\nbp = Blueprint('api', __name__)\n@bp.route('/healthz')\ndef h(): pass\napp.register_blueprint(bp, url_prefix='/api')\n", "/api/healthz 0.9"},
	} {
		source := fstest.MapFS{test.file: {Data: []byte(test.code)}}
		switch test.file {
		case "main.go":
			source["go.mod"] = &fstest.MapFile{Data: []byte("module m\n")}
			source["main.go"].Data = []byte(`package main; import ("net/http"; "os"; "github.com/gin-gonic/gin"); func main() { ` + test.code + ` }`)
		case "server.js":
			source["package.json"] = &fstest.MapFile{Data: []byte(`{"name": "m", "scripts": {"start": "node server.js"}, "dependencies": {"express": "5"}}`)}
		default:
			source["requirements.txt"] = &fstest.MapFile{Data: []byte("fastapi\nflask\n")}
		}
		r, err := Detect(t.Context(), source, Options{Name: "m"})
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		s, _ := r.Components[0].Setting("health")
		if got := fmt.Sprintf("%s %v", s.Value, s.Confidence); got != test.want {
			t.Errorf("%s: the health path is %s, want %s", what, got, test.want)
		}
	}
}

// Functions and variables of one name in two packages are not one.
func TestHealthOfManyPackages(t *testing.T) {
	source := fstest.MapFS{}
	for file, code := range map[string]string{
		"go.mod":         "module m\n",
		"main.go":        `package main; import ("m/server"; "m/users"; "m/health"; "net/http"); func main() { s := server.New(); users.Register(s.API()); health.Register(server.Root); s.Echo.Start(":80") }`,
		"server/new.go":  `package server; import "github.com/labstack/echo/v4"; var Root = echo.New(); type S struct { Echo *echo.Echo; api *echo.Group }; func New() *S { s := &S{Echo: Root}; s.api = s.Echo.Group("/api"); return s }; func (s *S) API() *echo.Group { return s.api }`,
		"users/list.go":  `package users; func Register(g *echo.Group) { New(); g.GET("/ping", h) }; func New() int { return 1 }`,
		"health/get.go":  `package health; func Register(e Router) { e.GET("/healthz", h) }`,
		"health/late.go": `package health; var Root = 1`,
	} {
		source[file] = &fstest.MapFile{Data: []byte(code)}
	}
	r, err := Detect(t.Context(), source, Options{Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := r.Components[0].Setting("health"); s.Value != "/healthz" || s.Confidence != 0.9 || s.Source != "health/get.go:1" {
		t.Errorf("the health path is %+v, want /healthz of health/get.go, sure", s)
	}
}
