//go:build linux || darwin

package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

func TestBackoff(t *testing.T) {
	b := Backoff{}.withDefaults()
	for ends, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second,
		6: 32 * time.Second, 7: time.Minute, 1 << 30: time.Minute,
	} {
		if got := b.delay(ends); got != want {
			t.Errorf("after %d ends in a row: %v, want %v", ends, got, want)
		}
	}
}

func TestTail(t *testing.T) {
	numbered := func(from, to int) (lines []string) {
		for n := from; n <= to; n++ {
			lines = append(lines, fmt.Sprintf("line %d", n))
		}
		return lines
	}
	for name, c := range map[string]struct {
		writes []string
		want   []string
	}{
		"nothing":       {nil, nil},
		"in pieces":     {[]string{"li", "ne 1\nline", " 2\n"}, numbered(1, 2)},
		"not ended":     {[]string{"line 1\nline 2"}, numbered(1, 2)},
		"last twenty":   {[]string{strings.Join(numbered(1, 500), "\n") + "\n"}, numbered(481, 500)},
		"exactly":       {[]string{strings.Join(numbered(1, 20), "\n") + "\n"}, numbered(1, 20)},
		"one more":      {[]string{"li", "ne 1\n" + strings.Join(numbered(2, 21), "\n") + "\n"}, numbered(2, 21)},
		"blank lines":   {[]string{"\n\nline 1\n\n"}, numbered(1, 1)},
		"colours":       {[]string{"\x1b[31mline\x1b[0m 1\r\n\x1b]0;title\aline 2\n"}, []string{"line 1", "]0;titleline 2"}},
		"not UTF-8":     {[]string{"a\xffb\n"}, []string{"a\uFFFDb"}},
		"long, pieces":  {[]string{strings.Repeat("x", 5000), strings.Repeat("y", 5000) + "\n"}, []string{strings.Repeat("x", tailLineMax)}},
		"only newlines": {[]string{strings.Repeat("\n", 100)}, nil},
	} {
		tail := newTail()
		for _, w := range c.writes {
			tail.write("stdout", []byte(w))
		}
		if got := tail.last(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// TestTailOfTwoStreams: what is printed in mass does not hide the one line on
// the other stream that says why.
func TestTailOfTwoStreams(t *testing.T) {
	tail := newTail()
	tail.write(runtime.Stderr, []byte("fatal: no database\n"))
	tail.write(runtime.Stdout, bytes.Repeat([]byte("progress\n"), 1000))
	got := tail.last()
	if len(got) != tailLines || got[0] != "fatal: no database" {
		t.Errorf("%d lines: %q", len(got), got)
	}
}

// stuckSink takes nothing until it is released.
type stuckSink struct {
	release chan struct{}
	mu      sync.Mutex
	got     bytes.Buffer
	dropped int64
	closed  chan struct{}
}

func (s *stuckSink) Write(p []byte) (int, error) {
	<-s.release
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.Write(p)
}

func (s *stuckSink) Close() error { close(s.closed); return nil }

func (s *stuckSink) Dropped(n int64) { s.mu.Lock(); s.dropped += n; s.mu.Unlock() }

// TestOutputNeverBlocks writes 64 MB to a log that is stuck: the writer is
// done at once, little is kept, and every byte is either logged or counted.
func TestOutputNeverBlocks(t *testing.T) {
	for _, counts := range []bool{true, false} {
		read, write, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		stuck := &stuckSink{release: make(chan struct{}), closed: make(chan struct{})}
		var sink io.WriteCloser = stuck
		if !counts {
			sink = struct{ io.WriteCloser }{stuck}
		}
		o := newOutput("stdout", read, newTail(), sink)
		line := strings.Repeat("x", 63) + "\n"
		block := []byte(strings.Repeat(line, 1<<14))
		for range 64 {
			if _, err := write.Write(block); err != nil {
				t.Fatal(err)
			}
		}
		write.Close()
		<-o.read
		close(stuck.release)
		<-o.written
		<-stuck.closed
		got := stuck.got.String()
		if len(got) > 2*outputQueue {
			t.Errorf("%d bytes were kept for the log", len(got))
		}
		if counts {
			if sum := int64(len(got)) + stuck.dropped; sum != 64<<20 {
				t.Errorf("%d bytes logged and %d dropped: %d are neither", len(got), stuck.dropped, 64<<20-sum)
			}
			if strings.ReplaceAll(got, line, "") != "" {
				t.Error("lines were torn")
			}
		} else if !strings.Contains(got, "bytes dropped: the log could not keep up]\n") {
			t.Error("the log does not say that something is missing")
		}
	}
}

func TestChoose(t *testing.T) {
	bound := func(addrs ...string) (all []netip.AddrPort) {
		for _, a := range addrs {
			all = append(all, netip.MustParseAddrPort(a))
		}
		return all
	}
	many := bound("0.0.0.0:9229", "[::]:3000", "127.0.0.1:9229", "127.0.0.1:41000")
	for _, c := range []struct{ given, detected, want int }{{41000, 3000, 41000}, {1, 3000, 3000}} {
		if got := choose(many, c.given, c.detected); !slices.Equal(got, []int{c.want}) {
			t.Errorf("given %d, detected %d: %v", c.given, c.detected, got)
		}
	}
	if got := choose(many, 1, 2); !slices.Equal(got, []int{3000, 9229, 41000}) {
		t.Errorf("strangers: %v", got)
	}
	for _, c := range []struct {
		bound  string
		chosen bool
		want   []string
	}{
		{"0.0.0.0:80", false, []string{"127.0.0.1:80"}},
		{"[::]:80", true, []string{"127.0.0.1:80", "[::1]:80"}},
		{"[::]:80", false, []string{"[::1]:80", "127.0.0.1:80"}},
		{"[::1]:80", true, []string{"[::1]:80"}},
		{"127.0.0.2:80", true, []string{"127.0.0.2:80"}},
	} {
		if got := reach(bound(c.bound), 80, c.chosen); !slices.Equal(got, c.want) {
			t.Errorf("reach %s: %v, want %v", c.bound, got, c.want)
		}
	}
}

// A port of an instance is given to nobody else, neither here nor by the system.
func TestReservePort(t *testing.T) {
	r := &Runtime{ports: map[int]struct{}{}}
	given := map[int]bool{}
	for range 500 {
		port, err := r.reservePort()
		if err != nil || given[port] || port < firstPort || port > lastPort {
			t.Fatalf("port %d, given before: %t: %v", port, given[port], err)
		}
		given[port] = true
	}
	for port := range given {
		if r.givePort(port) {
			t.Fatalf("port %d could be given twice", port)
		}
		r.takePort(port)
	}
	if len(r.ports) != 0 {
		t.Errorf("%d ports are still given", len(r.ports))
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bin/run": 0o755, "text": 0o644} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ program, path, want string }{
		{"./bin/run", "/usr/bin", dir + "/bin/run"},
		{"run", "/nowhere:bin", dir + "/bin/run"},
		{dir + "/bin/run", "", dir + "/bin/run"},
		{"run", "/nowhere", ""},
		{"./text", "", ""},
		{"./bin", "", ""},
	} {
		got, err := lookPath(c.program, dir, []string{"PATH=" + c.path})
		if (err == nil) != (c.want != "") || err == nil && got != c.want {
			t.Errorf("%s on %s: %q, %v; want %q", c.program, c.path, got, err, c.want)
		}
	}
}

func TestStaticSite(t *testing.T) {
	files := fstest.MapFS{
		"index.html":          {Data: []byte("home")},
		"blog/index.html":     {Data: []byte("blog")},
		"empty/a.txt":         {Data: []byte("a")},
		"404.html":            {Data: []byte("lost")},
		".well-known/x":       {Data: []byte("known")},
		".git/config":         {Data: []byte("secret")},
		"assets/app.js":       {Data: []byte("js")},
		"assets/.hidden/file": {Data: []byte("secret")},
	}
	for _, c := range []struct {
		spa    bool
		path   string
		status int
		body   string
	}{
		{false, "/", 200, "home"},
		{false, "/blog/", 200, "blog"},
		{false, "/blog", 301, ""},
		{false, "/empty/", 404, "lost"},
		{false, "/.well-known/x", 200, "known"},
		{false, "/.git/config", 404, "lost"},
		{true, "/.git/config", 404, "lost"},
		{true, "/assets/.hidden/file", 404, "lost"},
		{true, "/deep/route", 200, "home"},
		{true, "/assets/app.js", 200, "js"},
		{true, "/assets/old.js", 404, "lost"},
	} {
		site := &staticSite{files: files, release: "site-1", spa: c.spa}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
		if w.Code != c.status || c.body != "" && w.Body.String() != c.body {
			t.Errorf("GET %s (spa %v): %d %q, want %d %q", c.path, c.spa, w.Code, w.Body, c.status, c.body)
		}
	}
	site := &staticSite{files: files, release: "site-1"}
	first := httptest.NewRecorder()
	site.ServeHTTP(first, httptest.NewRequest("GET", "/", nil))
	for release, want := range map[string]int{"site-1": http.StatusNotModified, "site-2": http.StatusOK} {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("If-None-Match", first.Header().Get("ETag"))
		(&staticSite{files: files, release: release}).ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s, asked with the tag of site-1: %d, want %d", release, w.Code, want)
		}
	}
	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestExitString(t *testing.T) {
	for want, e := range map[string]runtime.Exit{
		"exit code 1 after 12ms":     {Code: 1, After: 12 * time.Millisecond},
		"killed by SIGSEGV after 2s": {Code: -1, Signal: "SIGSEGV", After: 2 * time.Second},
	} {
		if got := e.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What to do about a crash loop follows from how it ended: advice to read last words
// helps nobody where there are none.
func TestVerdictOnACrashLoop(t *testing.T) {
	i := &instance{id: "1", w: runtime.Workload{Serves: true, Command: []string{"sh", "-c", "$HOOK; bin/shop || exec gunicorn shop:app"}}}
	for _, c := range []struct {
		name, want string
		last       past
	}{
		{"with words", "if its last words name a setting that is missing", past{exit: runtime.Exit{Code: 3}, lines: []string{"no DATABASE_URL"}}},
		{"without a word", "it ended without a word", past{exit: runtime.Exit{Code: 3}}},
		{"python is not there", "python is not there: a requirements.txt", past{exit: runtime.Exit{Code: 127}, lines: []string{"sh: python: not found"}}},
		{"so says dash", "python3 is not there: a requirements.txt", past{exit: runtime.Exit{Code: 127}, lines: []string{"sh: 1: exec: python3: not found"}}},
		{"so says bash", "npm is not there: a package.json", past{exit: runtime.Exit{Code: 127}, lines: []string{"/bin/bash: line 1: npm: command not found", ""}}},
		{"so says env", "node is not there: a package.json", past{exit: runtime.Exit{Code: 127}, lines: []string{"/usr/bin/env: ‘node’: No such file or directory"}}},
		{"one of a package", "gunicorn is not there: add the package that has it", past{exit: runtime.Exit{Code: 127}, lines: []string{"sh: 1: gunicorn: not found"}}},
		{"one that was to be built", "bin/shop is not among what was built", past{exit: runtime.Exit{Code: 127}, lines: []string{"sh: 1: bin/shop: not found"}}},
		{"what may be a secret", "the program that its last words name is not there", past{exit: runtime.Exit{Code: 127}, lines: []string{"sh: 1: hunter2: not found"}}},
		{"127 without a word", "is not there", past{exit: runtime.Exit{Code: 127}}},
		{"well", "a server has to stay in the foreground", past{}},
	} {
		var e *runtime.StartError
		if err := i.verdict(c.last, crashLimit); !errors.As(err, &e) || !strings.Contains(strings.Join(e.Next, "\n"), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if err := i.verdict(past{exit: runtime.Exit{Code: 3}}, crashLimit-1); err != nil {
		t.Errorf("given up too early: %v", err)
	}
}
