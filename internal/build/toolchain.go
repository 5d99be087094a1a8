package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/tree"
)

// toolchain finds what sources ask for among what the machine has.
type toolchain struct {
	prober *prober
	dir    string // where package managers that Stoa had to fetch are kept
	home   string // of the user that Stoa runs as
}

// tool is a tool that was chosen.
type tool struct {
	FoundTool
	shims map[string]string // programs to put first on PATH: name → path
	env   map[string]string
	note  string // for the log
}

// resolve chooses one tool for each wanted. What is missing is a
// problem.Problem that says what is wanted, what is here and how to get it.
func (t *toolchain) resolve(ctx context.Context, wanted []Tool, searchPath string, progress func(string)) ([]tool, error) {
	var chosen []tool
	for _, want := range wanted {
		found, err := t.choose(ctx, want, searchPath)
		if problem.Is(err, problem.Failed) && (want.Name == "pnpm" || want.Name == "yarn") {
			if fetchErr := t.fetchManager(ctx, want, progress); fetchErr != nil {
				return nil, errors.Join(err, fetchErr)
			}
			found, err = t.choose(ctx, want, searchPath)
		}
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, found)
	}
	return chosen, nil
}

func (t *toolchain) choose(ctx context.Context, want Tool, searchPath string) (tool, error) {
	f := familyOf(want.Name, t.home)
	if want.Name == "pnpm" || want.Name == "yarn" {
		want.Version = managerVersion(want)
		f.places = append(f.places, filepath.Join(t.dir, want.Name+"-*", "node_modules", ".bin", want.Name))
	}
	first, rest := candidates(f, searchPath)

	// What a person gets who types the name is preferred; failing that the
	// newest that fits, wherever it lies.
	var seen []string
	best, note := probe{}, ""
	for i, path := range append(first, rest...) {
		p, err := t.prober.ask(ctx, f, path, searchPath)
		if err != nil {
			return tool{}, fmt.Errorf("look for %s: %w", want.Name, err)
		}
		if p.Unfit != "" {
			seen = append(seen, fmt.Sprintf("%s %s", path, p.Unfit))
			continue
		}
		fits, err := f.fits(want.Version, p.Version)
		if errors.Is(err, errUnreadable) {
			note = fmt.Sprintf("%s: the wanted version %v, so %s is taken", want.Name, err, p.Version)
		}
		if !fits {
			seen = append(seen, fmt.Sprintf("%s is %s", path, p.Version))
			if want.Name == "go" {
				if switched, ok := t.switchedGo(ctx, want, p); ok {
					return switched, nil
				}
			}
			continue
		}
		if best.Path == "" || newer(p.Version, best.Version) {
			best = p
		}
		if i < len(first) {
			break
		}
	}
	if best.Path == "" {
		return tool{}, missing(f, want, seen)
	}
	return t.made(want, f, best, note), nil
}

// made puts a chosen program together with those that come with it.
func (t *toolchain) made(want Tool, f family, p probe, note string) tool {
	made := tool{FoundTool: FoundTool{Name: want.Name, Version: p.Version, Path: p.Path}, shims: map[string]string{}, note: note}
	for _, name := range f.programs {
		made.shims[name] = p.Path
	}
	for _, name := range f.beside {
		if path := filepath.Join(filepath.Dir(p.Path), name); isExecutable(path) {
			made.shims[name] = path
		}
	}
	return made
}

// switchedGo answers with a Go that is too old but may fetch the one wanted.
func (t *toolchain) switchedGo(ctx context.Context, want Tool, p probe) (tool, bool) {
	version := strings.TrimLeft(want.Version, ">= go")
	setting := os.Getenv("GOTOOLCHAIN")
	if setting == "" {
		cmd := exec.CommandContext(ctx, p.Path, "env", "GOTOOLCHAIN")
		cmd.Dir = string(filepath.Separator)
		out, err := cmd.Output()
		if err != nil {
			return tool{}, false
		}
		setting = strings.TrimSpace(string(out))
	}
	if canSwitch, _ := fitsGo("1.21", p.Version); !canSwitch || setting != "auto" && !strings.HasSuffix(setting, "+auto") {
		return tool{}, false
	}
	switched := t.made(want, familyOf("go", t.home), p, "Go "+p.Version+" fetches "+version+", which the source asks for")
	switched.Version = version
	return switched, true
}

// candidates lists the programs of a family: the usual names on PATH in order,
// then what else there is.
func candidates(f family, searchPath string) (first, rest []string) {
	known := map[string]bool{}
	add := func(list *[]string, path string) {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || known[real] || !isExecutable(path) {
			return
		}
		// A shim is one script for many names and means another thing by each.
		if filepath.Base(filepath.Dir(path)) != "shims" {
			known[real] = true
		}
		*list = append(*list, path)
	}
	dirs := filepath.SplitList(searchPath)
	for _, name := range f.programs {
		for _, dir := range dirs {
			add(&first, filepath.Join(dir, name))
		}
	}
	glob := func(pattern string) {
		matches, _ := filepath.Glob(pattern)
		slices.Reverse(matches) // newer ones first, mostly
		for _, path := range matches {
			add(&rest, path)
		}
	}
	for _, name := range f.others {
		for _, dir := range dirs {
			if filepath.Base(dir) != "shims" {
				glob(filepath.Join(dir, name))
			}
		}
	}
	for _, place := range f.places {
		glob(place)
	}
	return first, rest
}

func missing(f family, want Tool, seen []string) error {
	wanted := f.title
	if want.Version != "" && want.Version != "*" {
		wanted += " " + want.Version
	}
	title := fmt.Sprintf("this machine lacks %s, which the source asks for", wanted)
	p := problem.New(problem.Failed, "%s", title)
	if len(seen) == 0 {
		p.Because("no " + strings.Join(f.programs, " or ") + " was found")
	}
	for _, s := range seen[:min(len(seen), 5)] {
		p.Because(s)
	}
	return p.Do(f.get(want.Version)...).Do("then run the same command again")
}

// managerVersion gives the line of pnpm or yarn to use where the source states
// none: the last that reads every lockfile in use, on every Node.js in support.
func managerVersion(want Tool) string {
	switch {
	case want.Version != "":
		return want.Version
	case want.Name == "yarn":
		return "1"
	}
	return "10"
}

const fetchPrefix = ".fetch-" // of folders that are being filled

// fetchManager installs a package manager of Node.js into Stoa's own folder:
// sources name them by version, and few machines have them.
func (t *toolchain) fetchManager(ctx context.Context, want Tool, progress func(string)) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return nil // the error at hand tells more
	}
	version := managerVersion(want)
	packageName := want.Name
	if major := line(version, 1); want.Name == "yarn" && major != "1" {
		packageName = "@yarnpkg/cli-dist" // where yarn is published since its second version
	}
	progress(fmt.Sprintf("%s %s is not here: fetching it once with npm", want.Name, version))
	temp, err := os.MkdirTemp(t.dir, fetchPrefix+"*")
	if err != nil {
		return err
	}
	defer tree.Remove(temp)
	cmd := exec.CommandContext(ctx, npm, "install", "--prefix", temp, "--no-audit", "--no-fund", "--ignore-scripts", packageName+"@"+version)
	cmd.Dir = temp
	if out, err := cmd.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return problem.New(problem.Failed, "%s %s is not here and cannot be fetched: %w", want.Name, version, err).
			Because(lines[max(0, len(lines)-5):]...).Do("npm install --global " + packageName + "@" + version)
	}
	target := filepath.Join(t.dir, want.Name+"-"+strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789.abcdefghijklmnopqrstuvwxyz-", r) {
			return r
		}
		return '_'
	}, strings.ToLower(version)))
	if err := os.Rename(temp, target); err != nil && !errors.Is(err, os.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return err // else somebody else fetched the same meanwhile
	}
	return nil
}

// goEnvironment lets builds share the downloads and compiled packages of the
// user that Stoa runs as, and that user's settings of Go.
func (t *tool) goEnvironment(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, t.Path, "env", "GOMODCACHE", "GOCACHE", "GOENV")
	cmd.Dir = string(filepath.Separator)
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local")
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("ask Go for its caches: %w", err)
	}
	lines := strings.Split(strings.TrimRight(string(out), "\n"), "\n")
	if len(lines) != 3 {
		return fmt.Errorf("ask Go for its caches: %d lines, want 3", len(lines))
	}
	t.env = map[string]string{"GOMODCACHE": lines[0], "GOCACHE": lines[1], "GOENV": lines[2]}
	if lines[2] == "" {
		t.env["GOENV"] = "off"
	}
	return nil
}

// thisPlatform is GOOS/GOARCH of this machine.
func thisPlatform() string { return runtime.GOOS + "/" + runtime.GOARCH }

// sweep removes what fetches that were killed left; none takes an hour.
func (t *toolchain) sweep(now time.Time) error {
	leftovers, err := filepath.Glob(filepath.Join(t.dir, fetchPrefix+"*"))
	for _, leftover := range leftovers {
		if info, statErr := os.Stat(leftover); statErr == nil && now.Sub(info.ModTime()) > time.Hour {
			err = errors.Join(err, tree.Remove(leftover))
		}
	}
	return err
}
