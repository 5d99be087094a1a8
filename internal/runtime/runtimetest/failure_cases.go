package runtimetest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// failureCases: what goes wrong is told, and harms nothing that runs.
var failureCases = []testCase{
	{"FailedRolloutKeepsTheOld", func(s *stage) {
		old := s.program("shop", 1)
		s.apply(old)
		before := s.ids(old.Key)
		stop := s.load(old.Key)
		number := 1
		next := func(args ...string) runtime.Workload {
			number++
			w := s.program("shop", number, args...)
			w.StartTimeout = time.Second
			return w
		}
		missing := next()
		missing.Command = []string{"./no-such-program"}
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Fatal(err)
		}
		defer taken.Close()
		port := taken.Addr().(*net.TCPAddr).Port
		for _, c := range []struct {
			reason runtime.Reason
			w      runtime.Workload
			says   string
		}{
			{runtime.ReasonCrashLoop, next("-exit", "3"), "exit code 3"},
			{runtime.ReasonNotListening, next("-worker"), "listens on no"},
			{runtime.ReasonUnhealthy, next("-health", "503"), "503"},
			{runtime.ReasonCommand, missing, "no-such-program"},
			{runtime.ReasonPortInUse, next("-host", "127.0.0.1", "-port", strconv.Itoa(port)), strconv.Itoa(port)},
		} {
			s.wantReason(s.fails(c.w), c.reason, c.says)
		}
		answered := stop()
		if len(answered) != 1 || answered[old.Release] == 0 {
			s.Errorf("answered %v", answered)
		}
		if st := s.status(old.Key); st.Release != old.Release || !slices.Equal(before, s.ids(old.Key)) || len(st.Instances) != 1 {
			s.Errorf("instances %v became %+v", before, st)
		}
	}},
	{"FailedReplacementBringsTheOldBack", func(s *stage) {
		port := strconv.Itoa(s.freePort())
		old := s.program("shop", 1, "-port", port)
		s.apply(old)
		stop := s.load(old.Key)
		s.wantReason(s.fails(s.program("shop", 2, "-port", port, "-exit", "1")), runtime.ReasonCrashLoop, "")
		stop()
		s.serves(old)
		if st := s.status(old.Key); st.Release != old.Release || len(st.Instances) != 1 {
			s.Errorf("status %+v", st)
		}
	}},
	{"CrashLoopShowsTheLastLines", func(s *stage) {
		err := s.fails(s.program("shop", 1, "-exit", "2", "-lines", "50"))
		e := s.wantReason(err, runtime.ReasonCrashLoop, "exit code 2")
		if len(e.Lines) != 20 || e.Lines[0] == "line 1 of shop-1" || !slices.Contains(e.Lines, "line 50 of shop-1") ||
			!slices.Contains(e.Lines, "fatal: told to exit") || !strings.Contains(err.Error(), "line 50 of shop-1") {
			s.Errorf("lines %q", e.Lines)
		}
		if _, err := s.rt.Status(s.Context(), runtime.Key{Service: "shop", Environment: "dev"}); !errors.Is(err, runtime.ErrNotFound) {
			s.Errorf("status of what never ran: %v", err)
		}
	}},
	{"FixedPortRefusesReplicas", func(s *stage) {
		w := s.program("shop", 1, "-port", strconv.Itoa(s.freePort()))
		w.Replicas = 2
		s.wantReason(s.fails(w), runtime.ReasonFixedPort, "2 replicas")
		w.Replicas = 1
		s.apply(w)
		w.Replicas = 2
		s.wantReason(s.fails(w), runtime.ReasonFixedPort, "2 replicas")
		w.Replicas = 1
		s.serves(w)
	}},
	{"FixedSecondPortRefusesReplicas", func(s *stage) {
		w := s.program("shop", 1, "-extra", strconv.Itoa(s.freePort()))
		w.Replicas = 2
		s.wantReason(s.fails(w), runtime.ReasonFixedPort, "2 replicas")
	}},
	{"StaticFolderMissing", func(s *stage) {
		w := s.program("site", 1)
		w.Command, w.Static, w.Dir = nil, "dist", s.TempDir()
		s.wantReason(s.fails(w), runtime.ReasonStatic, "dist")
		if err := os.Symlink("/etc", filepath.Join(w.Dir, "dist")); err != nil {
			s.Fatal(err)
		}
		s.wantReason(s.fails(w), runtime.ReasonStatic, "dist")
	}},
	{"InvalidWorkload", func(s *stage) {
		for what, spoil := range map[string]func(*runtime.Workload){
			"no command":    func(w *runtime.Workload) { w.Command = nil },
			"relative dir":  func(w *runtime.Workload) { w.Dir = "here" },
			"outside":       func(w *runtime.Workload) { w.Command, w.Static = nil, "../x" },
			"no name":       func(w *runtime.Workload) { w.Service = "" },
			"NUL":           func(w *runtime.Workload) { w.Env = []string{"A=b\x00c"} },
			"replicas":      func(w *runtime.Workload) { w.Replicas = -1 },
			"port variable": func(w *runtime.Workload) { w.PortVariable = "A=B" },
			"health path":   func(w *runtime.Workload) { w.Health = "healthz HTTP/1.0" },
			"header":        func(w *runtime.Workload) { w.Health = "/x\r\nEvil: 1" },
		} {
			w := s.program("shop", 1)
			spoil(&w)
			if _, err := s.rt.Apply(s.Context(), w, nil); err == nil {
				s.Errorf("%s: accepted", what)
			}
		}
	}},
	{"RestartAfterExit", func(s *stage) {
		w := s.program("shop", 1)
		w.Replicas = 2
		s.apply(w)
		if _, _, err := s.request(http.MethodPost, w.Key, "/exit/7"); err != nil {
			s.Fatal(err)
		}
		s.soon("the exit is told", func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.events) == 1
		})
		e := s.events[0]
		if e.Key != w.Key || e.Release != w.Release || e.Exit.Code != 7 || e.CrashLoop ||
			!slices.Contains(e.Lines, "exit on request") || e.RetryIn <= 0 {
			s.Errorf("event %+v", e)
		}
		// The other one serves meanwhile: no request meets the one that is down.
		stop := s.load(w.Key)
		s.soon("it is healthy again", func() bool { return s.status(w.Key).Healthy() == 2 })
		answers := make(map[string]bool)
		s.soon("both answer", func() bool {
			answers[s.get(w.Key, "/")] = true
			return len(answers) == 2
		})
		stop()
		restarts := 0
		for _, i := range s.status(w.Key).Instances {
			restarts += i.Restarts
		}
		if restarts != 1 {
			s.Errorf("status %+v", s.status(w.Key))
		}
	}},
	{"OneThatIsDownGetsNoRequests", func(s *stage) {
		w := s.program("shop", 1)
		s.apply(w)
		_, _, _ = s.request(http.MethodPost, w.Key, "/exit/1")
		s.soon("it is taken from the router", func() bool {
			status, _, err := s.request(http.MethodGet, w.Key, "/")
			return err == nil && status == http.StatusServiceUnavailable
		})
		s.soon("it is back", func() bool {
			status, _, err := s.request(http.MethodGet, w.Key, "/")
			return err == nil && status == http.StatusOK
		})
	}},
	{"FloodOfOutput", func(s *stage) {
		w := s.program("noisy", 1, "-flood")
		s.apply(w)
		for range 20 {
			s.serves(w)
		}
		s.soon("the log has some of it", func() bool { return len(s.logs.Lines(w.Release, runtime.Stdout)) > 1000 })
	}},
}

// wantReason wants a *runtime.StartError with the reason that says so.
func (s *stage) wantReason(err error, reason runtime.Reason, says string) *runtime.StartError {
	s.Helper()
	var e *runtime.StartError
	if !errors.As(err, &e) {
		s.Fatalf("error %T is no StartError: %v", err, err)
	}
	if e.Reason != reason || !strings.Contains(e.Detail, says) {
		s.Errorf("reason %q (%s), want %q with %q", e.Reason, e.Detail, reason, says)
	}
	if e.Key.Service == "" || e.Release == "" || len(e.Next) == 0 {
		s.Errorf("error tells too little: %s", fmt.Sprintf("%+v", *e))
	}
	return e
}
