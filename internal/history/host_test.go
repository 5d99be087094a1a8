package history

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// host answers as a host of repositories does, out of a file of answers by
// path: lists page by page with Link headers and versions.
type host struct {
	*httptest.Server
	answers  map[string]json.RawMessage
	statuses map[string]int // of paths that are refused
	page     int            // items at a time

	mu       sync.Mutex
	requests []string
	// trouble may answer the nth request, from 1 on, instead.
	trouble func(n int, w http.ResponseWriter, r *http.Request) bool

	// The time that the client lives in.
	clock  time.Time
	paused []time.Duration
}

func newHost(t *testing.T, file, prefix string) *host {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{page: 2, clock: now, statuses: map[string]int{}}
	if err := json.Unmarshal(raw, &h.answers); err != nil {
		t.Fatal(err)
	}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests = append(h.requests, r.URL.RequestURI())
		n, trouble := len(h.requests), h.trouble
		h.mu.Unlock()
		if trouble != nil && trouble(n, w, r) {
			return
		}
		h.serve(w, r, strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, prefix), "/"))
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *host) serve(w http.ResponseWriter, r *http.Request, path string) {
	if r.Header.Get("Authorization") != "Bearer s3cret" {
		fail(w, http.StatusUnauthorized, "Bad credentials")
		return
	}
	if status := h.statuses[path]; status != 0 {
		fail(w, status, "refused")
		return
	}
	body, ok := h.answers[path]
	if !ok {
		fail(w, http.StatusNotFound, "Not Found")
		return
	}
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil {
		n, _ := strconv.Atoi(r.URL.Query().Get("page")) // 0 is the first, too
		n = max(n, 1)
		from, to := min((n-1)*h.page, len(list)), min(n*h.page, len(list))
		if to < len(list) {
			q := r.URL.Query()
			q.Set("page", strconv.Itoa(n+1))
			next := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: q.Encode()}
			w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next", <%s>; rel="last"`, next.String(), next.String()))
		}
		body, _ = json.Marshal(append([]json.RawMessage{}, list[from:to]...))
	}
	var text string
	if json.Unmarshal(body, &text) == nil {
		body = []byte(text) // a raw file
	}
	version := fmt.Sprintf(`"%x"`, sha256.Sum256(append([]byte(r.URL.String()), body...)))
	w.Header().Set("ETag", version)
	if r.Header.Get("If-None-Match") == version {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

// reach gives a Host whose pauses pass at once.
func (h *host) reach(path string) Host {
	return Host{
		API: h.URL + path, Token: "s3cret", TokenFrom: "$TOKEN", HTTP: h.Client(),
		Clock: func() time.Time { return h.clock },
		Pause: func(ctx context.Context, d time.Duration) error {
			h.paused = append(h.paused, d)
			h.clock = h.clock.Add(d)
			return ctx.Err()
		},
	}
}

func (h *host) github(o Options) *GitHub {
	return &GitHub{Options: o, Host: h.reach(""), Org: "acme", IncidentLabel: "incident"}
}

// disturb changes the trouble that requests from now on have.
func (h *host) disturb(trouble func(n int, w http.ResponseWriter, r *http.Request) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.trouble = trouble
}

// forget counts requests from here.
func (h *host) forget() (before int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, h.requests = len(h.requests), nil
	return before
}

func (h *host) asked(part string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range h.requests {
		if strings.Contains(r, part) {
			n++
		}
	}
	return n
}

// plain is a request to a host's API without a source around it.
func (h *host) plain(t *testing.T) (*api, *collector) {
	t.Helper()
	a, err := newAPI(h.reach(""), "GitHub", http.Header{})
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{}
	a.waiting = c.Waiting
	return a, c
}

// Whatever goes wrong on the way, an answer that comes at last is whole.
func TestTroubleOnTheWay(t *testing.T) {
	kill := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "100000")
		_, _ = w.Write([]byte(`[{"id": 1}, {"i`))
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	}
	header := func(w http.ResponseWriter, status int, message string, pairs ...string) {
		for i := 0; i < len(pairs); i += 2 {
			w.Header().Set(pairs[i], pairs[i+1])
		}
		fail(w, status, message)
	}
	reset := strconv.FormatInt(now.Add(10*time.Minute).Unix(), 10)
	for name, c := range map[string]struct {
		trouble func(n int, w http.ResponseWriter) bool
		waits   int           // that are told
		least   time.Duration // of pauses in all
		kind    problem.Kind  // of the error, if it ends with one
	}{
		"nothing": {trouble: func(int, http.ResponseWriter) bool { return false }},
		"a gateway fails twice": {trouble: func(n int, w http.ResponseWriter) bool {
			if n < 3 {
				fail(w, 502, "bad gateway")
			}
			return n < 3
		}, least: 3 * time.Second},
		"a connection dies mid-page": {trouble: func(n int, w http.ResponseWriter) bool { kill(w); return true }, least: time.Second},
		"the limit is reached": {trouble: func(n int, w http.ResponseWriter) bool {
			header(w, 403, "API rate limit exceeded for user ID 1.", "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", reset)
			return true
		}, waits: 1, least: 10 * time.Minute},
		"GitLab's limit is reached": {trouble: func(n int, w http.ResponseWriter) bool {
			header(w, 429, "Retry later", "RateLimit-Remaining", "0", "RateLimit-Reset", reset)
			return true
		}, waits: 1, least: 10 * time.Minute},
		"a secondary limit says how long": {trouble: func(n int, w http.ResponseWriter) bool {
			header(w, 403, "You have exceeded a secondary rate limit.", "Retry-After", "90")
			return true
		}, waits: 1, least: 90 * time.Second},
		"a date to retry after": {trouble: func(n int, w http.ResponseWriter) bool {
			header(w, 503, "busy", "Retry-After", now.Add(2*time.Minute).Format(http.TimeFormat))
			return true
		}, waits: 1, least: 2 * time.Minute},
		"a secondary limit says nothing, three times": {trouble: func(n int, w http.ResponseWriter) bool {
			if n <= 3 {
				header(w, 403, "You have exceeded a secondary rate limit.")
			}
			return n <= 3
		}, waits: 3, least: 7 * time.Minute},
		"a limit without end": {trouble: func(n int, w http.ResponseWriter) bool { header(w, 429, "no"); return true }, waits: maxSlow, kind: problem.TooMany},
		"a year to wait": {trouble: func(n int, w http.ResponseWriter) bool {
			header(w, 429, "no", "Retry-After", "31536000")
			return true
		}, kind: problem.TooMany},
		"broken for good":      {trouble: func(n int, w http.ResponseWriter) bool { fail(w, 500, "boom"); return true }, kind: problem.Failed},
		"a token that expired": {trouble: func(n int, w http.ResponseWriter) bool { fail(w, 401, "Bad credentials"); return true }, kind: problem.Unauthenticated},
		"no JSON":              {trouble: func(n int, w http.ResponseWriter) bool { _, _ = w.Write([]byte("<html>")); return true }, kind: problem.Failed},
		"a next page elsewhere": {trouble: func(n int, w http.ResponseWriter) bool {
			w.Header().Set("Link", `<https://evil.example.org/orgs/acme/repos?page=2>; rel="next"`)
			_, _ = w.Write([]byte("[]"))
			return true
		}, kind: problem.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, "github.json", "")
			tries := 0
			h.disturb(func(n int, w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Query().Get("page") != "2" { // the trouble is with the second page
					return false
				}
				if tries++; c.kind == "" && c.waits < 2 && !strings.Contains(name, "twice") && tries > 1 {
					return false
				}
				return c.trouble(tries, w)
			})
			a, sink := h.plain(t)
			n := 0
			_, err := a.pages(context.Background(), "/orgs/acme/repos?per_page=100", "", items(func(githubRepository) (bool, error) { n++; return true, nil }))
			if c.kind != "" {
				if !problem.Is(err, c.kind) || strings.Contains(err.Error(), "s3cret") {
					t.Errorf("%v, want %s", err, c.kind)
				}
			} else if err != nil || n != 5 {
				t.Errorf("%d repositories, %v", n, err)
			}
			var sum time.Duration
			for _, d := range h.paused {
				sum += d
			}
			if len(sink.waits) != c.waits || sum < c.least {
				t.Errorf("%d waits (%v), %s in all", len(sink.waits), h.paused, sum)
			}
		})
	}
}

// The last request that is allowed is not followed by one that is not.
func TestLimitIsNotRunInto(t *testing.T) {
	h := newHost(t, "github.json", "")
	h.disturb(func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(now.Add(30*time.Minute).Unix(), 10))
		}
		return false
	})
	a, sink := h.plain(t)
	if _, err := a.pages(context.Background(), "/orgs/acme/repos", "", items(func(githubRepository) (bool, error) { return true, nil })); err != nil {
		t.Fatal(err)
	}
	if len(sink.waits) != 1 || len(h.requests) != 3 || h.clock.Before(now.Add(30*time.Minute)) {
		t.Errorf("%d waits, %d requests, it is %s", len(sink.waits), len(h.requests), h.clock)
	}
}

// A token goes to the API it is for, encrypted, and into no message.
func TestTokenStaysAtHome(t *testing.T) {
	for address, ok := range map[string]bool{
		"https://api.github.com": true, "http://127.0.0.1:9": true, "http://localhost:9": true, "http://git.example.org": false,
		"git.example.org": false, "ftp://git.example.org": false, "https://u:p@git.example.org": false, "": false,
	} {
		_, err := newAPI(Host{API: address, Token: "s3cret"}, "GitHub", http.Header{})
		if (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: the token is told: %v", address, err)
		}
	}
	for api, want := range map[string]string{
		"https://api.github.com": "https://github.com", "https://ghe.example.org/api/v3": "https://ghe.example.org", "https://GitLab.com/api/v4": "https://gitlab.com",
	} {
		if got := site(api); got != want {
			t.Errorf("site of %s: %s", api, got)
		}
	}
}

// Nobody is asked in vain once the person has gone.
func TestInterruptedWait(t *testing.T) {
	h := newHost(t, "github.json", "")
	h.disturb(func(_ int, w http.ResponseWriter, _ *http.Request) bool { fail(w, 429, "no"); return true })
	ctx, cancel := context.WithCancel(context.Background())
	reach := h.reach("")
	reach.Pause = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	a, err := newAPI(reach, "GitHub", http.Header{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.get(ctx, "/x", ""); !slices.Contains([]error{context.Canceled}, err) {
		t.Errorf("interrupted: %v", err)
	}
	if len(h.requests) != 1 {
		t.Errorf("%d requests", len(h.requests))
	}
}
