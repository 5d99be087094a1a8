package detect

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// dockerFacts is what the last stage of a Dockerfile states.
type dockerFacts struct {
	port                 int
	portLine             int
	health               string
	healthLine           int
	entrypoint, cmd      []string
	entryLine, cmdLine   int
	entryShell, cmdShell bool
	env                  []envFact
	used                 string // text of all other instructions, to see which variables serve the image's own build
	healthPort           int
}

type envFact struct {
	name, value string
	line        int
}

var healthURL = regexp.MustCompile(`https?://[^/\s"'|:]+(?::(\d+))?(/[^\s"'|;)]*)?`)

var quoted = regexp.MustCompile(`"[^"]*"`)

// parseDockerfile reads the facts of the last stage.
func parseDockerfile(file string, data []byte) (*dockerFacts, error) {
	parsed, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		// The word at fault may be the rest of a password.
		e := &Error{Source: file, Title: "not a valid Dockerfile: " + quoted.ReplaceAllString(err.Error(), "a word")}
		var where *parser.LocationError
		if errors.As(err, &where) && len(where.Locations) > 0 && len(where.Locations[0]) > 0 {
			e.Source = at(file, where.Locations[0][0].Start.Line)
		}
		return nil, e
	}
	f := &dockerFacts{}
	for _, n := range parsed.AST.Children {
		args := arguments(n)
		shell := !n.Attributes["json"]
		switch strings.ToUpper(n.Value) {
		case "FROM":
			*f = dockerFacts{}
			continue
		case "EXPOSE":
			for _, a := range args {
				number, protocol, _ := strings.Cut(a, "/")
				if port, err := strconv.Atoi(number); err == nil && protocol != "udp" && f.port == 0 {
					f.port, f.portLine = port, n.StartLine
				}
			}
		case "ENV":
			for i := 0; i+1 < len(args); i += 3 { // name, value, separator
				f.env = append(f.env, envFact{args[i], strings.Trim(args[i+1], `"'`), n.StartLine})
			}
			continue
		case "ENTRYPOINT":
			f.entrypoint, f.entryLine, f.entryShell = args, n.StartLine, shell
		case "CMD":
			f.cmd, f.cmdLine, f.cmdShell = args, n.StartLine, shell
		case "HEALTHCHECK":
			if m := healthURL.FindStringSubmatch(strings.Join(args, " ")); m != nil {
				f.health, f.healthLine = m[2], n.StartLine
				f.healthPort, _ = strconv.Atoi(m[1])
				if f.health == "" {
					f.health = "/"
				}
			}
		}
		f.used += " " + n.Original
	}
	return f, nil
}

// arguments lists the words of an instruction.
func arguments(n *parser.Node) []string {
	var args []string
	for next := n.Next; next != nil; next = next.Next {
		args = append(args, next.Value)
	}
	return args
}

// imageOnly are variables that describe the image rather than the program.
var imageOnly = []string{"PATH", "HOME", "GOPATH", "GOROOT", "CGO_ENABLED", "GOOS", "GOARCH", "NODE_VERSION", "PYTHONPATH", "VIRTUAL_ENV", "DEBIAN_FRONTEND", "PORT", "PWD", "LD_LIBRARY_PATH"}

// dockerfile applies what the Dockerfile of the component states.
func (s *scan) dockerfile(d *draft) error {
	file := s.src.first(d.Dir, "Dockerfile", "Containerfile")
	data, err := s.src.manifest(file)
	if err != nil || data == nil || d.Type == TypeLibrary || d.Artifact.Kind == ArtifactStatic {
		return err
	}
	f, err := parseDockerfile(file, data)
	if err != nil {
		return err
	}
	for _, e := range f.env {
		serves := strings.Contains(f.used, "$"+e.name) || strings.Contains(f.used, "${"+e.name)
		if slices.Contains(imageOnly, e.name) || strings.HasPrefix(e.name, "PIP_") || strings.HasPrefix(e.name, "UV_") || strings.Contains(e.value, "$") || strings.HasPrefix(e.value, "/") || serves {
			if e.name == "PORT" && atoiPort(e.value) != 0 {
				d.setPort(atoiPort(e.value), at(file, e.line), stated)
			}
			continue
		}
		d.setEnv(e.name, e.value, at(file, e.line))
	}
	if f.port != 0 {
		d.setPort(f.port, at(file, f.portLine), stated)
	}
	if f.health != "" {
		d.setHealth(f.health, at(file, f.healthLine), stated)
		d.setPort(f.healthPort, at(file, f.healthLine), convention)
	}
	line := f.entryLine
	if line == 0 {
		line = f.cmdLine
	}
	if f.entryShell || f.cmdShell && len(f.entrypoint) == 0 {
		text := strings.Join(f.entrypoint, " ")
		if text == "" {
			text = strings.Join(f.cmd, " ")
		}
		s.imageShell(d, text, at(file, line))
		return nil
	}
	s.imageCommand(d, f.entrypoint, f.cmd, at(file, line))
	return nil
}

// interpreters are programs that an image's command may name which the built
// artifact, or the machine, has as well.
var interpreters = []string{"node", "npm", "npx", "pnpm", "yarn", "python", "python3", "gunicorn", "uvicorn", "hypercorn", "flask", "fastapi", "streamlit", "daphne", "waitress-serve", "celery", "next", "ts-node", "tsx"}

// imageCommand takes over a command and arguments that were written for a
// container image, as far as they hold outside of one: the program of a
// compiled component is its binary, an interpreter is that of the artifact,
// and a command that names files of the image only is left alone.
func (s *scan) imageCommand(d *draft, command, args []string, source string) {
	all := slices.Concat(command, args)
	if len(all) == 0 {
		return
	}
	program := path.Base(all[0])
	argv := make([]string, len(all))
	for i, a := range all {
		argv[i] = strings.ReplaceAll(a, "$", "$$")
	}
	switch {
	case d.Artifact.Kind == ArtifactBinary:
		wrapped := slices.Contains([]string{"sh", "bash", "tini", "dumb-init", "go"}, program)
		if wrapped || len(all) == 1 || len(command) == 0 && strings.HasPrefix(all[0], "-") {
			return // says no more than is known
		}
		argv[0] = "$" + OutVariable
	case d.Artifact.Kind != ArtifactBundle:
		return
	default:
		if argv = s.fromImage(d, argv, program); argv == nil {
			return
		}
	}
	c := Command{Argv: argv, Env: d.Start.Env}
	if d.Artifact.Kind == ArtifactBundle {
		c.Dir = d.workdir()
	}
	s.startByImage(d, c, program, source)
}

// fromImage translates what a command names from the image to the source; nil
// if a file of it exists in the image only.
func (s *scan) fromImage(d *draft, argv []string, program string) []string {
	switch {
	case strings.HasPrefix(program, "python") && d.Language == "python":
		argv[0] = d.python()
	case slices.Contains(interpreters, program):
		argv[0] = program
	default:
		rel := s.inSource(d, argv[0])
		if rel == "" {
			return nil
		}
		argv[0] = "./" + rel
	}
	runsFile := program == "node" || strings.HasPrefix(program, "python") || program == "ts-node" || program == "tsx"
	for i := 1; i < len(argv); i++ {
		isFile := i == 1 && runsFile && !strings.HasPrefix(argv[i], "-")
		if !isFile && !(path.IsAbs(argv[i]) && path.Ext(argv[i]) != "") {
			continue
		}
		rel := s.inSource(d, argv[i])
		switch {
		case rel != "":
			argv[i] = rel
		case path.IsAbs(argv[i]) || d.known("start", convention):
			return nil
		}
	}
	if len(argv) == 1 && runsFile {
		return nil // an interactive interpreter
	}
	return argv
}

// imageShell is imageCommand for a line of shell.
func (s *scan) imageShell(d *draft, line, source string) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "exec ")
	words := strings.Fields(line)
	if len(words) == 0 || d.Artifact.Kind != ArtifactBundle || strings.ContainsAny(line, "`|;&") {
		return
	}
	program := path.Base(words[0])
	if !slices.Contains(interpreters, program) || s.fromImage(d, slices.Clone(words), program) == nil {
		return
	}
	s.startByImage(d, Command{Shell: "exec " + line, Dir: d.workdir(), Env: d.Start.Env}, program, source)
}

var (
	portOption  = regexp.MustCompile(`^(--?(?:server[.-])?port|-p)(=?)(\d{2,5})?$`)
	bindOption  = regexp.MustCompile(`^((?:--bind=|-b=?)?(?:[0-9.]+|\[[0-9a-f:]*\]|localhost|\*)?:)(\d{2,5})$`)
	portReaders = map[string]string{"gunicorn": "PORT", "uvicorn": "UVICORN_PORT", "flask": "FLASK_RUN_PORT", "streamlit": "STREAMLIT_SERVER_PORT"}
)

// startByImage starts the component as its image does. A port that the command
// fixes is that of the image's own network: elsewhere $PORT takes its place.
func (s *scan) startByImage(d *draft, c Command, program, source string) {
	words := c.Argv
	if c.Shell != "" {
		words = strings.Fields(c.Shell)
	}
	words = slices.Clone(words)
	fixed, variable := 0, false
	direct := func(number string) string {
		fixed, _ = strconv.Atoi(number)
		return "${PORT:-" + number + "}"
	}
	for i, w := range words {
		variable = variable || strings.Contains(w, "$PORT") || strings.Contains(w, "${PORT")
		if m := portOption.FindStringSubmatch(w); m != nil {
			switch {
			case m[3] != "":
				words[i] = m[1] + m[2] + direct(m[3])
			case i+1 < len(words) && atoiPort(words[i+1]) != 0:
				words[i+1] = direct(words[i+1])
			}
		} else if m := bindOption.FindStringSubmatch(w); m != nil {
			words[i] = m[1] + direct(m[2])
		}
	}
	if c.Shell != "" {
		c.Shell = strings.Join(words, " ")
	} else {
		c.Argv = words
	}
	own := d.evidence["portVariable"]
	byStart := own.Confidence <= convention // only our own start command took it from there
	switch name := portReaders[program]; {
	case fixed != 0 || variable:
		d.setPort(fixed, source, stated)
		d.setPortVariable("PORT", source, stated)
	case program == "fastapi" && len(c.Argv) > 1:
		c.Argv = append(c.Argv, "--port", "${PORT:-8000}")
		d.setPortVariable("PORT", source, convention)
	case name != "":
		d.setPortVariable(name, "convention of "+program, convention)
	case byStart:
		delete(d.evidence, "portVariable")
		d.PortVariable = ""
	}
	d.setStart(c, source, stated)
}

// readsPort gives the program that a line comes to and that takes its port from a
// variable by itself, "" if there is none or the line says the port.
func readsPort(line string) string {
	found := ""
	last := line[strings.LastIndexAny(line, ";&|")+1:]
	for _, w := range strings.Fields(last) {
		if portOption.MatchString(w) || bindOption.MatchString(w) {
			return ""
		}
		if program := path.Base(w); portReaders[program] != "" {
			found = program
		}
	}
	return found
}

// inSource finds a file of an image in the source: the longest tail of its
// path that exists in the component's folder.
func (s *scan) inSource(d *draft, file string) string {
	file = strings.TrimPrefix(path.Clean(file), "/")
	for file != "" && file != "." {
		if s.src.has(path.Join(d.Dir, file)) {
			return file
		}
		_, rest, ok := strings.Cut(file, "/")
		if !ok {
			return ""
		}
		file = rest
	}
	return ""
}
