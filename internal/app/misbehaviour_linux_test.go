package app_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
)

// Applications that do not behave: the release says what is wrong, with the
// last lines and what to do, and the release before goes on serving.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	p.up(t, "good", "warm", nil) // built once for all
	t.Run("applications", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T){
			"exits at once":             p.testExits,
			"never binds":               p.testNeverBinds,
			"does not build":            p.testBroken,
			"ignores SIGTERM":           p.testDeaf,
			"prints without end":        p.testLoud,
			"has a fixed port":          p.testFixedPort,
			"sickens after it was well": p.testSickens,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t)
			})
		}
	})
	p.verifyLedger(t)
	p.stop()
	p.noProcesses(t)
}

// fails releases a service whose good release runs as a bad one and checks
// what is told.
func (p *platform) fails(t *testing.T, service string, set map[string]string, title, line string) *client.Problem {
	t.Helper()
	good := p.up(t, "good", service, map[string]string{"MODE": "good"})
	rel := p.ended(t, p.admit(t, p.upload(t, "good"), service, set).Metadata.Name)
	told := rel.Status.Problem
	if rel.Status.Phase != client.PhaseFailed || told == nil {
		t.Fatalf("the release is %s, problem %v", rel.Status.Phase, told)
	}
	if told.Kind != client.Failed || !strings.Contains(told.Title, title) {
		t.Errorf("title %q of kind %s, want one with %q", told.Title, told.Kind, title)
	}
	if strings.Contains(told.Title, "\n") {
		t.Errorf("the title has several lines: %q", told.Title)
	}
	why := strings.Join(told.Why, "\n")
	if !strings.Contains(why, line) || !strings.Contains(why, good.Metadata.Name+" still serves") {
		t.Errorf("why %q, want %q and that %s still serves", told.Why, line, good.Metadata.Name)
	}
	if len(told.Next) == 0 || strings.Join(told.Next, "") == "" {
		t.Errorf("nothing is said of what to do: %+v", told)
	}
	p.answers(t, service, "good")
	if mode := p.service(t, service).Spec.Environments["dev"].Env["MODE"]; mode != "good" {
		t.Errorf("the service has MODE=%s of the release that failed, want that of the one that serves", mode)
	}
	if s := p.service(t, service).Status.Environments["dev"]; s.Release != good.Metadata.Name || s.State != client.StateRunning {
		t.Errorf("the service is %+v, want %s running", s, good.Metadata.Name)
	}
	events := p.events(t, client.EventQuery{Subject: "release/" + rel.Metadata.Name, Types: []string{"dev.stoa.release.rollout.failed", "dev.cdevents.pipelinerun.finished.0.3.0"}})
	if len(events) != 2 {
		t.Errorf("the failure was told by %d events, want 2: %+v", len(events), events)
	}
	return told
}

func (p *platform) testExits(t *testing.T) {
	p.fails(t, "exits", map[string]string{"MODE": "exits"}, "exit", "the list of fruits is missing")
	if _, err := p.Restart(t.Context(), "exits", "dev", "a new instance of what serves"); err != nil {
		t.Fatal(err)
	}
	p.healthy(t, "exits", 1)
	p.answers(t, "exits", "good")
}

func (p *platform) testNeverBinds(t *testing.T) {
	told := p.fails(t, "unbound", map[string]string{"MODE": "never-binds"}, "port", "waiting for fruits")
	if !slices.ContainsFunc(told.Next, func(next string) bool {
		return strings.HasSuffix(next, `Procfile beside it with the line  worker: "$STOA_OUT"`)
	}) {
		t.Errorf("next %q, want the line that makes it a worker", told.Next)
	}
}

// What does not compile says so with the compiler's words, and nothing runs of it.
func (p *platform) testBroken(t *testing.T) {
	dir := write(t, "broken")
	if err := os.WriteFile(filepath.Join(dir, "broken.go"), []byte("package main\n\nvar fruit int = \"apple\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rel := p.ended(t, p.admit(t, uploadBy(t, p.Client, dir), "broken", nil).Metadata.Name)
	told := rel.Status.Problem
	if rel.Status.Phase != client.PhaseFailed || told == nil || !strings.Contains(strings.Join(told.Why, "\n"), "broken.go:3") {
		t.Fatalf("the release is %s: %+v", rel.Status.Phase, told)
	}
	for _, step := range rel.Status.Steps {
		want := map[string]string{"build": client.StepFailed, "release": client.StepWaiting, "rollout": client.StepWaiting}[step.Name]
		if want != "" && step.State != want {
			t.Errorf("step %s is %s, want %s", step.Name, step.State, want)
		}
	}
}

// One that ignores SIGTERM is replaced all the same, and dies in the end.
func (p *platform) testDeaf(t *testing.T) {
	p.up(t, "good", "deaf", map[string]string{"MODE": "deaf"})
	p.up(t, "heard", "deaf", map[string]string{"MODE": "good"})
	p.answers(t, "deaf", "heard")
	eventually(t, func() error {
		s, err := p.ServiceStatus(t.Context(), "deaf")
		if n := len(s.Environments["dev"].Instances); err != nil || n != 1 {
			return fmt.Errorf("%d instances (%v)", n, err)
		}
		return nil
	})
}

// One that prints as fast as it can costs nobody else anything.
func (p *platform) testLoud(t *testing.T) {
	p.up(t, "good", "loud", map[string]string{"MODE": "loud"})
	p.answers(t, "loud", "good")
	// It prints twice what is kept, for some seconds at least; meanwhile others are
	// asked, and memory is looked at.
	const enough = 50 << 20
	printed, memory := p.printed(t, "loud"), residentMemory(t)
	began, slowest, asked := time.Now(), time.Duration(0), 0
	for time.Since(began) < 5*time.Second || p.printed(t, "loud")-printed < enough && time.Since(began) < time.Minute {
		at := time.Now()
		if status, body, err := p.get("warm", "/"); err != nil || status != http.StatusOK || body != "good" {
			t.Fatalf("another service answers %d %q (%v)", status, body, err)
		}
		slowest, asked = max(slowest, time.Since(at)), asked+1
	}
	said := p.printed(t, "loud") - printed
	rate := float64(said) / time.Since(began).Seconds() / 1e6
	grown := residentMemory(t) - memory
	t.Logf("it printed %.0f MB/s; memory grew by %d MB; the slowest of %d answers of another service took %v", rate, grown>>20, asked, slowest)
	if said < enough {
		t.Errorf("it printed %d MB: the test shows nothing", said>>20)
	}
	if slowest > 5*time.Second {
		t.Errorf("another service answered after %v", slowest)
	}
	if grown > 256<<20 {
		t.Errorf("memory grew by %d MB", grown>>20)
	}
	if _, err := p.Scale(t.Context(), "loud", "dev", 0, "too loud"); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if state := p.service(t, "loud").Status.Environments["dev"].State; state != client.StateStopped {
			return fmt.Errorf("loud is %s", state)
		}
		return nil
	})
	var size int64
	_ = filepath.Walk(filepath.Join(p.data, "logs"), func(_ string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			size += info.Size()
		}
		return nil
	})
	if size == 0 || size > 256<<20 {
		t.Errorf("its logs take %d bytes", size)
	}
}

// printed is how many bytes the processes of a service have handed to the system,
// which for one that only prints is what it printed.
func (p *platform) printed(t *testing.T, service string) (n int64) {
	t.Helper()
	for _, process := range p.processes(t) {
		pid, _, _ := strings.Cut(process, " ")
		environ, _ := os.ReadFile(filepath.Join("/proc", pid, "environ"))
		if !strings.Contains(string(environ), "MODE="+service+"\x00") {
			continue
		}
		io, _ := os.ReadFile(filepath.Join("/proc", pid, "io"))
		for line := range strings.Lines(string(io)) {
			var written int64
			if _, err := fmt.Sscanf(line, "wchar: %d", &written); err == nil {
				n += written
			}
		}
	}
	return n
}

// residentMemory is what this process, which the platform is a part of, holds.
func residentMemory(t *testing.T) (n int64) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &n); err == nil {
			return n << 10
		}
	}
	t.Fatal("the system does not tell the memory of this process")
	return 0
}

// One that ignores PORT runs, is replaced by its next release, and says why it
// cannot run twice or where another has its port.
func (p *platform) testFixedPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	set := map[string]string{"MODE": "fixed-port", "FIXED": port}
	p.fails(t, "fixed", set, port, "address already in use")
	_ = l.Close()

	rel := p.up(t, "good", "fixed", set)
	if o := rel.Status.Observed; o == nil || fmt.Sprint(o.Port) != port || !o.FixedPort {
		t.Errorf("observed %+v, want the fixed port %s", o, port)
	}
	if rel = p.up(t, "other", "fixed", set); rel.Status.Observed.Strategy != "replace" {
		t.Errorf("rolled out by %q, want it replaced", rel.Status.Observed.Strategy)
	}
	p.answers(t, "fixed", "other")
	if _, err := p.Scale(t.Context(), "fixed", "dev", 2, ""); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		s := p.service(t, "fixed").Status.Environments["dev"]
		if s.State != client.StateDegraded || !strings.Contains(s.Message, port) {
			return fmt.Errorf("asked for a second instance it says %q: %q", s.State, s.Message)
		}
		return nil
	})
	p.answers(t, "fixed", "other")
}

// One that fails its health after it was well is told to be degraded.
func (p *platform) testSickens(t *testing.T) {
	p.up(t, "good", "sick", map[string]string{"MODE": "sickens"})
	eventually(t, func() error {
		s, err := p.ServiceStatus(t.Context(), "sick")
		at := s.Environments["dev"]
		if err != nil || at.State != client.StateDegraded || at.Healthy != 0 || len(at.Instances) != 1 || at.Instances[0].State != client.InstanceUnhealthy {
			return fmt.Errorf("it is told to be %+v (%v)", at, err)
		}
		return nil
	})
	if status, _, err := p.get("sick", "/"); err != nil || status != http.StatusOK {
		t.Errorf("the only instance is not asked any more: %d, %v", status, err)
	}
	p.up(t, "good", "sick", map[string]string{"MODE": "good"})
	p.healthy(t, "sick", 1)
}
