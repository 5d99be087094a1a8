package detect

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/secret/credential"
)

// draft is a component while it is being put together: every fact comes with
// its evidence, and a later fact replaces an earlier one of lower or equal
// confidence only.
type draft struct {
	Component
	evidence map[string]Setting
	question *Question
}

func newDraft(dir, language, source string) *draft {
	d := &draft{evidence: map[string]Setting{}}
	d.Dir, d.Root, d.Language = dir, dir, language
	d.note("language", language, source, stated)
	return d
}

// note records evidence of a field; it reports whether the value is to be taken.
func (d *draft) note(field, value, source string, confidence float64) bool {
	if value == "" {
		return false
	}
	if old, ok := d.evidence[field]; ok && old.Confidence > confidence {
		return false
	}
	d.evidence[field] = Setting{Field: field, Value: value, Source: source, Confidence: confidence}
	return true
}

// known reports whether a field has evidence of at least the confidence.
func (d *draft) known(field string, confidence float64) bool {
	s, ok := d.evidence[field]
	return ok && s.Confidence >= confidence
}

func (d *draft) setName(name, source string, confidence float64) {
	if name = label(name); d.note("name", name, source, confidence) {
		d.Name = name
	}
}

func (d *draft) setType(kind, source string, confidence float64) {
	if d.note("type", kind, source, confidence) {
		d.Type = kind
	}
}

func (d *draft) setVersion(version, source string, confidence float64) {
	if version = strings.TrimSpace(version); d.note("version", version, source, confidence) {
		d.Version = version
	}
}

func (d *draft) setFramework(framework, source string, confidence float64) {
	if d.note("framework", framework, source, confidence) {
		d.Framework = framework
	}
}

func (d *draft) setManager(manager, source string, confidence float64) {
	if d.note("manager", manager, source, confidence) {
		d.Manager = manager
	}
}

func (d *draft) setStart(c Command, source string, confidence float64) {
	if d.note("start", c.String(), source, confidence) {
		d.Start = c
	}
}

func (d *draft) setHealth(p, source string, confidence float64) {
	if !queryTells(p) && d.note("health", p, source, confidence) {
		d.Health = p
	}
}

func (d *draft) setOutput(dir, source string, confidence float64) {
	if d.note("output", dir, source, confidence) {
		d.Output = dir
	}
}

func (d *draft) setOwner(team, source string, confidence float64) {
	if d.note("owner", team, source, confidence) {
		d.Owner = team
	}
}

// setPort records a port that the component listens on by itself.
func (d *draft) setPort(port int, source string, confidence float64) {
	if port < 1 || port > 65535 {
		return
	}
	if d.note("port", strconv.Itoa(port), source, confidence) {
		d.Port = port
	}
}

// setPortVariable records the variable that the port is taken from.
func (d *draft) setPortVariable(name, source string, confidence float64) {
	if d.note("portVariable", name, source, confidence) {
		d.PortVariable = name
	}
}

func (d *draft) setEnv(name, value, source string) {
	if reason, looks := credential.Looks(name, value); looks {
		delete(d.Env, name)
		delete(d.evidence, "env."+name)
		d.leaveOut(name, reason, source)
		return
	}
	if d.Env == nil {
		d.Env = map[string]string{}
	}
	if d.note("env."+name, value, source, stated) {
		d.Env[name] = value
		delete(d.evidence, SecretField(name)) // a stronger file says what it is
	}
}

// want adds a resource. What an earlier source said of the same type stands,
// but a later one may still fill in the variable.
func (d *draft) want(r Resource, confidence float64) {
	for i, have := range d.Resources {
		if have.Type != r.Type || r.Name != "" && have.Name != r.Name && have.Name != d.Name && have.Name != "" {
			continue
		}
		if len(have.Variables) == 0 {
			d.Resources[i].Variables = r.Variables
		}
		return
	}
	d.Resources = append(d.Resources, r)
	d.note(resourceField(r), r.Type, r.Source, confidence)
}

func resourceField(r Resource) string {
	if r.Name == "" {
		return "resource." + r.Type
	}
	return "resource." + r.Type + "." + r.Name
}

func (d *draft) tool(name, version, why string) {
	for i, t := range d.Toolchain {
		if t.Name == name {
			if t.Version == "" {
				d.Toolchain[i].Version = version
			}
			return
		}
	}
	d.Toolchain = append(d.Toolchain, Tool{Name: name, Version: version, Why: why})
	d.note("toolchain."+name, strings.TrimSpace(name+" "+version), why, stated)
}

// step adds a build step that runs in the component's own folder.
func (d *draft) step(name string, argv ...string) {
	d.steps(Step{Name: name, Command: Command{Argv: argv, Dir: d.workdir()}})
}

func (d *draft) steps(steps ...Step) { d.Build = append(d.Build, steps...) }

// workdir is the component's folder relative to Root, "" for Root itself.
func (d *draft) workdir() string {
	if rel := relative(d.Dir, d.Root); rel != "." {
		return rel
	}
	return ""
}

// finish turns the draft into a component with its settings in stable order.
func (d *draft) finish() Component {
	for i, r := range d.Resources {
		if r.Name == "" {
			old := d.evidence[resourceField(r)]
			delete(d.evidence, resourceField(r))
			d.Resources[i].Name = d.Name
			old.Field = resourceField(d.Resources[i])
			d.evidence[old.Field] = old
		}
	}
	if len(d.Build) > 0 {
		names := make([]string, len(d.Build))
		for i, s := range d.Build {
			names[i] = s.String()
		}
		// The steps follow from language, manager and lockfile, whose evidence this repeats.
		from := d.evidence["manager"]
		if from.Source == "" {
			from = d.evidence["language"]
		}
		if !d.known("build", 0) {
			d.note("build", strings.Join(names, " && "), from.Source, convention)
		}
	}
	if len(d.Env) > 0 && d.PortVariable != "" {
		delete(d.Env, d.PortVariable) // the runtime chooses the port
		delete(d.evidence, "env."+d.PortVariable)
	}
	d.tellCommands()
	d.Settings = d.settings()
	for _, setting := range d.Settings {
		if name, ok := strings.CutPrefix(setting.Field, SecretField("")); ok {
			d.Secrets = append(d.Secrets, name)
		}
	}
	return d.Component
}

// fieldOrder is the order in which a person wants to read the settings.
var fieldOrder = []string{
	"name", "type", "language", "version", "framework", "manager", "build", "start", "prepare", "process",
	"output", "port", "portVariable", "health", "env", "secret", "credential", "resource", "toolchain", "owner",
}

func fieldRank(field string) int {
	head, _, _ := strings.Cut(field, ".")
	return slices.Index(fieldOrder, head)
}

func (d *draft) settings() []Setting {
	all := slices.Collect(maps.Values(d.evidence))
	slices.SortFunc(all, func(a, b Setting) int {
		if c := fieldRank(a.Field) - fieldRank(b.Field); c != 0 {
			return c
		}
		return strings.Compare(a.Field, b.Field)
	})
	return all
}

// label turns a name into a DNS label: what names of modules, packages and
// folders have in common. It is "" if nothing of it can be used.
func label(name string) string {
	name = strings.TrimPrefix(path.Base(strings.TrimSuffix(name, "/")), "@")
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteRune(r)
		} else if s := b.String(); s != "" && !strings.HasSuffix(s, "-") {
			b.WriteByte('-')
		}
	}
	s := b.String()
	return strings.Trim(s[:min(len(s), 63)], "-")
}

// atoiPort reads a port out of ":8080", "0.0.0.0:8080" or "8080"; 0 if there is none.
func atoiPort(addr string) int {
	if i := strings.LastIndexByte(addr, ':'); i >= 0 {
		addr = addr[i+1:]
	}
	n, err := strconv.Atoi(addr)
	if err != nil || n < 1 || n > 65535 {
		return 0
	}
	return n
}

// listens says the port and its variable in one phrase.
func (c Component) listens() string {
	switch {
	case c.PortVariable != "" && c.Port != 0:
		return fmt.Sprintf("listens on $%s (%d if not set)", c.PortVariable, c.Port)
	case c.PortVariable != "":
		return "listens on $" + c.PortVariable
	case c.Port != 0:
		return fmt.Sprintf("listens on :%d", c.Port)
	}
	return ""
}
