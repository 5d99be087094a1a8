package runtimetest

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// startCases: what runs is what was observed, whatever was detected.
var startCases = []testCase{
	{"Start", func(s *stage) {
		w := s.program("shop", 1, "-lines", "3")
		w.Env = append(w.Env, "COLOUR=blue")
		w.Port, w.Health = 8080, "/nothing-here" // detection was wrong about both
		var steps []runtime.Step
		o, err := s.rt.Apply(s.Context(), w, func(p runtime.Progress) { steps = append(steps, p.Step) })
		if err != nil {
			s.Fatal(err)
		}
		if o.Strategy != runtime.StrategyStart || o.Port == 0 || o.Port == 8080 || o.FixedPort ||
			o.Health != "/healthz" || o.HealthStatus != http.StatusOK {
			s.Errorf("observed %+v", o)
		}
		want := []runtime.Step{runtime.StepStarted, runtime.StepBound, runtime.StepHealthy, runtime.StepSwitched}
		if !slices.Equal(steps, want) {
			s.Errorf("steps %v, want %v", steps, want)
		}
		s.serves(w)
		if got := s.get(w.Key, "/env/COLOUR"); got != "blue" {
			s.Errorf("COLOUR is %q in the workload", got)
		}
		if got := s.get(w.Key, "/env/HOME"); got != "" {
			s.Errorf("HOME is %q in the workload: the environment is inherited", got)
		}
		st := s.status(w.Key)
		if st.Release != w.Release || st.Replicas != 1 || st.Healthy() != 1 || len(st.Instances) != 1 ||
			st.Observed.Address != o.Address || st.Instances[0].Port != o.Port {
			s.Errorf("status %+v", st)
		}
		s.soon("the output is in the log", func() bool {
			return slices.Contains(s.logs.Lines(w.Release, runtime.Stdout), "line 3 of shop-1")
		})
	}},
	{"OwnFiles", func(s *stage) {
		dir := s.TempDir()
		data := filepath.Join(dir, "data")
		if err := errors.Join(os.CopyFS(dir, os.DirFS(filepath.Dir(s.f.Program))), os.WriteFile(data, []byte("as built"), 0o600)); err != nil {
			s.Fatal(err)
		}
		w := s.workload(dir, "shop", 1)
		w.Env = append(w.Env, "CODE="+dir)
		s.apply(w)
		for _, path := range []string{"/write/data/changed", "/write/new/made"} {
			if status, _, err := s.request("POST", w.Key, path); err != nil || status != http.StatusOK {
				s.Fatalf("POST %s: status %d, %v", path, status, err)
			}
		}
		if got := s.get(w.Key, "/read/data"); got != "changed" {
			s.Errorf("an instance reads %q after it has written", got)
		}
		if got := s.get(w.Key, "/env/CODE"); got == dir {
			s.Errorf("the environment names the artifact %s, not the instance's own files", got)
		}
		built, err := os.ReadFile(data)
		if _, made := os.Stat(filepath.Join(dir, "new")); err != nil || string(built) != "as built" || made == nil {
			s.Error("what an instance has written is in the artifact")
		}
		again := s.workload(dir, "shop", 2)
		s.apply(again)
		if got := s.get(again.Key, "/read/data"); got != "as built" {
			s.Errorf("the next release reads %q", got)
		}
	}},
	{"OwnPortVariable", func(s *stage) {
		w := s.program("shop", 1, "-var", "SHOP_PORT")
		w.PortVariable = "SHOP_PORT"
		if o := s.apply(w); o.FixedPort {
			s.Errorf("observed %+v", o)
		}
		s.serves(w)
	}},
	{"FixedPort", func(s *stage) {
		port := s.freePort()
		w := s.program("shop", 1, "-port", strconv.Itoa(port))
		if o := s.apply(w); !o.FixedPort || o.Port != port || len(o.Notes) == 0 {
			s.Errorf("observed %+v, want port %d", o, port)
		}
		s.serves(w)
	}},
	{"IPv6Only", func(s *stage) {
		s.needIPv6()
		for n, host := range []string{"::1", "::"} {
			w := s.program("shop", n+1, "-network", "tcp6", "-host", host)
			s.apply(w)
			s.serves(w)
		}
	}},
	{"EveryInterface", func(s *stage) {
		w := s.program("shop", 1, "-network", "tcp4", "-host", "0.0.0.0")
		s.apply(w)
		s.serves(w)
	}},
	{"SlowStart", func(s *stage) {
		w := s.program("shop", 1, "-delay", "1500ms")
		if o := s.apply(w); o.StartMillis < 1500 {
			s.Errorf("observed a start of %d ms", o.StartMillis)
		}
		s.serves(w)
	}},
	{"SeveralPorts", func(s *stage) {
		extra := s.freePort()
		w := s.program("shop", 1, "-extra", strconv.Itoa(extra), "-delay", "30ms")
		if o := s.apply(w); o.Port == extra || o.FixedPort {
			s.Errorf("observed %+v: took the port %d that was bound first for that of the service", o, extra)
		}
		s.serves(w)
	}},
	{"NoHealthPath", func(s *stage) {
		w := s.program("shop", 1, "-path", "", "-root", "404")
		if o := s.apply(w); o.Health != "/" || o.HealthStatus != http.StatusNotFound || len(o.Notes) == 0 {
			s.Errorf("observed %+v", o)
		}
	}},
	{"AnotherHealthPath", func(s *stage) {
		for n, there := range []string{"", "/health"} {
			w := s.program("shop", n+1, "-path", there, "-root", "404")
			w.Health = "/healthz"
			want := runtime.Observed{Health: "/", HealthStatus: http.StatusNotFound}
			if there != "" {
				want = runtime.Observed{Health: there, HealthStatus: http.StatusOK}
			}
			o := s.apply(w)
			if o.Health != want.Health || o.HealthStatus != want.HealthStatus || o.HintStatus != http.StatusNotFound ||
				len(o.Notes) == 0 || !strings.Contains(o.Notes[0], "GET /healthz answers 404") {
				s.Errorf("of a program that answers %q is observed %+v", there, o)
			}
		}
	}},
	{"NoHTTP", func(s *stage) {
		for n, how := range []string{"greet", "close"} {
			w := s.program("mail", n+1, "-raw", how)
			if o := s.apply(w); o.Health != "" || o.HealthStatus != 0 || len(o.Notes) == 0 {
				s.Errorf("%s: observed %+v", how, o)
			}
		}
	}},
	{"Static", func(s *stage) {
		dir := s.TempDir()
		write(s, filepath.Join(dir, "dist", "index.html"), "<h1>home</h1>")
		write(s, filepath.Join(dir, "dist", "about.html"), "about")
		write(s, filepath.Join(dir, "dist", ".env"), "secret")
		write(s, filepath.Join(dir, "outside.txt"), "outside")
		w := s.program("site", 1)
		w.Command, w.Dir, w.Static = nil, dir, "dist"
		if s.f.Prepare != nil {
			s.f.Prepare(s.T, &w)
		}
		s.apply(w)
		for path, want := range map[string]string{"/": "<h1>home</h1>", "/about": "about", "/about.html": "about"} {
			if got := s.get(w.Key, path); got != want {
				s.Errorf("GET %s: %q, want %q", path, got, want)
			}
		}
		for _, path := range []string{"/route/of/app", "/.env", "/../outside.txt", "/%2e%2e/outside.txt"} {
			if status, body, err := s.request(http.MethodGet, w.Key, path); err != nil || status != http.StatusNotFound {
				s.Errorf("GET %s: status %d %q, %v; want 404", path, status, body, err)
			}
		}
		w.SPA, w.Release = true, "site-2"
		s.apply(w)
		if got := s.get(w.Key, "/route/of/app"); got != "<h1>home</h1>" {
			s.Errorf("single-page application answers %q", got)
		}
	}},
	{"Worker", func(s *stage) {
		w := s.program("mailer", 1, "-worker")
		w.Serves = false
		if o := s.apply(w); o.Port != 0 || o.Address != "" {
			s.Errorf("observed %+v", o)
		}
		if st := s.status(w.Key); st.Healthy() != 1 {
			s.Errorf("status %+v", st)
		}
		next := s.program("mailer", 2, "-worker")
		next.Serves = false
		if o := s.apply(next); o.Strategy != runtime.StrategyRolling {
			s.Errorf("observed %+v", o)
		}
		if lines := s.logs.Lines(w.Release, runtime.Stdout); !slices.Contains(lines, "worker ends") {
			s.Errorf("the old worker was not told to end; it said %q", lines)
		}
	}},
	{"Replicas", func(s *stage) {
		w := s.program("shop", 1)
		w.Replicas = 3
		s.apply(w)
		if st := s.status(w.Key); st.Replicas != 3 || st.Healthy() != 3 || len(st.Instances) != 3 {
			s.Errorf("status %+v", st)
		}
		answers := make(map[string]bool)
		s.soon("all three answer", func() bool {
			answers[s.get(w.Key, "/")] = true
			return len(answers) == 3
		})
	}},
	{"Beside", func(s *stage) {
		w := s.program("shop", 1)
		s.apply(w)
		for _, key := range []runtime.Key{w.Beside("worker"), w.Beside("clock"), {Service: "shop2:worker", Environment: w.Environment}, {Service: "shop:worker", Environment: "elsewhere"}} {
			process := s.program("shop", 1, "-worker")
			process.Key, process.Serves, process.Health = key, false, ""
			s.apply(process)
		}
		st := s.status(w.Key)
		var names []string
		for _, i := range st.All() {
			names = append(names, i.Process)
		}
		if !slices.Equal(names, []string{"", "clock", "worker"}) || st.Healthy() != 1 || len(st.Beside) != 2 || st.Beside[1].Key != w.Beside("worker") {
			s.Errorf("with two processes beside it: %q of %+v", names, st)
		}
		if st := s.status(w.Beside("worker")); len(st.Beside) > 0 {
			s.Errorf("beside a process: %+v", st.Beside)
		}
	}},
	{"Notes", func(s *stage) {
		w := s.program("shop", 1)
		w.CPU, w.Memory = 500, 64<<20
		o := s.apply(w)
		s.Logf("notes: %s", strings.Join(o.Notes, "; "))
		w.Restart = "again"
		if again := s.apply(w); !slices.Equal(o.Notes, again.Notes) {
			s.Errorf("notes %q, then %q", o.Notes, again.Notes)
		}
	}},
	{"OnceMoreBeforeHealthy", func(s *stage) {
		w := s.program("shop", 1, "-once", filepath.Join(s.TempDir(), "marker"))
		began := time.Now()
		s.apply(w)
		s.serves(w)
		if st := s.status(w.Key); st.Instances[0].Restarts != 1 || st.Instances[0].LastExit == nil {
			s.Errorf("after %v: status %+v", time.Since(began), st)
		}
	}},
}

func write(s *stage, path, text string) {
	s.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		s.Fatal(err)
	}
}
