//go:build linux || darwin

package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/runtime/process"
)

const (
	victimState   = "STOA_TEST_VICTIM_STATE"
	victimProgram = "STOA_TEST_VICTIM_PROGRAM"
)

// victim runs workloads until it is killed.
func victim(state string) int {
	ctx := context.Background()
	rt, err := process.New(ctx, process.Options{State: state})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	path := os.Getenv(victimProgram)
	app := filepath.Join(filepath.Dir(state), "app") // without the program, whose path the test looks for
	if err := errors.Join(os.MkdirAll(app, 0o700), os.WriteFile(filepath.Join(app, "code"), nil, 0o600)); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	for name, args := range map[string][]string{
		"plain":  {},
		"family": {"-children", "3", "-term", "ignore"},
	} {
		_, err := rt.Apply(ctx, runtime.Workload{
			Key: runtime.Key{Service: name, Environment: "dev"}, Release: name + "-1",
			Dir: app, Command: append([]string{path}, args...), Serves: true,
		}, nil)
		if err != nil {
			fmt.Println("error:", err)
			return 1
		}
	}
	fmt.Println("ready")
	select {}
}

// TestKilledRuntimeLeavesNothing kills a process that runs workloads with
// children and detached grandchildren. What is in a group dies with it; what
// has left its group dies when the next runtime of the folder begins.
func TestKilledRuntimeLeavesNothing(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	// A program of its own, so that its processes can be told from all others.
	own := filepath.Join(t.TempDir(), "program-"+strconv.Itoa(os.Getpid()))
	if err := os.Link(program, own); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // a test that fails leaves nothing either
		for _, line := range running(t, own, false) {
			if pid, err := strconv.Atoi(strings.Fields(line)[0]); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), victimState+"="+state, victimProgram+"="+own)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("victim says %q", line)
	}
	// 1 plain, 1 family with 3 children, each with a detached child.
	until(t, "all 8 processes run", func() bool { return len(running(t, own, false)) == 8 })
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	until(t, "the groups are gone", func() bool { return len(running(t, own, true)) == 0 })

	rt := newRuntime(t, process.Options{State: state})
	defer func() {
		if err := rt.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if goruntime.GOOS == "linux" { // elsewhere a process that leaves its group cannot be found
		if left := running(t, own, false); len(left) != 0 {
			t.Errorf("left after the sweep: %v", left)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(state, "instances")); err != nil || len(entries) != 0 {
		t.Errorf("records left: %v, %v", entries, err)
	}
	if entries, err := os.ReadDir(filepath.Join(state, "files")); err != nil || len(entries) != 0 {
		t.Errorf("files of instances left: %v, %v", entries, err)
	}
}

// running lists the processes of a program; with grouped those only that have
// not left the group they were started in.
func running(t *testing.T, path string, grouped bool) []string {
	t.Helper()
	out, err := exec.Command("ps", "-A", "-ww", "-o", "pid=,pgid=,stat=,command=").Output()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != path || strings.HasPrefix(fields[2], "Z") {
			continue
		}
		detached := fields[0] == fields[1] && strings.Contains(line, "-sleep")
		if !grouped || !detached {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// until waits for the condition.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		<-tick.C
	}
}
