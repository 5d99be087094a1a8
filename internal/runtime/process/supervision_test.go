//go:build linux || darwin

package process_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/runtime/process"
)

func workload(args ...string) runtime.Workload {
	return runtime.Workload{
		Key: runtime.Key{Service: "shop", Environment: "dev"}, Release: "shop-1",
		Dir: filepath.Dir(program), Command: append([]string{program}, args...), Serves: true,
	}
}

func closeRuntime(t testing.TB, rt *process.Runtime) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := rt.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestCrashLoopAfterRollout: an instance that was healthy once is tried for
// ever, ever more rarely, and told to be in a crash loop.
func TestCrashLoopAfterRollout(t *testing.T) {
	var mu sync.Mutex
	var events []runtime.Event
	rt := newRuntime(t, process.Options{
		State:   t.TempDir(),
		Backoff: process.Backoff{Min: 10 * time.Millisecond, Max: 50 * time.Millisecond},
		Exits: func(e runtime.Event) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		},
	})
	defer closeRuntime(t, rt)
	dir := t.TempDir()
	w := workload()
	// The first life serves; every later one fails as the program is gone.
	own := filepath.Join(dir, "program")
	if err := os.Link(program, own); err != nil {
		t.Fatal(err)
	}
	w.Command = []string{own}
	if _, err := rt.Apply(t.Context(), w, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
	kill(t, rt, w.Key)
	until(t, "it is in a crash loop", func() bool {
		st, err := rt.Status(t.Context(), w.Key)
		return err == nil && st.Instances[0].State == runtime.StateCrashLooping && st.Instances[0].Restarts >= 4
	})
	mu.Lock()
	var waits []time.Duration
	for _, e := range events[:4] {
		waits = append(waits, e.RetryIn/time.Millisecond)
	}
	if !slices.Equal(waits, []time.Duration{10, 20, 40, 50}) || events[0].Exit.Signal != "SIGKILL" ||
		events[1].CrashLoop || !events[2].CrashLoop {
		t.Errorf("waits %v ms, events %+v", waits, events[:4])
	}
	mu.Unlock()
	if err := os.Link(program, own); err != nil {
		t.Fatal(err)
	}
	until(t, "it recovers", func() bool {
		st, err := rt.Status(t.Context(), w.Key)
		return err == nil && st.Healthy() == 1
	})
}

func kill(t *testing.T, rt *process.Runtime, key runtime.Key) {
	t.Helper()
	st, err := rt.Status(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(st.Instances[0].PID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
}

// TestUnhealthy: an instance that stops to answer is told to be unhealthy.
func TestUnhealthy(t *testing.T) {
	rt := newRuntime(t, process.Options{State: t.TempDir(), Check: 20 * time.Millisecond})
	defer closeRuntime(t, rt)
	w := workload()
	w.StopGrace = time.Millisecond
	if _, err := rt.Apply(t.Context(), w, nil); err != nil {
		t.Fatal(err)
	}
	st, err := rt.Status(t.Context(), w.Key)
	if err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(st.Instances[0].PID)
	for _, c := range []struct {
		signal string
		want   runtime.State
	}{{"STOP", runtime.StateUnhealthy}, {"CONT", runtime.StateHealthy}} {
		if err := exec.CommandContext(t.Context(), "kill", "-"+c.signal, pid).Run(); err != nil {
			t.Fatal(err)
		}
		until(t, string(c.want), func() bool {
			st, err := rt.Status(t.Context(), w.Key)
			return err == nil && st.Instances[0].State == c.want
		})
	}
}

// TestPortInUse names the process that has the port.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	rt := newRuntime(t, process.Options{State: t.TempDir()})
	defer closeRuntime(t, rt)
	_, err = rt.Apply(t.Context(), workload("-host", "127.0.0.1", "-port", port), nil)
	for _, want := range []string{"port " + port, "pid " + strconv.Itoa(os.Getpid()), filepath.Base(os.Args[0])} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not name %q: %v", want, err)
		}
	}
}

// TestWaitingIsTold: after five seconds a person hears that nothing is wrong.
func TestWaitingIsTold(t *testing.T) {
	t.Parallel()
	rt := newRuntime(t, process.Options{State: t.TempDir()})
	defer closeRuntime(t, rt)
	var waiting []string
	if _, err := rt.Apply(t.Context(), workload("-delay", "5200ms"), func(p runtime.Progress) {
		if p.Step == runtime.StepWaiting {
			waiting = append(waiting, p.Text)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(waiting, []string{"not listening yet after 5s; it is waited for, 1m0s at most"}) {
		t.Errorf("told %q", waiting)
	}
}

// TestFolderHasOneOwner: a second runtime would sweep away what the first runs.
func TestFolderHasOneOwner(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	rt := newRuntime(t, process.Options{State: state})
	defer closeRuntime(t, rt)
	if _, err := process.New(t.Context(), process.Options{State: state}); err == nil {
		t.Error("a second runtime took the same folder")
	}
}

// TestSweepSparesOthers: a recorded number may by now be somebody else's.
func TestSweepSparesOthers(t *testing.T) {
	state := t.TempDir()
	bystander := exec.CommandContext(t.Context(), "sleep", "600")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	dir := filepath.Join(state, "instances")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	rec, err := json.Marshal(map[string]any{"instance": "shop-1-x", "pid": bystander.Process.Pid, "started": "boot/1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"shop-1-x.json": rec, "torn.json": rec[:10], "shop-1-y.json.new": nil,
		"../../evil.json": nil,
	} {
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rt := newRuntime(t, process.Options{State: state})
	closeRuntime(t, rt)
	if out, err := exec.CommandContext(t.Context(), "ps", "-o", "stat=", "-p", strconv.Itoa(bystander.Process.Pid)).Output(); err != nil || strings.HasPrefix(string(out), "Z") {
		t.Errorf("the bystander was killed: %s, %v", out, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("records left: %v, %v", entries, err)
	}
	if entries, err := os.ReadDir(filepath.Join(state, "files")); err != nil || len(entries) != 0 {
		t.Errorf("files of instances left: %v, %v", entries, err)
	}
}

// TestCloseLeavesNothing: no goroutine, no process, no record.
func TestCloseLeavesNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	state := t.TempDir()
	rt := newRuntime(t, process.Options{State: state})
	w := workload("-children", "2", "-term", "ignore")
	w.Replicas = 2
	w.StopGrace = 50 * time.Millisecond
	if _, err := rt.Apply(t.Context(), w, nil); err != nil {
		t.Fatal(err)
	}
	closeRuntime(t, rt)
	if err := rt.Close(t.Context()); !errors.Is(err, runtime.ErrClosed) {
		t.Errorf("close again: %v", err)
	}
	goleak.VerifyNone(t, before)
	if entries, err := os.ReadDir(filepath.Join(state, "instances")); err != nil || len(entries) != 0 {
		t.Errorf("records left: %v, %v", entries, err)
	}
	if entries, err := os.ReadDir(filepath.Join(state, "files")); err != nil || len(entries) != 0 {
		t.Errorf("files of instances left: %v, %v", entries, err)
	}
}
