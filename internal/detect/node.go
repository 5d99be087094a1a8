package detect

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strings"
)

// nodeFramework is how a framework builds and starts, when package.json does
// not say it.
type nodeFramework struct {
	name, dependency string
	static           string // folder of the build's output, if it is static
	build            string // command if there is no build script
	start            string // command if there is no start script
	kind             string
	fallback         bool // single-page application
	// pages reads what the bundler makes of the package; false is nothing, as it
	// finds no page to start from. Without it the table tells.
	pages func(s *scan, dir string, p *nodePackage) (nodePages, bool)
}

// nodePages is what a bundler makes of a package: a folder of files, or a program
// that renders them.
type nodePages struct {
	folder, server string // one of the two, relative to the package
	source         string // what configures it; "" is the convention of the framework
	confidence     float64
}

// nodeFrameworks in order: what renders pages on the server comes before what
// it is made of.
var nodeFrameworks = []nodeFramework{
	{name: "next", dependency: "next", build: "next build", start: "next start", kind: TypeFrontend},
	{name: "remix", dependency: "@remix-run/serve", build: "remix build", start: "remix-serve build/index.js", kind: TypeFrontend},
	{name: "remix", dependency: "@remix-run/node", build: "remix vite:build", kind: TypeFrontend},
	{name: "nuxt", dependency: "nuxt", build: "nuxt build", start: "node .output/server/index.mjs", kind: TypeFrontend},
	{name: "sveltekit", dependency: "@sveltejs/adapter-node", build: "vite build", start: "node build", kind: TypeFrontend},
	{name: "nest", dependency: "@nestjs/core", build: "nest build", start: "node dist/main", kind: TypeBackend},
	{name: "angular", dependency: "@angular/ssr", build: "ng build", static: "dist", kind: TypeFrontend, fallback: true, pages: (*scan).angularPages},
	{name: "express", dependency: "express", kind: TypeBackend},
	{name: "fastify", dependency: "fastify", kind: TypeBackend},
	{name: "hapi", dependency: "@hapi/hapi", kind: TypeBackend},
	{name: "koa", dependency: "koa", kind: TypeBackend},
	{name: "hono", dependency: "@hono/node-server", kind: TypeBackend},
	{name: "angular", dependency: "@angular/core", build: "ng build", static: "dist", kind: TypeFrontend, fallback: true, pages: (*scan).angularPages},
	{name: "astro", dependency: "astro", build: "astro build", static: "dist", kind: TypeFrontend},
	{name: "gatsby", dependency: "gatsby", build: "gatsby build", static: "public", kind: TypeFrontend},
	{name: "docusaurus", dependency: "@docusaurus/core", build: "docusaurus build", static: "build", kind: TypeFrontend},
	{name: "eleventy", dependency: "@11ty/eleventy", build: "eleventy", static: "_site", kind: TypeFrontend},
	{name: "vitepress", dependency: "vitepress", build: "vitepress build", static: ".vitepress/dist", kind: TypeFrontend},
	{name: "create-react-app", dependency: "react-scripts", build: "react-scripts build", static: "build", kind: TypeFrontend, fallback: true},
	{name: "vue-cli", dependency: "@vue/cli-service", build: "vue-cli-service build", static: "dist", kind: TypeFrontend, fallback: true},
	{name: "vite", dependency: "vite", build: "vite build", static: "dist", kind: TypeFrontend, fallback: true, pages: (*scan).vitePages},
	{name: "parcel", dependency: "parcel", build: "parcel build", static: "dist", kind: TypeFrontend, fallback: true, pages: (*scan).parcelPages},
}

// nodeDrivers maps packages to the resource that they talk to.
var nodeDrivers = map[string]string{
	"pg": "postgres", "postgres": "postgres", "pg-promise": "postgres", "mysql": "mysql", "mysql2": "mysql", "mariadb": "mysql",
	"redis": "redis", "ioredis": "redis", "bull": "redis", "bullmq": "redis", "mongodb": "mongodb", "mongoose": "mongodb",
	"amqplib": "rabbitmq", "kafkajs": "kafka", "nats": "nats", "@elastic/elasticsearch": "elasticsearch", "memjs": "memcached",
	"@aws-sdk/client-s3": "s3", "minio": "s3",
}

// detectNode proposes the component of the package in dir, or of a script that
// needs no package.
func detectNode(ctx context.Context, s *scan, dir string) (*draft, error) {
	p, err := s.nodePackage(dir)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return s.nodeScript(ctx, dir)
	}
	if !p.telling() && s.nodeMain(dir, p) == "" {
		return nil, nil
	}
	d := newDraft(dir, "node", p.file)
	d.setName(p.Name, p.line(`"name"`), stated)
	if err := s.nodeWorkspace(d, p); err != nil {
		return nil, err
	}
	if err := s.nodeVersion(d, p); err != nil {
		return nil, err
	}
	s.nodeManager(d, p)
	fw, pages := s.nodeFramework(d, p)
	code, err := s.readScripts(ctx, d.Dir, nodeLexicon)
	if err != nil {
		return nil, err
	}
	for _, program := range []string{p.bin(), plainTarget(p.Scripts["start"])} {
		if file := path.Join(dir, program); program != "" && path.Ext(program) == "" && s.src.has(file) {
			if err := code.read(ctx, file, s.src.code(file), nodeLexicon); err != nil { // a program without extension
				return nil, err
			}
		}
	}
	s.nodeStart(d, p, fw, pages, code)
	if d.Start.IsZero() && d.Artifact.Kind != ArtifactStatic {
		if err := s.startStated(d); err != nil {
			return nil, err
		}
	}
	if len(p.Workspaces) > 0 && d.Start.IsZero() && (d.Artifact.Kind != ArtifactStatic || s.src.first(dir, "index.html") == "") {
		return nil, nil // the root of a workspace, whose packages are the components
	}
	s.nodeBuild(d, p, fw)
	s.nodeFacts(d, p, fw, code)
	return d, nil
}

// nodeFramework finds the framework of the package, nil if it has none, and what
// its bundler makes.
func (s *scan) nodeFramework(d *draft, p *nodePackage) (*nodeFramework, nodePages) {
	for i := range nodeFrameworks {
		f := &nodeFrameworks[i]
		if !p.uses(f.dependency) || f.static == "" && f.build == "" && p.Dependencies[f.dependency] == "" {
			continue
		}
		pages, found := nodePages{folder: f.static}, true
		if f.pages != nil {
			pages, found = f.pages(s, d.Dir, p)
		}
		if found {
			d.setFramework(f.name, p.line(`"`+f.dependency+`"`), stated)
			return f, pages
		}
	}
	return nil, nodePages{}
}

// plainTarget returns the file that a script runs by node, or "".
func plainTarget(script string) string {
	if m := plainNode.FindStringSubmatch(script); m != nil {
		return m[1]
	}
	return ""
}

// nodeScript proposes a lone index.js or server.js.
func (s *scan) nodeScript(ctx context.Context, dir string) (*draft, error) {
	main := s.src.first(dir, "server.js", "server.mjs", "index.js", "index.mjs", "app.js")
	if main == "" || s.src.first(dir, "index.html", "go.mod", "manage.py") != "" {
		return nil, nil
	}
	code, err := s.readScripts(ctx, dir, nodeLexicon)
	if err != nil {
		return nil, err
	}
	d := newDraft(dir, "node", main)
	d.Artifact = Artifact{Kind: ArtifactBundle, Path: "."}
	d.setStart(Command{Argv: []string{"node", path.Base(main)}}, main, convention)
	d.tool("node", "", main)
	s.nodeFacts(d, nil, nil, code)
	return d, nil
}

var (
	plainNode = regexp.MustCompile(`^node ([^-\s&|;<>$][^\s&|;<>$]*)$`)
	viteServe = regexp.MustCompile(`^(npx )?(vite( (preview|dev|serve))?|react-scripts start|vue-cli-service serve|gatsby (develop|serve)|astro (dev|preview)|docusaurus (start|serve)|ng (serve|s|dev)|parcel|serve|http-server)( |$)`)
)

// nodeStart finds what starts the package: its start script, its framework,
// its main file, or a program of its own that serves.
func (s *scan) nodeStart(d *draft, p *nodePackage, fw *nodeFramework, pages nodePages, code *scriptFacts) {
	dir := d.workdir()
	d.Path = []string{"node_modules/.bin"}
	if dir != "" {
		d.Path = []string{path.Join(dir, "node_modules/.bin"), "node_modules/.bin"}
	}
	d.Artifact = Artifact{Kind: ArtifactBundle, Path: "."}
	script, line := p.Scripts["start"], p.line(`"start"`)
	// A development server is not how a build is served.
	if fw != nil && fw.static != "" && (script == "" || viteServe.MatchString(script)) {
		source, confidence := pages.source, pages.confidence
		if source == "" {
			source, confidence = "convention of "+fw.name, convention
		}
		switch {
		case pages.server != "":
			d.setStart(Command{Argv: []string{"node", pages.server}, Dir: dir}, source, confidence)
			d.setType(TypeFrontend, source, confidence)
			return
		case !p.servesItself():
			d.setOutput(pages.folder, source, confidence)
			d.Artifact = Artifact{Kind: ArtifactStatic, Path: path.Join(dir, pages.folder)}
			d.Fallback, d.Path = fw.fallback, nil
			d.setType(TypeFrontend, p.line(`"`+fw.dependency+`"`), convention)
			return
		}
	}
	published := s.published(p)
	switch main := s.nodeMain(d.Dir, p); {
	case script != "" && !(published && p.needsDevelopment(script)):
		d.setStart(s.nodeScriptCommand(d, p, script), line, stated)
	case fw != nil && fw.start != "":
		d.setStart(Command{Shell: fw.start, Dir: dir}, "convention of "+fw.name, convention)
	case p.bin() != "" && p.servesByName() && d.Dir == "." && s.src.has(path.Join(d.Dir, p.bin())):
		d.setStart(Command{Argv: []string{"node", path.Clean(p.bin())}, Dir: dir}, p.line(`"bin"`), convention)
	case main != "" && (code.listens != "" || fw != nil || d.Dir == "." && p.Main == ""):
		d.setStart(Command{Argv: []string{"node", main}, Dir: dir}, p.mainSource(main), convention)
	}
}

// nodeScriptCommand runs a package script as the package manager would. A
// script that only starts node needs no shell; one that leans on variables or
// on resolution of the manager goes through it.
func (s *scan) nodeScriptCommand(d *draft, p *nodePackage, script string) Command {
	dir := d.workdir()
	if m := plainNode.FindStringSubmatch(script); m != nil && p.Scripts["prestart"] == "" {
		return Command{Argv: []string{"node", m[1]}, Dir: dir}
	}
	if strings.Contains(script, "npm_") || s.pnp(d.Root) {
		return Command{Argv: []string{d.Manager, "run", "start"}, Dir: dir}
	}
	if before := p.Scripts["prestart"]; before != "" {
		script = before + " && " + script
	}
	return Command{Shell: script, Dir: dir}
}

// nodeMain returns the file that the package would run as, relative to dir.
func (s *scan) nodeMain(dir string, p *nodePackage) string {
	names := []string{"server.js", "server.mjs", "index.js", "index.mjs", "app.js", "main.js", "src/index.js", "src/server.js", "src/main.js"}
	if p != nil && p.Main != "" {
		names = append([]string{p.Main, p.Main + ".js", path.Join(p.Main, "index.js")}, names...)
	}
	if found := s.src.first(dir, names...); found != "" {
		return relative(found, path.Clean(dir))
	}
	return ""
}

// nodeFacts writes what the code tells: port, health, drivers, type.
func (s *scan) nodeFacts(d *draft, p *nodePackage, fw *nodeFramework, code *scriptFacts) {
	if p != nil {
		var drivers []string
		for name := range nodeDrivers {
			if _, ok := p.Dependencies[name]; ok {
				drivers = append(drivers, name)
			}
		}
		slices.Sort(drivers)
		for _, name := range drivers {
			d.wantByDriver(nodeDrivers[name], p.line(`"`+name+`"`), code.variables)
		}
		s.prismaProvider(d)
	}
	if d.Artifact.Kind == ArtifactStatic {
		return
	}
	if d.Start.IsZero() {
		source := "no start script and no main file that serves"
		if p != nil {
			source = p.file
		}
		d.setType(TypeLibrary, source, convention)
		d.Artifact, d.Path = Artifact{}, nil
		return
	}
	d.choosePort(code.ports)
	if p != nil && d.PortVariable == "" {
		if slices.Contains([]string{"next", "remix", "nuxt", "sveltekit"}, d.Framework) {
			d.setPort(3000, "convention of "+d.Framework, convention)
			d.setPortVariable("PORT", "convention of "+d.Framework, convention)
		}
	}
	d.chooseHealth(code.routes)
	switch {
	case fw != nil && fw.kind == TypeFrontend && fw.static == "":
		d.setType(TypeFrontend, d.evidence["framework"].Source, convention)
	case code.listens != "":
		d.setType(TypeBackend, code.listens, readInCode)
	case fw != nil && fw.kind != "" || p != nil && p.servesByName():
		d.setType(TypeBackend, d.evidence["start"].Source, convention)
	case d.PortVariable != "":
		d.setType(TypeBackend, d.evidence["portVariable"].Source, convention)
	default:
		d.setType(TypeWorker, "no code that listens was found", likely)
	}
}
