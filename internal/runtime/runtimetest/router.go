package runtimetest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// holdLimit is how long a request waits for a backend while its key is held.
const holdLimit = 20 * time.Second

// Router is a small reverse proxy with the contract that a runtime relies on.
// The key of a request is its host name, "service.environment.localhost".
type Router struct {
	transport *http.Transport

	mu       sync.Mutex
	changed  chan struct{} // closed and made anew with every change
	backends map[runtime.Key][]runtime.Backend
	held     map[runtime.Key]bool
	flying   map[string]int // by backend
	turn     int
}

// NewRouter returns a router without backends.
func NewRouter() *Router {
	return &Router{
		transport: &http.Transport{
			MaxIdleConnsPerHost: 64,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		},
		changed:  make(chan struct{}),
		backends: make(map[runtime.Key][]runtime.Backend),
		held:     make(map[runtime.Key]bool),
		flying:   make(map[string]int),
	}
}

func (r *Router) change(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
	close(r.changed)
	r.changed = make(chan struct{})
}

// Set implements runtime.Router.
func (r *Router) Set(key runtime.Key, backends []runtime.Backend) {
	r.change(func() { r.backends[key] = backends })
}

// Hold implements runtime.Router.
func (r *Router) Hold(key runtime.Key, held bool) {
	r.change(func() { r.held[key] = held })
}

// Drain implements runtime.Router.
func (r *Router) Drain(ctx context.Context, id string) error {
	for {
		r.mu.Lock()
		flying, changed := r.flying[id], r.changed
		r.mu.Unlock()
		if flying == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Backends are those of the key now.
func (r *Router) Backends(key runtime.Key) []runtime.Backend {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.backends[key]
}

// acquire finds a backend and counts a request in flight on it.
func (r *Router) acquire(ctx context.Context, key runtime.Key) (runtime.Backend, bool) {
	ctx, cancel := context.WithTimeout(ctx, holdLimit)
	defer cancel()
	for {
		r.mu.Lock()
		if backends := r.backends[key]; len(backends) > 0 {
			r.turn++
			b := backends[r.turn%len(backends)]
			r.flying[b.ID]++
			r.mu.Unlock()
			return b, true
		}
		held, changed := r.held[key], r.changed
		r.mu.Unlock()
		if !held {
			return runtime.Backend{}, false
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return runtime.Backend{}, false
		}
	}
}

// ServeHTTP passes the request on, or answers 503.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	service, rest, _ := strings.Cut(req.Host, ".")
	environment, _, _ := strings.Cut(rest, ".")
	b, ok := r.acquire(req.Context(), runtime.Key{Service: service, Environment: environment})
	if !ok {
		http.Error(w, "no backend", http.StatusServiceUnavailable)
		return
	}
	defer r.change(func() { r.flying[b.ID]-- })
	proxy := httputil.ReverseProxy{
		Transport: r.transport,
		ErrorLog:  log.New(io.Discard, "", 0), // the client sees it as 502
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: b.Addr})
		},
	}
	proxy.ServeHTTP(w, req)
}
