package delivery

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// binaryPath is where a build writes a binary artifact, in its private copy.
const binaryPath = ".stoa-out/service"

// buildPlan says to the builder what detection found out.
func buildPlan(c detect.Component) (build.Plan, error) {
	plan := build.Plan{Language: c.Language, Output: build.Output{Kind: build.Kind(c.Artifact.Kind), Path: cmp.Or(c.Artifact.Path, ".")}}
	if c.Artifact.Kind == detect.ArtifactBinary {
		plan.Output.Path = binaryPath
	}
	for _, step := range c.Build {
		dir := path.Clean(cmp.Or(step.Dir, "."))
		out, err := filepath.Rel(filepath.FromSlash(dir), filepath.FromSlash(binaryPath))
		if err != nil {
			return plan, fmt.Errorf("place of the binary: %w", err)
		}
		if !strings.HasPrefix(out, ".") {
			out = "./" + out
		}
		command := build.Command{Shell: step.Shell, Dir: step.Dir, Env: maps.Clone(step.Env)}
		if step.Shell == "" {
			command.Argv = step.Expand(func(name string) string {
				if name == detect.OutVariable {
					return out
				}
				return ""
			})
		} else {
			command.Env = with(command.Env, detect.OutVariable, out)
		}
		plan.Steps = append(plan.Steps, command)
	}
	for _, t := range c.Toolchain {
		plan.Toolchain = append(plan.Toolchain, build.Tool{Name: t.Name, Version: t.Version})
	}
	return plan, plan.Validate()
}

func with(env map[string]string, key, value string) map[string]string {
	if env == nil {
		env = map[string]string{}
	}
	env[key] = value
	return env
}

// workload says to the runtime how the artifact runs in the environment.
// secrets are "KEY=value" and win over plain settings of the same name.
func (d *Delivery) workload(rel Release, running catalog.Running, artifact build.Artifact, secrets []string) (runtime.Workload, error) {
	c := rel.Spec.Workload
	if c == nil {
		return runtime.Workload{}, problem.New(problem.Invalid, "release %s says nothing of what to run", rel.Metadata.Name)
	}
	w := runtime.Workload{
		Key:     keyOf(rel),
		Release: rel.Metadata.Name, Dir: artifact.Dir, Replicas: running.Replicas, Restart: running.Restart,
		Port: c.Port, PortVariable: c.PortVariable, Health: c.Health,
		Serves: c.Type != detect.TypeWorker && c.Type != detect.TypeJob,
	}
	var err error
	if running.Memory != "" {
		if w.Memory, err = catalog.ParseBytes(running.Memory); err != nil {
			return w, err
		}
	}
	if running.CPU != "" {
		if w.CPU, err = catalog.ParseCPU(running.CPU); err != nil {
			return w, err
		}
	}
	if artifact.Kind == build.Static {
		w.Static, w.SPA, w.Serves = ".", c.Fallback, true
		return w, nil
	}
	home, err := d.home(w.Key)
	if err != nil {
		return w, err
	}
	env := map[string]string{
		"HOME": home, "TMPDIR": filepath.Join(home, "tmp"), "LANG": "C.UTF-8", "PATH": searchPath(*c, artifact),
		"STOA_SERVICE": rel.Spec.Service, "STOA_ENVIRONMENT": rel.Spec.Environment, "STOA_RELEASE": rel.Metadata.Name,
	}
	maps.Copy(env, c.Env)
	maps.Copy(env, c.Start.Env)
	withProgram(env, artifact)
	late := expand(env) // what people and secrets say is taken as it is
	maps.Copy(env, running.Env)
	for _, pair := range secrets {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	for key := range env {
		delete(late, key) // said by somebody
	}
	w.Command = argv(c.Start, env, late)
	w.WorkDir = filepath.FromSlash(c.Start.Dir)
	if artifact.Kind == build.Binary {
		if _, err := os.Stat(filepath.Join(artifact.Dir, w.WorkDir)); err != nil {
			w.WorkDir = ""
		}
	}
	delete(env, detect.OutVariable) // what it runs knows where it lies
	for _, key := range slices.Sorted(maps.Keys(env)) {
		w.Env = append(w.Env, key+"="+env[key])
	}
	return w, nil
}

// processes are the workloads that a Procfile states beside the one that
// serves.
func processes(rel Release, main runtime.Workload, artifact build.Artifact) []runtime.Workload {
	var all []runtime.Workload
	c := rel.Spec.Workload
	for _, name := range slices.Sorted(maps.Keys(c.Processes)) {
		w := main
		w.Key = main.Key.Beside(name)
		w.Replicas = 1 // a scheduler that runs twice does everything twice
		w.Serves, w.Static, w.Port, w.PortVariable, w.Health = false, "", 0, "", ""
		w.Command = argv(c.Processes[name], environment(main, artifact), nil)
		all = append(all, w)
	}
	return all
}

// environment is what a further command of a workload may refer to.
func environment(w runtime.Workload, artifact build.Artifact) map[string]string {
	env := map[string]string{}
	for _, pair := range w.Env {
		key, value, _ := strings.Cut(pair, "=")
		env[key] = value
	}
	withProgram(env, artifact)
	return env
}

// withProgram says where the program lies that was compiled.
func withProgram(env map[string]string, artifact build.Artifact) {
	if artifact.Kind == build.Binary {
		env[detect.OutVariable] = filepath.Join(artifact.Dir, filepath.FromSlash(artifact.Path))
	}
}

// keyOf names what a release runs as.
func keyOf(rel Release) runtime.Key {
	return runtime.Key{Service: rel.Spec.Service, Environment: rel.Spec.Environment}
}

// allKeys names all that runs of a release: its further processes, and last what serves.
func allKeys(rel Release) []runtime.Key { return append(processKeys(rel), keyOf(rel)) }

// processKeys are the keys of the release's further processes.
func processKeys(rel Release) []runtime.Key {
	if rel.Spec.Workload == nil {
		return nil
	}
	var keys []runtime.Key
	for _, name := range slices.Sorted(maps.Keys(rel.Spec.Workload.Processes)) {
		keys = append(keys, keyOf(rel).Beside(name))
	}
	return keys
}

// ofProcess begins a sentence about a further process with its name, as
// "process worker ", since what serves may be well; "" for the one that serves.
func ofProcess(e *runtime.StartError, then string) string {
	if _, name := e.Key.Parts(); name != "" {
		return "process " + name + " " + then
	}
	return ""
}

// portMark stands for the port in a text until the shell fills it in.
const portMark = "\x00"

// lookup reads the environment, with the mark for the port that is not known
// yet. A start command that takes the address to bind gets loopback: what is
// reached from outside is reached by way of the router.
func lookup(env map[string]string) func(string) string {
	return func(name string) string {
		switch {
		case name == "PORT":
			return portMark
		case name == "HOST" && env[name] == "":
			return "127.0.0.1"
		}
		return env[name]
	}
}

// expand replaces what values refer to; late are those that name the port.
func expand(env map[string]string) (late map[string]string) {
	late = map[string]string{}
	look := lookup(maps.Clone(env))
	for key, value := range env {
		text := detect.Expand(value, look)
		if strings.Contains(text, portMark) {
			late[key] = text
			delete(env, key)
			continue
		}
		env[key] = text
	}
	return late
}

// argv expands a command. The port is known only once an instance starts, so
// what takes it as an argument or in another variable is started by way of a
// shell, which replaces itself by the program.
func argv(c detect.Command, env, late map[string]string) []string {
	if c.Shell != "" {
		c.Shell = withNames(c.Shell, lookup(env))
	}
	words := c.Expand(lookup(env))
	if len(late) == 0 && (c.Shell != "" || !strings.Contains(strings.Join(words, ""), portMark)) {
		return words
	}
	var line strings.Builder
	for _, key := range slices.Sorted(maps.Keys(late)) {
		line.WriteString("export " + key + "=" + quote(late[key]) + "; ")
	}
	line.WriteString("exec")
	for _, word := range words {
		line.WriteString(" " + quote(word))
	}
	return []string{"sh", "-c", line.String()}
}

// shellNames are what a line of shell may refer to beside its environment: the
// same that the words of a command may.
var shellNames = regexp.MustCompile(`\$\{?(` + detect.OutVariable + `|HOST)\b`)

// withNames sets in front of a line of shell what it refers to beside its
// environment. The shell alone knows it: a program that sees HOST may take it
// for something else.
func withNames(line string, look func(string) string) string {
	seen := map[string]bool{}
	for _, m := range shellNames.FindAllStringSubmatch(line, -1) {
		if name := m[1]; !seen[name] && look(name) != "" {
			seen[name] = true
			line = name + "=" + quote(look(name)) + "; " + line
		}
	}
	return line
}

// quote writes a word for the shell, with the port where its mark is.
func quote(word string) string {
	var parts []string
	for _, part := range strings.Split(word, portMark) {
		parts = append(parts, "'"+strings.ReplaceAll(part, "'", `'\''`)+"'")
	}
	return strings.Join(parts, `"$PORT"`)
}

// searchPath puts the artifact's own tools first, then those it was built
// with, then the system's.
func searchPath(c detect.Component, artifact build.Artifact) string {
	var dirs []string
	for _, dir := range c.Path {
		dirs = append(dirs, filepath.Join(artifact.Dir, filepath.FromSlash(dir)))
	}
	for _, tool := range artifact.Tools {
		dirs = append(dirs, filepath.Dir(tool.Path))
	}
	dirs = append(dirs, "/usr/local/bin", "/usr/bin", "/bin")
	seen := map[string]bool{}
	return strings.Join(slices.DeleteFunc(dirs, func(dir string) bool {
		again := seen[dir]
		seen[dir] = true
		return again
	}), string(os.PathListSeparator))
}

// home makes the private folder of a service in an environment.
func (d *Delivery) home(key runtime.Key) (string, error) {
	home := filepath.Join(d.homes, key.String())
	if err := os.MkdirAll(filepath.Join(home, "tmp"), 0o700); err != nil {
		return "", fmt.Errorf("make home of %s: %w", key, err)
	}
	return home, nil
}
