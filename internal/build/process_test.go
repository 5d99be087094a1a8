package build

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	_, state, _ := strings.Cut(string(data), ") ")
	return !strings.HasPrefix(state, "Z")
}

// pids reads the process numbers that a build's commands wrote.
func pids(t testing.TB, dir string, names ...string) []int {
	t.Helper()
	var all []int
	for _, name := range names {
		var text []byte
		poll(t, name, func() bool {
			text, _ = os.ReadFile(filepath.Join(dir, name))
			return strings.HasSuffix(string(text), "\n")
		})
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		must(t, err)
		all = append(all, pid)
	}
	return all
}

// daemons starts a child in the group and one that leaves it, both deaf to
// SIGTERM, and writes their numbers to dir.
func daemons(dir string) string {
	return fmt.Sprintf(`cd %s; trap '' TERM; (trap '' TERM; sh -c 'echo $PPID' > child; sleep 300 & wait) & `, dir) + away
}

const away = `setsid sh -c 'trap "" TERM; echo $$ > away; sleep 300 & echo $! > away2; wait' & `

func needSetsid(t testing.TB) {
	testenv.Need(t, "setsid")
}

func TestNothingOutlivesABuild(t *testing.T) {
	needSetsid(t)
	tests := map[string]struct {
		end     string // how the step ends
		timeout time.Duration
		cancel  bool
	}{
		"success":   {end: "true"},
		"failure":   {end: "exit 1"},
		"timeout":   {end: "wait; sleep 300", timeout: time.Second},
		"cancelled": {end: "wait; sleep 300", cancel: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, dir := newBuilder(t), t.TempDir()
			ready := `while ! [ -s child -a -s away -a -s away2 ]; do sleep 0.02; done; `
			req := request(t, map[string]string{"a": name}, shellPlan(daemons(dir)+ready+"echo ready; "+test.end))
			req.Timeout = test.timeout
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			log := &watched{}
			done := make(chan error, 1)
			go func() { _, err := b.Build(ctx, req, log); done <- err }()
			all := pids(t, dir, "child", "away", "away2")
			if test.cancel {
				poll(t, "the step", func() bool { return log.contains("\nready") })
				cancel()
			}
			err := <-done
			var failed *Error
			switch {
			case test.timeout > 0:
				if !errors.As(err, &failed) || failed.After != test.timeout || failed.Cause != "time-limit" {
					t.Errorf("err = %v", err)
				}
			case test.cancel:
				if !errors.Is(err, context.Canceled) {
					t.Errorf("err = %v", err)
				}
			case test.end == "true":
				must(t, err)
			}
			for _, pid := range all {
				poll(t, fmt.Sprintf("the end of process %d", pid), func() bool { return !alive(pid) })
			}
			if err != nil {
				isEmpty(t, b)
			}
		})
	}
}

// TestKilledInMidBuild runs a build in a process of its own, kills that, and
// looks at what the next builder makes of it.
func TestKilledInMidBuild(t *testing.T) {
	needSetsid(t)
	const marker = "STOA_TEST_BUILD_IN"
	dir, inside := os.LookupEnv(marker)
	if !inside {
		dir = t.TempDir()
	}
	req := Request{Dir: filepath.Join(dir, "source"), Source: "sha256:" + strings.Repeat("a", 64),
		Plan: shellPlan("touch half; "+daemons(dir)+"test -e "+filepath.Join(dir, "second")+" || sleep 300", "touch whole")}
	if inside {
		b, err := NewBuilder(Options{Dir: filepath.Join(dir, "builds")})
		must(t, err)
		_, err = b.Build(t.Context(), req, io.Discard)
		t.Fatal("the build ended: ", err)
	}
	must(t, os.Mkdir(req.Dir, 0o755))
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), marker+"="+dir)
	must(t, cmd.Start())
	all := pids(t, dir, "child", "away", "away2")

	// Another process must leave a build alone while it runs.
	beside, err := NewBuilder(Options{Dir: filepath.Join(dir, "builds")})
	must(t, err)
	for _, pid := range all {
		if !alive(pid) {
			t.Errorf("opening the folder ended process %d of a running build", pid)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := beside.Build(ctx, req, io.Discard); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second process built at the same time: %v", err)
	}

	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	b, err := NewBuilder(Options{Dir: filepath.Join(dir, "builds")})
	must(t, err)
	for _, pid := range all {
		poll(t, fmt.Sprintf("the end of process %d", pid), func() bool { return !alive(pid) })
	}
	isEmpty(t, b)
	must(t, os.WriteFile(filepath.Join(dir, "second"), nil, 0o600))
	a, err := b.Build(t.Context(), req, io.Discard)
	must(t, err)
	if a.Cached {
		t.Error("took the half build for a whole one")
	}
	if _, err := os.Stat(filepath.Join(a.Dir, "whole")); err != nil {
		t.Error(err)
	}
}

// TestABuildEndsWithStoa kills a process that builds as `npm run build` does,
// by a shell of a shell. Nobody opens the folder again.
func TestABuildEndsWithStoa(t *testing.T) {
	const marker = "STOA_TEST_BUILD_UNTIL_KILLED_IN"
	dir, inside := os.LookupEnv(marker)
	if inside {
		b, err := NewBuilder(Options{Dir: filepath.Join(dir, "builds")})
		must(t, err)
		_, err = b.Build(t.Context(), Request{Dir: filepath.Join(dir, "source"), Source: "sha256:" + strings.Repeat("a", 64),
			Plan: shellPlan("cd " + dir + `; echo $$ > first; trap '' TERM; sleep 1; sh -c 'echo $$ > script; sleep 91 & echo $! > sleep; wait'; true`)}, io.Discard)
		t.Fatal("the build ended: ", err)
	}
	dir = t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "source"), 0o755))
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), marker+"="+dir)
	must(t, cmd.Start())
	all := pids(t, dir, "first", "script", "sleep")
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	for _, pid := range all {
		poll(t, fmt.Sprintf("the end of process %d", pid), func() bool { return !alive(pid) })
	}
}

func TestOutputIsBoundedAndClean(t *testing.T) {
	b := newBuilder(t)
	log := &watched{}
	plan := shellPlan(`printf '\033[31mred\033[0m \033]0;title\007x\n10%%\r50%%\r100%%\r\nno end'; printf '\377\n'`,
		`head -c 40000 /dev/zero | tr '\0' a; echo`)
	a, err := b.Build(t.Context(), request(t, map[string]string{"a": ""}, plan), log)
	must(t, err)
	if !log.contains("\nred x\n100%\nno end\ufffd\n") {
		t.Errorf("log = %.200q", log.b.String())
	}
	for line := range strings.Lines(read(t, a.Log)) {
		if len(line) > maxLine+1 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	flood := shellPlan("awk 'BEGIN { for (i = 0; i < 20000; i++) printf \"%01000d\\n\", i }'; echo the last words; exit 1")
	log = &watched{}
	_, err = b.Build(t.Context(), request(t, map[string]string{"a": "2"}, flood), log)
	var failed *Error
	if !errors.As(err, &failed) || failed.Lines[len(failed.Lines)-1] != "the last words" {
		t.Errorf("err = %v", err)
	}
	if n := log.b.Len(); n > maxLog+1000 || !log.contains("is not kept") {
		t.Errorf("streamed %d bytes", n)
	}
}

func TestAReaderThatLeavesDoesNotFailTheBuild(t *testing.T) {
	b := newBuilder(t)
	a, err := b.Build(t.Context(), request(t, map[string]string{"a": ""}, shellPlan("seq 1 1000")), brokenWriter{})
	must(t, err)
	if text := read(t, a.Log); !strings.HasSuffix(text, "\n1000\n") {
		t.Errorf("kept log ends in %.40q", text[max(0, len(text)-40):])
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func FuzzOutput(f *testing.F) {
	f.Add([]byte("a\r\nb\x1b[0m\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		o := &output{file: bufio.NewWriter(io.Discard)}
		cut = max(0, min(cut, len(data)))
		_, _ = o.Write(data[:cut])
		_, _ = o.Write(data[cut:])
		o.flush()
		for _, line := range o.last() {
			if strings.ContainsAny(line, "\n") || len(line) > 3*maxLine {
				t.Fatalf("line %q", line)
			}
		}
		explain("/root", o.last())
	})
}
