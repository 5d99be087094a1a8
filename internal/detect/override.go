package detect

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// override lets the files that state a setting outright have their say, the
// strongest last: what each states and nothing more.
func (s *scan) override(dir string, d *draft) (*draft, error) {
	processes, err := s.procfile(dir)
	if err != nil {
		return nil, err
	}
	if d == nil && len(processes) > 0 {
		// A Procfile alone starts what is already built.
		d = newDraft(dir, "", "")
		delete(d.evidence, "language")
	}
	if d == nil {
		return nil, nil
	}
	if err := s.dockerfile(d); err != nil {
		return nil, err
	}
	s.applyProcfile(d, processes)
	if err := s.score(d); err != nil {
		return nil, err
	}
	if err := s.compose(d); err != nil {
		return nil, err
	}
	if exposed := d.evidence["port"]; d.Type == TypeJob && exposed.Confidence == stated {
		d.setType(TypeBackend, exposed.Source, convention)
	}
	if d.Type == TypeBackend && d.PortVariable == "" && d.Port == 0 {
		// Most platforms hand the port over by this name; the first run tells.
		d.setPortVariable("PORT", "convention of platforms", guess)
	}
	return d, nil
}

// startStated looks for a start command in the files that may state one, where
// manifest and code name none.
func (s *scan) startStated(d *draft) error {
	processes, err := s.procfile(d.Dir)
	if err != nil {
		return err
	}
	if len(processes) > 0 {
		s.applyProcfile(d, processes)
		return nil
	}
	return s.dockerfile(d)
}

// process is one line of a Procfile.
type process struct {
	name, command string
	source        string
}

var procfileLine = regexp.MustCompile(`^([A-Za-z0-9_-]+):\s*(.+)$`)

func (s *scan) procfile(dir string) ([]process, error) {
	file := path.Join(dir, "Procfile")
	data, err := s.src.manifest(file)
	if err != nil || data == nil {
		return nil, err
	}
	return parseProcfile(file, data)
}

func parseProcfile(file string, data []byte) ([]process, error) {
	var all []process
	number := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		m := procfileLine.FindStringSubmatch(line)
		if m == nil {
			return nil, &Error{Source: at(file, number), Title: "a line of a Procfile reads  name: command", Next: []string{"write it as  web: ./start --port $PORT"}}
		}
		all = append(all, process{m[1], m[2], at(file, number)})
	}
	return all, nil
}

// applyProcfile gives requests to web, runs release before a rollout and all
// others beside it. What starts anyway and stands there by another name than web is
// said to be none.
func (s *scan) applyProcfile(d *draft, processes []process) {
	web := slices.ContainsFunc(processes, func(p process) bool { return p.name == "web" })
	for _, p := range processes {
		c := Command{Shell: p.command, Dir: d.workdir()}
		if d.Artifact.Kind == ArtifactBinary {
			c = binaryCommand(d, p.command)
		}
		switch p.name {
		case "web":
			d.setStart(c, p.source, stated)
			d.setType(TypeBackend, p.source, stated)
			if strings.Contains(p.command, "$PORT") || strings.Contains(p.command, "${PORT") {
				d.setPortVariable("PORT", p.source, stated)
			} else if d.Language == "" {
				d.setPortVariable("PORT", "a Procfile's web listens on $PORT", convention)
			} else if program := readsPort(p.command); program != "" {
				d.setPortVariable(portReaders[program], "convention of "+program, convention)
			}
			if d.Artifact.Kind != ArtifactBinary {
				d.Artifact = Artifact{Kind: ArtifactBundle, Path: "."}
				delete(d.evidence, "output")
				d.Output, d.Fallback = "", false
			}
		case "release":
			d.note("prepare", p.command, p.source, stated)
			d.Prepare = &c
		default:
			if d.Start.String() == c.String() {
				if !web {
					d.setStart(d.Start, p.source, stated)
					d.setType(TypeWorker, p.source, stated)
					d.Port, d.PortVariable, d.Health = 0, "", "" // what listens in its code is not what it is for
					for _, field := range []string{"port", "portVariable", "health"} {
						delete(d.evidence, field)
					}
				}
				continue
			}
			if d.Processes == nil {
				d.Processes = map[string]Command{}
			}
			d.note("process."+p.name, p.command, p.source, stated)
			d.Processes[p.name] = c
		}
	}
	if len(processes) == 0 {
		return
	}
	if d.Artifact.Kind == "" {
		d.Artifact = Artifact{Kind: ArtifactBundle, Path: "."}
	}
	if d.Start.IsZero() && d.Artifact.Kind != ArtifactStatic && len(d.Processes) > 0 {
		// Without a web process the first other one is the component.
		for _, p := range processes {
			if c, ok := d.Processes[p.name]; ok {
				d.setStart(c, p.source, stated)
				d.setType(TypeWorker, p.source, stated)
				delete(d.Processes, p.name)
				delete(d.evidence, "process."+p.name)
				return
			}
		}
	}
}

// binaryCommand starts the built binary where a command names it by the path
// that another platform's build would have given it.
func binaryCommand(d *draft, line string) Command {
	words := strings.Fields(line)
	if len(words) == 0 || !strings.ContainsRune(words[0], '/') && label(words[0]) != d.Name {
		return Command{Shell: line}
	}
	return Command{Shell: strings.Join(append([]string{`"$` + OutVariable + `"`}, words[1:]...), " ")}
}

// scoreFile is the part of a Score workload that matters here.
type scoreFile struct {
	APIVersion string `yaml:"apiVersion"`
	Metadata   struct {
		Name string
	}
	Containers map[string]struct {
		Command        []string
		Args           []string
		Variables      map[string]string
		LivenessProbe  scoreProbe `yaml:"livenessProbe"`
		ReadinessProbe scoreProbe `yaml:"readinessProbe"`
	}
	Service struct {
		Ports map[string]struct {
			Port       int
			TargetPort int `yaml:"targetPort"`
		}
	}
	Resources map[string]struct {
		Type  string
		Class string
	}
}

type scoreProbe struct {
	HTTPGet struct {
		Path string
		Port int
	} `yaml:"httpGet"`
}

var scorePlaceholder = regexp.MustCompile(`\$\{resources\.([A-Za-z0-9_-]+)(?:\.[A-Za-z0-9_.-]+)?\}`)

// score applies score.yaml: name, command, variables, probes, ports, resources.
func (s *scan) score(d *draft) error {
	file := s.src.first(d.Dir, "score.yaml", "score.yml")
	data, err := s.src.manifest(file)
	if err != nil || data == nil {
		return err
	}
	var w scoreFile
	if err := yaml.Unmarshal(data, &w); err != nil {
		return yamlError(file, err)
	}
	if w.APIVersion != "score.dev/v1b1" {
		return &Error{Source: find(file, data, "apiVersion"), Title: "apiVersion is " + strconv.Quote(w.APIVersion) + ", not score.dev/v1b1"}
	}
	d.setName(w.Metadata.Name, find(file, data, "name:"), stated)
	container, several := "", len(w.Containers) > 1
	for _, name := range sortedKeys(w.Containers) {
		if container == "" || several && label(name) == d.Name || name == "main" {
			container = name
		}
	}
	c := w.Containers[container]
	command := c.Command
	if len(command) == 0 && len(c.Args) > 0 && d.Artifact.Kind == ArtifactBinary {
		command = []string{d.Name} // arguments alone go to the program of the image
	}
	s.imageCommand(d, command, c.Args, find(file, data, container+":"))
	for _, probe := range []scoreProbe{c.LivenessProbe, c.ReadinessProbe} {
		if probe.HTTPGet.Path != "" {
			source := find(file, data, "path: "+probe.HTTPGet.Path)
			d.setHealth(probe.HTTPGet.Path, source, stated)
			d.setPort(probe.HTTPGet.Port, source, stated)
		}
	}
	for _, name := range sortedKeys(w.Service.Ports) {
		p := w.Service.Ports[name]
		port := p.TargetPort
		if port == 0 {
			port = p.Port
		}
		if !d.known("port", stated) || name == "http" || name == "web" {
			d.setPort(port, find(file, data, name+":"), stated)
		}
	}
	variables := map[string][]string{} // resource → variables that take it, or a part of it
	for _, name := range sortedKeys(c.Variables) {
		value := c.Variables[name]
		if m := scorePlaceholder.FindStringSubmatch(value); m != nil {
			variables[m[1]] = append(variables[m[1]], name)
		} else if !strings.Contains(value, "${") {
			d.setEnv(name, value, find(file, data, name+":"))
		}
	}
	// What the workload states replaces what drivers suggest.
	for _, name := range sortedKeys(w.Resources) {
		kind := w.Resources[name].Type
		if kind == "" {
			continue
		}
		r := Resource{Name: name, Type: kind, Variables: variables[name], Source: find(file, data, name+":")}
		d.Resources = slices.DeleteFunc(d.Resources, func(have Resource) bool {
			if have.Type != kind || strings.HasPrefix(have.Source, file) {
				return false
			}
			if len(r.Variables) == 0 {
				r.Variables = have.Variables
			}
			delete(d.evidence, resourceField(have))
			return true
		})
		d.Resources = append(d.Resources, r)
		d.note(resourceField(r), kind, r.Source, stated)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// composeImages maps the base name of an image to the resource it provides.
var composeImages = map[string]string{
	"postgres": "postgres", "postgresql": "postgres", "postgis": "postgres", "timescaledb": "postgres", "pgvector": "postgres",
	"mysql": "mysql", "mariadb": "mysql", "percona": "mysql", "redis": "redis", "valkey": "redis", "redis-stack": "redis", "dragonfly": "redis",
	"mongo": "mongodb", "mongodb": "mongodb", "rabbitmq": "rabbitmq", "kafka": "kafka", "cp-kafka": "kafka", "redpanda": "kafka", "nats": "nats",
	"elasticsearch": "elasticsearch", "opensearch": "elasticsearch", "memcached": "memcached", "minio": "s3",
}

// compose adds the databases that stand beside the component in compose.yaml.
func (s *scan) compose(d *draft) error {
	file := s.src.first(d.Dir, "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
	data, err := s.src.manifest(file)
	if err != nil || data == nil {
		return err
	}
	var c struct {
		Services map[string]struct{ Image string }
	}
	if err := yaml.Unmarshal(data, &c); err != nil {
		return yamlError(file, err)
	}
	for _, name := range sortedKeys(c.Services) {
		image, _, _ := strings.Cut(c.Services[name].Image, "@")
		base, _, _ := strings.Cut(path.Base(image), ":")
		kind := composeImages[base]
		if kind == "" || d.Type == TypeLibrary {
			continue
		}
		var variables []string
		for _, k := range resourceKinds {
			if k.kind == kind {
				variables = []string{k.variable}
			}
		}
		d.want(Resource{Type: kind, Variables: variables, Source: find(file, data, c.Services[name].Image)}, convention)
	}
	return nil
}
