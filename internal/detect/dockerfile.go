package detect

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// dockerFacts is what the last stage of a Dockerfile states.
type dockerFacts struct {
	port                  int
	portLine              int
	health                string
	healthLine            int
	entrypoint, cmd       []string
	entryLine, cmdLine    int
	entryShell, cmdShell  bool
	env                   []envFact
	used                  string // text of all other instructions, to see which variables serve the image's own build
	healthPort, stageLine int
}

type envFact struct {
	name, value string
	line        int
}

var healthURL = regexp.MustCompile(`https?://[^/\s"'|:]+(?::(\d+))?(/[^\s"'|;)]*)?`)

// parseDockerfile reads the facts of the last stage.
func parseDockerfile(file string, data []byte) (*dockerFacts, error) {
	parsed, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		e := &Error{Source: file, Title: "not a valid Dockerfile: " + err.Error(), Err: err}
		if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
			e.Source = file + ":" + m[1]
		}
		return nil, e
	}
	f := &dockerFacts{}
	for _, n := range parsed.AST.Children {
		args := arguments(n)
		shell := !n.Attributes["json"]
		switch strings.ToUpper(n.Value) {
		case "FROM":
			*f = dockerFacts{stageLine: n.StartLine}
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
// and files of the image that are not in the source are not known.
func (s *scan) imageCommand(d *draft, command, args []string, source string) {
	all := slices.Concat(command, args)
	if len(all) == 0 || d.Artifact.Kind == "" || d.Artifact.Kind == ArtifactStatic {
		return
	}
	program := path.Base(all[0])
	literal := make([]string, len(all))
	for i, a := range all {
		literal[i] = strings.ReplaceAll(a, "$", "$$")
	}
	if d.Artifact.Kind == ArtifactBinary {
		if slices.Contains([]string{"sh", "bash", "tini", "dumb-init", "go"}, program) || len(command) == 0 && strings.HasPrefix(all[0], "-") {
			return
		}
		if len(all) == 1 {
			return // says no more than is known
		}
		c := d.Start
		c.Argv = append([]string{"$" + OutVariable}, literal[1:]...)
		d.setStart(c, source, stated)
		return
	}
	if program == "tini" || program == "dumb-init" || len(all) == 1 && program == "node" {
		return
	}
	switch {
	case slices.Contains([]string{"python", "python3"}, program) && d.Language == "python":
		literal[0] = ".venv/bin/python"
	case slices.Contains(interpreters, program):
		literal[0] = program
	default:
		rel := s.inSource(d, all[0])
		if rel == "" {
			return
		}
		literal[0] = "./" + rel
	}
	for i := 1; i < len(all); i++ {
		if path.IsAbs(all[i]) && path.Ext(all[i]) != "" {
			rel := s.inSource(d, all[i])
			if rel == "" {
				return // a file of the image only
			}
			literal[i] = rel
		}
	}
	s.requireServer(d, program)
	d.setStart(Command{Argv: literal, Dir: d.workdir()}, source, stated)
}

// imageShell is imageCommand for a line of shell.
func (s *scan) imageShell(d *draft, line, source string) {
	words := strings.Fields(line)
	if len(words) == 0 || d.Artifact.Kind != ArtifactBundle {
		return
	}
	if program := strings.TrimPrefix(words[0], "exec "); slices.Contains(interpreters, path.Base(program)) && !strings.ContainsAny(line, "`") {
		s.requireServer(d, path.Base(program))
		d.setStart(Command{Shell: line, Dir: d.workdir()}, source, stated)
		if strings.Contains(line, "$PORT") || strings.Contains(line, "${PORT") {
			d.setPortVariable("PORT", source, stated)
		}
	}
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

// requireServer drops nothing: a server that the image's command names is
// expected among the requirements, as it was in the image.
func (s *scan) requireServer(*draft, string) {}
