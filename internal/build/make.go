package build

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stoa-platform/stoa/internal/tree"
)

// making is one build in progress, under the lock of its key.
type making struct {
	b     *Builder
	req   Request
	key   string
	tools []tool
	app   string // where the source is built and the artifact stays
	work  string // home, temporary files and shims, for as long as it takes
	out   *output
}

// errTimeLimit is the cause of a context that the build's own limit ended.
var errTimeLimit = errors.New("time limit of the build")

// make builds from nothing and leaves an artifact or nothing.
func (m *making) make(ctx context.Context, logw io.Writer) (artifact Artifact, err error) {
	if err := m.b.discard(m.key); err != nil {
		return Artifact{}, fmt.Errorf("build: %w", err)
	}
	defer func() { err = errors.Join(err, m.b.discard(m.key)) }()

	started := m.b.opts.Now()
	if err := m.prepare(ctx); err != nil {
		return Artifact{}, m.told(fmt.Errorf("prepare build: %w", err))
	}
	logPath := filepath.Join(m.b.artifactDir(m.key), logFile)
	file, err := os.Create(logPath)
	if err != nil {
		return Artifact{}, m.told(err)
	}
	defer file.Close()
	m.out = &output{file: bufio.NewWriterSize(file, 64<<10), live: logw}

	limited, cancel := context.WithTimeoutCause(ctx, m.req.Timeout, errTimeLimit)
	defer cancel()
	if err := m.steps(limited); err != nil {
		return Artifact{}, m.told(err)
	}
	path, err := reduce(m.req.Dir, m.app, m.req.Plan.Output)
	if err != nil {
		return Artifact{}, m.told(err)
	}
	content, size, err := digestTree(ctx, m.app)
	if err != nil {
		return Artifact{}, m.told(err)
	}
	now := m.b.opts.Now()
	artifact = Artifact{
		Digest: m.key, Content: content, Kind: m.req.Plan.Output.Kind, Dir: m.app, Path: path,
		Source: m.req.Source, Platform: m.req.Platform, BuiltAt: now.UTC(), Took: now.Sub(started), Size: size, Log: logPath,
	}
	for _, t := range m.tools {
		artifact.Tools = append(artifact.Tools, t.FoundTool)
	}
	return artifact, m.told(m.record(artifact))
}

// prepare copies the source and lays out what the commands find around them.
func (m *making) prepare(ctx context.Context) error {
	for _, dir := range []string{m.b.artifactDir(m.key), filepath.Join(m.work, "home"), filepath.Join(m.work, "tmp"), filepath.Join(m.work, "bin"), m.b.opts.CacheDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for i := range m.tools {
		t := &m.tools[i]
		if t.Name == "go" {
			if err := t.goEnvironment(ctx); err != nil {
				return err
			}
		}
		// Scripts, not links: a Python started by a link would take the link's
		// folder for its home and note it in the environments it makes.
		for name, path := range t.shims {
			script := "#!/bin/sh\nexec " + shellQuote(path) + " \"$@\"\n"
			if err := os.WriteFile(filepath.Join(m.work, "bin", name), []byte(script), 0o755); err != nil {
				return err
			}
		}
	}
	return tree.Copy(ctx, m.req.Dir, m.app)
}

// steps runs the plan's commands.
func (m *making) steps(ctx context.Context) error {
	env := m.b.environment(m.work, m.tools)
	if goos, goarch, _ := strings.Cut(m.req.Platform, "/"); m.req.Platform != thisPlatform() {
		env["GOOS"], env["GOARCH"] = goos, goarch
	}
	for _, t := range m.tools {
		if t.note != "" {
			m.out.say(t.note)
		}
	}
	for _, command := range m.req.Plan.Steps {
		dir := filepath.Join(m.app, filepath.FromSlash(command.Dir))
		if real, err := filepath.EvalSymlinks(dir); err != nil || real != m.app && !within(m.app, real) {
			return &Error{Command: command.title(), Cause: "folder-missing", Summary: fmt.Sprintf("the source has no folder %q", command.Dir), Next: []string{"check that it is committed"}}
		}
		stepEnv := maps.Clone(env)
		maps.Copy(stepEnv, command.Env)
		stepEnv["PWD"] = dir
		stepEnv[markVariable] = m.work
		argv := command.Argv
		if command.Shell != "" {
			argv = []string{"sh", "-c", command.Shell}
		}
		m.out.start(command.title())
		end, err := runCommand(ctx, m.b.guardian, argv, dir, stepEnv, m.out)
		m.out.flush()
		if errors.Is(err, errTimeLimit) {
			e := failure(m.app, command, exit{}, m.out.last(), nil)
			e.After, e.ExitCode = m.req.Timeout, -1
			if e.Cause == "" {
				e.Cause, e.Next = "time-limit", []string{"find out what it waits for: a prompt, a server that it starts, a slow network"}
			}
			return e
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil || end != (exit{}) {
			return failure(m.app, command, end, m.out.last(), err)
		}
	}
	return nil
}

// record makes the artifact one: first all of it is on disk, then its name.
func (m *making) record(artifact Artifact) error {
	data, err := json.MarshalIndent(artifact, "", "  ")
	if err != nil {
		return err
	}
	dir := m.b.artifactDir(m.key)
	if err := syncTree(dir); err != nil {
		return err
	}
	path := filepath.Join(dir, recordFile)
	if err := writeAtomic(path, data); err != nil {
		return err
	}
	return os.Chtimes(path, time.Time{}, m.b.opts.Now())
}

// told turns a full disk under Stoa's own hands into the same error as one
// under a tool's.
func (m *making) told(err error) error {
	var already *Error
	if err == nil || errors.As(err, &already) {
		return err
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &Error{Cause: "disk-full", Summary: "no space left on the disk of " + m.b.opts.Dir, Err: err,
			Next: []string{"df -h " + m.b.opts.Dir, "free space, then run the same command again"}}
	}
	return err
}
