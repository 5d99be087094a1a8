package detect

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
)

// pythonMains are the files that a Python program customarily starts from.
var pythonMains = []string{"main.py", "app.py", "server.py", "wsgi.py", "asgi.py", "run.py", "api.py", "__main__.py"}

// pythonDrivers maps distributions to the resource that they talk to.
var pythonDrivers = map[string]string{
	"psycopg": "postgres", "psycopg2": "postgres", "psycopg2-binary": "postgres", "asyncpg": "postgres", "pg8000": "postgres", "aiopg": "postgres",
	"mysqlclient": "mysql", "pymysql": "mysql", "mysql-connector-python": "mysql", "aiomysql": "mysql",
	"redis": "redis", "django-redis": "redis", "aioredis": "redis", "rq": "redis", "valkey": "redis",
	"pymongo": "mongodb", "motor": "mongodb", "mongoengine": "mongodb", "beanie": "mongodb",
	"pika": "rabbitmq", "aio-pika": "rabbitmq", "kafka-python": "kafka", "aiokafka": "kafka", "confluent-kafka": "kafka",
	"nats-py": "nats", "elasticsearch": "elasticsearch", "opensearch-py": "elasticsearch", "pymemcache": "memcached", "boto3": "", "minio": "s3",
}

// detectPython proposes the component of the project in dir.
func detectPython(ctx context.Context, s *scan, dir string) (*draft, error) {
	p, err := s.pythonProject(dir)
	if err != nil {
		return nil, err
	}
	main := s.src.first(dir, pythonMains...)
	manifest := s.src.first(dir, "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "requirements.txt", "setup.py", "setup.cfg", "manage.py")
	if p.virtual {
		return nil, nil
	}
	if p.tooling && main == "" && s.src.first(dir, "uv.lock", "poetry.lock", "Pipfile", "requirements.txt", "setup.py", "manage.py") == "" {
		return nil, nil // a pyproject.toml that only configures linters
	}
	if manifest == "" {
		if main == "" {
			return nil, nil
		}
		manifest = main
	}
	d := newDraft(dir, "python", manifest)
	if p.workspace != "" {
		d.Root = p.workspace
	}
	if p.name != "" {
		d.setName(p.name, p.nameSource, stated)
	}
	s.pythonVersion(d, p)
	d.setManager(p.manager, p.managerSource, readInCode)
	code, err := s.readScripts(ctx, dir, pythonLexicon)
	if err != nil {
		return nil, err
	}
	s.pythonStart(d, p)
	if d.Start.IsZero() {
		if err := s.startStated(d); err != nil {
			return nil, err
		}
	}
	s.pythonFacts(d, p, code)
	if d.Type != TypeLibrary {
		s.pythonBuild(d, p)
	}
	return d, nil
}

// pythonVersion finds the wanted version: requires-python, .python-version,
// runtime.txt, .tool-versions.
func (s *scan) pythonVersion(d *draft, p *pythonProject) {
	if p.requires != "" {
		d.setVersion(p.requires, p.requiresSource, stated)
	}
	for _, name := range []string{".python-version", "runtime.txt"} {
		file := path.Join(d.Dir, name)
		if v, line := s.firstLine(file); v != "" && d.Version == "" {
			d.setVersion(strings.TrimPrefix(strings.TrimPrefix(v, "python-"), "cpython-"), at(file, line), stated)
		}
	}
	if v, source := s.toolVersion(d.Dir, "python"); v != "" && d.Version == "" {
		d.setVersion(v, source, stated)
	}
	source := d.evidence["version"].Source
	if source == "" {
		source = d.evidence["language"].Source
	}
	d.tool("python3", d.Version, source)
}

var (
	asgiApp    = regexp.MustCompile(`(?m)^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(FastAPI|Starlette|Quart|Litestar|Sanic|FastHTML)\(`)
	wsgiApp    = regexp.MustCompile(`(?m)^([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(Flask|Bottle|Dash|APIFlask|OpenAPI)\(`)
	appFactory = regexp.MustCompile(`(?m)^(?:async )?def (create_app|make_app|build_app|get_app)\(\s*\)?`)
	madeApp    = regexp.MustCompile(`(?m)^([A-Za-z_]\w*)\s*=\s*(?:\w+\.)?(?:create_app|make_app)\(`)
	settingsAt = regexp.MustCompile(`DJANGO_SETTINGS_MODULE["']\s*,\s*["']([\w.]+)["']`)
	streamlit  = regexp.MustCompile(`(?m)^import streamlit`)
)

// pythonApp is an application object that a server is pointed at.
type pythonApp struct {
	module, object string
	source         string
	framework      string // in lower case
	async          bool
	factory        bool
	appDir         string // folder to import from, relative to the component
}

// findApp looks for the application object, the customary files first.
func (s *scan) findApp(d *draft, p *pythonProject) *pythonApp {
	var first []string
	files := s.src.under(d.Dir, ".py")
	for _, sub := range []string{".", "app", "src", "src/app", "api", "backend", "server"} {
		for _, name := range pythonMains {
			if file := path.Join(d.Dir, sub, name); s.src.has(file) {
				first = append(first, file)
			}
		}
	}
	var factory *pythonApp
	for _, file := range slices.Concat(first, files) {
		rel := relative(file, d.Dir)
		base := path.Base(rel)
		if testFile.MatchString(strings.TrimSuffix(base, ".py")) || s.ownComponent(path.Dir(file), d.Dir) {
			continue
		}
		data := s.src.code(file)
		app := pythonApp{async: true}
		m := asgiApp.FindSubmatchIndex(data)
		if m == nil {
			app.async = false
			m = wsgiApp.FindSubmatchIndex(data)
		}
		if m == nil && (p.has("flask") || p.has("fastapi")) {
			m = madeApp.FindSubmatchIndex(data)
			app.framework, app.async = "flask", p.has("fastapi") && !p.has("flask")
			if app.async {
				app.framework = "fastapi"
			}
		} else if m != nil {
			app.framework = strings.ToLower(string(data[m[4]:m[5]]))
		}
		if m == nil {
			if m = appFactory.FindSubmatchIndex(data); m == nil || factory != nil || !p.has("flask") && !p.has("fastapi") {
				continue
			}
			app.factory, app.async, app.framework = true, p.has("fastapi") && !p.has("flask"), "flask"
			if app.async {
				app.framework = "fastapi"
			}
		}
		app.object, app.source = string(data[m[2]:m[3]]), at(file, lineOf(data, m[0]))
		app.module, app.appDir = pythonModule(rel)
		if app.framework == "dash" {
			app.object += ".server"
		}
		if app.factory {
			factory = &app
			continue
		}
		return &app
	}
	return factory
}

// pythonModule turns a file into the name it is imported by, and the folder it
// is imported from.
func pythonModule(rel string) (module, dir string) {
	rel = strings.TrimSuffix(strings.TrimSuffix(rel, ".py"), "/__init__")
	if in, ok := strings.CutPrefix(rel, "src/"); ok {
		rel, dir = in, "src"
	}
	return strings.ReplaceAll(rel, "/", "."), dir
}

// python is the interpreter of the environment, relative to the component's folder.
func (d *draft) python() string {
	up := ""
	if dir := d.workdir(); dir != "" {
		if s := d.evidence["manager"]; s.Value == "uv" {
			up = strings.Repeat("../", strings.Count(dir, "/")+1)
		}
	}
	return up + ".venv/bin/python"
}

// pythonStart finds what starts the project. The interpreter of the bundle's
// own environment is named, never a script in it: those hold absolute paths.
func (s *scan) pythonStart(d *draft, p *pythonProject) {
	dir := d.workdir()
	python := func(args ...string) Command {
		return Command{Argv: append([]string{d.python()}, args...), Dir: dir}
	}
	d.Path = []string{path.Join(dir, path.Dir(d.python()))}
	d.Artifact = Artifact{Kind: ArtifactBundle, Path: "."}
	if manage := s.src.first(d.Dir, "manage.py"); manage != "" && s.django(d, p, manage, python) {
		return
	}
	if app := s.findApp(d, p); app != nil {
		d.setFramework(app.framework, app.source, readInCode)
		target := app.module + ":" + app.object
		if app.async {
			args := []string{"-m", "uvicorn", target, "--host", "${HOST:-0.0.0.0}", "--port", "$PORT"}
			if app.factory {
				args = append(args, "--factory")
			}
			if app.appDir != "" {
				args = append(args, "--app-dir", app.appDir)
			}
			d.setStart(python(args...), app.source, convention)
			p.need("uvicorn")
		} else {
			if app.factory {
				target += "()"
			}
			args := []string{"-m", "gunicorn", target, "--bind", "${HOST:-0.0.0.0}:$PORT"}
			if app.appDir != "" {
				args = append(args, "--chdir", app.appDir)
			}
			d.setStart(python(args...), app.source, convention)
			p.need("gunicorn")
		}
		d.setPortVariable("PORT", app.source, convention)
		return
	}
	if p.script != "" {
		d.setStart(Command{Argv: []string{path.Join(path.Dir(d.python()), p.script)}, Dir: dir}, p.scriptSource, stated)
		return
	}
	main := s.src.first(d.Dir, pythonMains...)
	if main == "" {
		main = s.src.first(d.Dir, "src/main.py", "app/main.py", "src/app.py")
	}
	if main == "" {
		return
	}
	if p.has("streamlit") && streamlit.Match(s.src.code(main)) {
		d.setFramework("streamlit", main, readInCode)
		d.setStart(python("-m", "streamlit", "run", relative(main, d.Dir), "--server.port=$PORT", "--server.headless=true"), main, convention)
		d.setPortVariable("PORT", "convention of streamlit", convention)
		d.setHealth("/_stcore/health", "convention of streamlit", convention)
		return
	}
	d.setStart(python(relative(main, d.Dir)), main, convention)
}

// django points a server at the project's WSGI or ASGI application.
func (s *scan) django(d *draft, p *pythonProject, manage string, python func(...string) Command) bool {
	data := s.src.code(manage)
	m := settingsAt.FindSubmatchIndex(data)
	if m == nil {
		return false
	}
	source := at(manage, lineOf(data, m[0]))
	d.setFramework("django", source, readInCode)
	project := strings.Split(string(data[m[2]:m[3]]), ".")[0]
	switch {
	case s.src.has(path.Join(d.Dir, project, "wsgi.py")):
		d.setStart(python("-m", "gunicorn", project+".wsgi:application", "--bind", "${HOST:-0.0.0.0}:$PORT"), path.Join(d.Dir, project, "wsgi.py"), convention)
		p.need("gunicorn")
	case s.src.has(path.Join(d.Dir, project, "asgi.py")):
		d.setStart(python("-m", "uvicorn", project+".asgi:application", "--host", "${HOST:-0.0.0.0}", "--port", "$PORT"), path.Join(d.Dir, project, "asgi.py"), convention)
		p.need("uvicorn")
	default:
		d.setStart(python("manage.py", "runserver", "--noreload", "${HOST:-0.0.0.0}:$PORT"), source, likely)
	}
	d.setPortVariable("PORT", d.evidence["start"].Source, convention)
	return true
}

// pythonFacts writes what code and requirements tell: port, health, drivers, type.
func (s *scan) pythonFacts(d *draft, p *pythonProject, code *scriptFacts) {
	var names []string
	for name := range pythonDrivers {
		if p.has(name) && pythonDrivers[name] != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		d.wantByDriver(pythonDrivers[name], p.required[name], code.variables)
	}
	if d.Start.IsZero() {
		d.setType(TypeLibrary, d.evidence["language"].Source, convention)
		d.Artifact, d.Path = Artifact{}, nil
		return
	}
	if d.PortVariable == "" {
		d.choosePort(code.ports)
	}
	d.chooseHealth(code.routes)
	switch {
	case d.Framework != "":
		d.setType(TypeBackend, d.evidence["framework"].Source, readInCode)
	case code.listens != "":
		d.setType(TypeBackend, code.listens, readInCode)
	case d.PortVariable != "":
		d.setType(TypeBackend, d.evidence["portVariable"].Source, convention)
	default:
		d.setType(TypeWorker, "no code that listens was found", likely)
	}
}
