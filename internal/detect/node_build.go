package detect

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// nodeVersion finds the wanted version: engines.node, .nvmrc, .node-version,
// .tool-versions, in this order; the component's folder before the workspace's.
func (s *scan) nodeVersion(d *draft, p *nodePackage) error {
	if v := p.Engines["node"]; v != "" {
		d.setVersion(v, p.line(`"engines"`), stated)
	} else if v := p.Volta["node"]; v != "" {
		d.setVersion(v, p.line(`"volta"`), stated)
	}
	for _, dir := range slices.Compact([]string{d.Dir, d.Root}) {
		if d.Version != "" {
			break
		}
		for _, name := range []string{".nvmrc", ".node-version"} {
			if v, line := s.firstLine(path.Join(dir, name)); v != "" && d.Version == "" {
				d.setVersion(strings.TrimPrefix(v, "v"), at(path.Join(dir, name), line), stated)
			}
		}
		if v, source := s.toolVersion(dir, "nodejs", "node"); v != "" && d.Version == "" {
			d.setVersion(v, source, stated)
		}
	}
	if d.Version == "" && d.Root != d.Dir {
		if root, err := s.nodePackage(d.Root); err != nil {
			return err
		} else if root != nil && root.Engines["node"] != "" {
			d.setVersion(root.Engines["node"], root.line(`"engines"`), stated)
		}
	}
	source := d.evidence["version"].Source
	if source == "" {
		source = p.file
	}
	d.tool("node", d.Version, source)
	return nil
}

// toolVersion reads .tool-versions of asdf and mise.
func (s *scan) toolVersion(dir string, names ...string) (string, string) {
	file := path.Join(dir, ".tool-versions")
	data, err := s.src.manifest(file)
	if err != nil {
		return "", ""
	}
	line := 0
	for text := range strings.SplitSeq(string(data), "\n") {
		line++
		if fields := strings.Fields(text); len(fields) >= 2 && slices.Contains(names, fields[0]) {
			return fields[1], at(file, line)
		}
	}
	return "", ""
}

// nodeManager finds the package manager: packageManager, lockfile, npm.
func (s *scan) nodeManager(d *draft, p *nodePackage) {
	root := p
	if d.Root != d.Dir {
		if r, _ := s.nodePackage(d.Root); r != nil {
			root = r
		}
	}
	version := ""
	if root.PackageManager != "" {
		spec, _, _ := strings.Cut(root.PackageManager, "+") // without the hash
		name, v, _ := strings.Cut(spec, "@")
		if slices.Contains([]string{"npm", "pnpm", "yarn"}, name) {
			version = v
			d.setManager(name, root.line(`"packageManager"`), stated)
		}
	}
	if lock := s.lockfile(d.Root); lock != "" {
		for _, l := range lockfiles {
			if path.Base(lock) == l.file {
				d.setManager(l.manager, lock, readInCode)
			}
		}
	}
	d.setManager("npm", "no lockfile", convention)
	d.tool(d.Manager, version, d.evidence["manager"].Source)
}

// pnp reports whether yarn resolves packages without node_modules.
func (s *scan) pnp(root string) bool {
	file := path.Join(root, ".yarnrc.yml")
	if !s.src.has(file) {
		return false
	}
	data, _ := s.src.manifest(file)
	return !nodeLinker.Match(data)
}

var nodeLinker = regexp.MustCompile(`(?m)^nodeLinker:\s*["']?(node-modules|pnpm)`)

// nodeBuild writes the steps: install, build, and leave out what only the
// build needed where the start command certainly does not need it.
func (s *scan) nodeBuild(d *draft, p *nodePackage, fw *nodeFramework) {
	if d.Start.IsZero() && d.Artifact.Kind != ArtifactStatic {
		return
	}
	published := s.published(p)
	build := p.Scripts["build"] != "" && !published
	// What npm runs at an installation in the folder itself; it may want what only
	// development needs.
	var preparation []string
	for _, name := range []string{"prepare", "prepublish"} {
		if p.Scripts[name] != "" {
			preparation = append(preparation, "scripts."+name)
		}
	}
	lean := !build && len(preparation) == 0 && plainStart(d.Start) && d.Root == d.Dir
	if published && len(preparation) > 0 {
		// A published package is built; its preparation wants sources that were left out.
		d.step("leave out preparation", append([]string{"npm", "pkg", "delete"}, preparation...)...)
		lean = true
	}
	if len(p.Dependencies)+len(p.DevDependencies) > 0 || d.Root != d.Dir || s.lockfile(d.Root) != "" {
		s.nodeInstall(d, lean || published)
	}
	switch {
	case build:
		d.step("build", d.Manager, "run", "build")
	case fw != nil && fw.build != "" && !published && !strings.Contains(p.Scripts["start"], "build") && (fw.static != "" || p.Scripts["start"] == "" || fw.name == "next"):
		d.steps(Step{Name: "build", Command: Command{Shell: fw.build, Dir: d.workdir()}})
	}
	if build && d.Manager == "npm" && plainStart(d.Start) && d.Root == d.Dir && len(p.DevDependencies) > 0 {
		d.step("leave out development dependencies", "npm", "prune", "--omit=dev", "--ignore-scripts")
	}
}

// plainStart reports whether a command runs node on a file without loading
// anything else, so that no development dependency can be needed.
func plainStart(c Command) bool {
	return len(c.Argv) >= 2 && c.Argv[0] == "node" && !strings.HasPrefix(c.Argv[1], "-") && !strings.HasSuffix(c.Argv[1], ".ts")
}

// nodeInstall writes how dependencies are installed: exactly by the lockfile
// where there is one.
func (s *scan) nodeInstall(d *draft, lean bool) {
	locked := s.lockfile(d.Root) != ""
	var argv []string
	switch d.Manager {
	case "pnpm":
		argv = []string{"pnpm", "install", "--frozen-lockfile"}
		if !locked {
			argv = []string{"pnpm", "install", "--no-frozen-lockfile"}
		}
		if lean {
			argv = append(argv, "--prod")
		}
	case "yarn":
		argv = []string{"yarn", "install"}
		berry := s.src.has(path.Join(d.Root, ".yarnrc.yml"))
		switch {
		case locked && berry:
			argv = append(argv, "--immutable")
		case locked:
			argv = append(argv, "--frozen-lockfile", "--non-interactive")
		}
		if lean && !berry {
			argv = append(argv, "--production")
		}
	default:
		argv = []string{"npm", "install", "--no-audit", "--no-fund"}
		if locked && path.Base(s.lockfile(d.Root)) != "pnpm-lock.yaml" {
			argv[1] = "ci"
		}
		if lean {
			argv = append(argv, "--omit=dev")
		} else {
			argv = append(argv, "--include=dev")
		}
	}
	d.steps(Step{Name: "install dependencies", Command: Command{Argv: argv}})
}

var viteOutDir = regexp.MustCompile(`outDir\s*:\s*["'` + "`" + `]([^"'` + "`" + `\n]{1,200})["'` + "`" + `]`)

// vitePages reads vite's configuration: where its page is, and where it is built to.
func (s *scan) vitePages(dir string, _ *nodePackage) (nodePages, bool) {
	file := s.src.first(dir, "vite.config.ts", "vite.config.js", "vite.config.mjs", "vite.config.mts")
	data := s.src.code(file)
	pages := nodePages{folder: "dist"}
	if m := viteOutDir.FindSubmatchIndex(data); m != nil {
		if out := path.Clean(string(data[m[2]:m[3]])); !path.IsAbs(out) && !strings.HasPrefix(out, "..") {
			pages = nodePages{folder: out, source: at(file, lineOf(data, m[0])), confidence: readInCode}
		}
	}
	_, page := s.parcelPages(dir, nil)
	return pages, page || viteRootDir.Match(data)
}

// parcelPages finds the page that a bundler starts from.
func (s *scan) parcelPages(dir string, _ *nodePackage) (nodePages, bool) {
	return nodePages{folder: "dist"}, s.src.first(dir, "index.html", "src/index.html") != ""
}

var viteRootDir = regexp.MustCompile(`(?m)^\s*root\s*:`)

var prismaDatasource = regexp.MustCompile(`(?s)datasource\s+\w+\s*\{[^}]*?provider\s*=\s*"(\w+)"`)
var prismaURL = regexp.MustCompile(`url\s*=\s*env\("(\w+)"\)`)

// prismaProvider adds the database that Prisma's schema names.
func (s *scan) prismaProvider(d *draft) {
	file := s.src.first(d.Dir, "prisma/schema.prisma", "schema.prisma")
	data := s.src.code(file)
	m := prismaDatasource.FindSubmatchIndex(data)
	if m == nil {
		return
	}
	kind := map[string]string{"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mongodb": "mongodb", "cockroachdb": "postgres"}[string(data[m[2]:m[3]])]
	if kind == "" {
		return
	}
	variable := "DATABASE_URL"
	if u := prismaURL.FindSubmatch(data); u != nil {
		variable = string(u[1])
	}
	d.want(Resource{Type: kind, Variables: []string{variable}, Source: at(file, lineOf(data, m[2]))}, stated)
}
