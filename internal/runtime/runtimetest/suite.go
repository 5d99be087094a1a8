// Package runtimetest is the conformance suite of runtime.Runtime: every
// runtime passes it.
package runtimetest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// Wiring is what the suite gives to the runtime under test.
type Wiring struct {
	Router runtime.Router
	Logs   runtime.Logs
	Exits  func(runtime.Event)
}

// Front is a router that also takes requests; see Router for how the suite
// addresses them.
type Front interface {
	runtime.Router
	http.Handler
}

// Factory makes what is tested.
type Factory struct {
	// New returns a fresh runtime; the suite closes it.
	New func(t *testing.T, w Wiring) runtime.Runtime
	// Program is the path of the test program; see Build.
	Program string
	// Prepare turns a workload whose Dir is a folder of this machine into one
	// that the runtime can run, e.g. by making an image of it. May be nil.
	Prepare func(t *testing.T, w *runtime.Workload)
	// Router is the router to test with; nil: the suite's own.
	Router func(t *testing.T) Front
	// Patience is how long anything may take that should happen soon; 0 means
	// 20 seconds.
	Patience time.Duration
}

// Build compiles the test program for this machine into the folder and returns
// its path.
func Build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "program")
	const source = "github.com/stoa-platform/stoa/internal/runtime/runtimetest/testdata/program"
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, source).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build test program: %w\n%s", err, out)
	}
	return path, nil
}

// Run runs the suite.
func Run(t *testing.T, f Factory) {
	if f.Patience == 0 {
		f.Patience = 20 * time.Second
	}
	for _, group := range [][]testCase{startCases, changeCases, failureCases, endCases} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.run(newStage(t, f))
			})
		}
	}
}

type testCase struct {
	name string
	run  func(s *stage)
}

// stage is one runtime with its surroundings.
type stage struct {
	*testing.T
	f      Factory
	rt     runtime.Runtime
	router Front
	logs   *Logs
	server *httptest.Server
	client *http.Client

	mu     sync.Mutex
	events []runtime.Event
}

func newStage(t *testing.T, f Factory) *stage {
	s := &stage{T: t, f: f, logs: NewLogs()}
	if f.Router != nil {
		s.router = f.Router(t)
	} else {
		s.router = NewRouter()
	}
	s.server = httptest.NewServer(s.router)
	t.Cleanup(s.server.Close)
	s.client = s.server.Client()
	s.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	s.rt = f.New(t, Wiring{Router: s.router, Logs: s.logs, Exits: func(e runtime.Event) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
	}})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), f.Patience)
		defer cancel()
		if err := s.rt.Close(ctx); err != nil && err != runtime.ErrClosed {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// program is a workload that runs the test program with the arguments. Its
// release is "<service>-<number>", which is also what it answers on "/".
func (s *stage) program(service string, number int, args ...string) runtime.Workload {
	return s.workload(filepath.Dir(s.f.Program), service, number, args...)
}

// workload is program with another artifact that holds the test program.
func (s *stage) workload(dir, service string, number int, args ...string) runtime.Workload {
	release := fmt.Sprintf("%s-%d", service, number)
	w := runtime.Workload{
		Key:       runtime.Key{Service: service, Environment: "dev"},
		Release:   release,
		Dir:       dir,
		Command:   append([]string{"./" + filepath.Base(s.f.Program), "-name", release}, args...),
		Env:       []string{"PATH=/usr/bin:/bin"},
		Serves:    true,
		StopGrace: 3 * time.Second,
		Drain:     3 * time.Second,
	}
	if s.f.Prepare != nil {
		s.f.Prepare(s.T, &w)
	}
	return w
}

func (s *stage) apply(w runtime.Workload) runtime.Observed {
	s.Helper()
	o, err := s.rt.Apply(s.Context(), w, func(p runtime.Progress) { s.Logf("%-9s %s %s", p.Step, p.Instance, p.Text) })
	if err != nil {
		s.Fatalf("apply %s: %v", w.Release, err)
	}
	return o
}

// fails applies a workload that must not come up.
func (s *stage) fails(w runtime.Workload) error {
	s.Helper()
	o, err := s.rt.Apply(s.Context(), w, nil)
	if err == nil {
		s.Fatalf("apply %s succeeded: %+v", w.Release, o)
	}
	s.Logf("refused as it should: %v", err)
	return err
}

func (s *stage) status(key runtime.Key) runtime.Status {
	s.Helper()
	st, err := s.rt.Status(s.Context(), key)
	if err != nil {
		s.Fatalf("status of %s: %v", key, err)
	}
	return st
}

// ids are the instances of the release that serves, sorted.
func (s *stage) ids(key runtime.Key) []string {
	s.Helper()
	var ids []string
	st := s.status(key)
	for _, i := range st.Instances {
		if i.Release == st.Release {
			ids = append(ids, i.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// request asks the service through the router.
func (s *stage) request(method string, key runtime.Key, path string) (int, string, error) {
	req, err := http.NewRequestWithContext(s.Context(), method, s.server.URL+path, nil)
	if err != nil {
		return 0, "", err
	}
	req.Host = key.String() + ".localhost"
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// get wants 200, and returns the body.
func (s *stage) get(key runtime.Key, path string) string {
	s.Helper()
	status, body, err := s.request(http.MethodGet, key, path)
	if err != nil || status != http.StatusOK {
		s.Fatalf("GET %s of %s: status %d, %v: %s", path, key, status, err, body)
	}
	return body
}

// serves wants the release to answer.
func (s *stage) serves(w runtime.Workload) {
	s.Helper()
	if body := s.get(w.Key, "/"); !strings.HasPrefix(body, w.Release+" ") {
		s.Fatalf("%s answers %q, want %s", w.Key, body, w.Release)
	}
}

// soon waits for the condition.
func (s *stage) soon(what string, condition func() bool) {
	s.Helper()
	deadline := time.Now().Add(s.f.Patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		if time.Now().After(deadline) {
			s.Fatalf("not within %v: %s", s.f.Patience, what)
		}
		<-tick.C
	}
}

// quiet wants nobody to listen on the address, as seen by this machine.
func (s *stage) quiet(addr string) {
	s.Helper()
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		conn.Close()
		s.Errorf("something still listens on %s", addr)
	}
}

// freePort is one that nothing listens on now, and below those that systems give to
// whoever asks for any: with tests side by side one of those is soon taken again.
func (s *stage) freePort() int {
	s.Helper()
	for range 100 {
		port := 30_000 + rand.IntN(2_700)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port
		}
	}
	s.Fatal("a hundred ports in a row are taken")
	return 0
}

func (s *stage) needIPv6() {
	s.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		testenv.Missing(s.T, "IPv6 on the loopback interface")
		return
	}
	l.Close()
}

// load sends requests all the time, until stop is called, which reports the
// requests answered by each release and every one that failed.
func (s *stage) load(key runtime.Key) (stop func() map[string]int) {
	quit := make(chan struct{})
	var clients sync.WaitGroup
	var mu sync.Mutex
	answered := make(map[string]int)
	var failures []string
	for n := range 8 {
		clients.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
				}
				path := "/"
				if n%2 == 1 {
					path = "/slow/20ms"
				}
				status, body, err := s.request(http.MethodGet, key, path)
				mu.Lock()
				if err != nil || status != http.StatusOK {
					failures = append(failures, fmt.Sprintf("status %d, %v: %s", status, err, body))
				} else {
					release, _, _ := strings.Cut(body, " ")
					answered[release]++
				}
				mu.Unlock()
			}
		})
	}
	return func() map[string]int {
		s.Helper()
		close(quit)
		clients.Wait()
		if len(failures) > 0 {
			s.Errorf("%d requests failed, %v were answered; the first: %s", len(failures), answered, failures[0])
		}
		return answered
	}
}
