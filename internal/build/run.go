//go:build unix

package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/stoa-platform/stoa/internal/guardian"
)

const (
	killGrace = 2 * time.Second // from SIGTERM to SIGKILL
	pipeGrace = 5 * time.Second // for output of processes that are already dead
)

// exit tells how a command ended; zero is success.
type exit struct {
	code   int            // -1 when killed by a signal
	signal syscall.Signal // 0 when it exited by itself
}

// runCommand runs one command to its end, in a process group of its own, and
// leaves nothing running: what the command started and left behind is killed,
// by the guardian if this process dies first.
// The error is that of starting it, or the context's cause.
func runCommand(ctx context.Context, g *guardian.Guardian, argv []string, dir string, env map[string]string, out io.Writer) (exit, error) {
	program, err := lookProgram(argv[0], dir, env["PATH"])
	if err != nil {
		return exit{}, err
	}
	// One pipe for both streams keeps their order. It is ours rather than
	// exec's, whose Wait would wait for the output of processes left behind.
	r, w, err := os.Pipe()
	if err != nil {
		return exit{}, err
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(out, r)
	}()
	cmd := exec.CommandContext(ctx, program)
	cmd.Args, cmd.Dir, cmd.Env = argv, dir, pairs(env)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = processGroup()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = killGrace

	err = startAndWait(cmd, w, g)
	if cmd.Process != nil {
		killMarked(env[markVariable])
	}
	_ = r.SetReadDeadline(time.Now().Add(pipeGrace))
	<-copied
	r.Close()

	if ctx.Err() != nil {
		return exit{}, context.Cause(ctx)
	}
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		end := exit{code: failed.ExitCode()}
		if status, ok := failed.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			end.signal = status.Signal()
		}
		return end, nil
	}
	return exit{}, err
}

// startAndWait holds on to its thread: the death signal is sent when the
// thread that started the process ends, not when Stoa does.
func startAndWait(cmd *exec.Cmd, w *os.File, g *guardian.Guardian) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g.Ready()
	err := cmd.Start()
	w.Close()
	if err != nil {
		return err
	}
	group := cmd.Process.Pid
	g.Add(group)
	guardian.AwaitExit(group)
	_ = syscall.Kill(-group, syscall.SIGKILL) // what the first process left behind; it is a zombie, so the number is its own
	g.Remove(group)
	return cmd.Wait()
}

// lookProgram finds a program as the build's own shell would: by the build's
// PATH and from the folder of the step.
func lookProgram(name, dir, path string) (string, error) {
	if strings.Contains(name, "/") {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if isExecutable(name) {
			return name, nil
		}
		return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
	}
	for _, folder := range filepath.SplitList(path) {
		if candidate := filepath.Join(folder, name); isExecutable(candidate) {
			return candidate, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}
