// Package route sends HTTP requests for <service>.<environment>.<domain> to
// the healthy backends of that service, and counts what it sees: requests,
// errors and durations per service, environment and release, without the
// application doing anything.
//
// A request reads one immutable table and takes no lock. Whoever runs the
// workloads changes the table by Set, Hold and Drain; a rollout without a lost
// request is Set(new backends), then Drain of each old one, then its stop.
package route

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options configure a Router. The zero value of each field is usable.
type Options struct {
	// Domains are the base domains under which services answer, without port.
	// Empty is "localhost". The first is the one that Host gives.
	Domains []string
	// Absent says why a service has no backend, for the person who asked for
	// it. Nil knows exactly what has been Set.
	Absent func(ctx context.Context, service, environment string) Absence
	// HoldTimeout bounds how long a held request waits; 0 is 30 s.
	HoldTimeout time.Duration
	// HoldLimit bounds how many requests of one service and environment wait
	// at a time; 0 is 2,048.
	HoldLimit int
	// DialTimeout bounds a connect to one backend; 0 is 5 s.
	DialTimeout time.Duration
	// Registerer takes the router's metrics; nil keeps them private.
	Registerer prometheus.Registerer
	// Logger takes what goes wrong between router and backends; nil discards.
	Logger *slog.Logger
}

// Absence is why a service has no backend.
type Absence struct {
	Why     string // such as "it is stopped"; "" where no such service is known
	Next    string // what its people can do about it, if the router does not know
	Passing bool   // it may be over in seconds, so that asking again is worth it
}

// Backend is one instance that serves requests of a service.
type Backend struct {
	ID      string // unique over the life of the router
	Addr    string // host:port to dial
	Release string // label of the numbers counted; may be ""
}

// Router is an http.Handler; all methods may be called concurrently.
type Router struct {
	opts  Options
	proxy *httputil.ReverseProxy
	red   *red
	table atomic.Pointer[table]

	mu       sync.Mutex          // serialises changes of the table; never taken by a request that is forwarded
	backends map[string]*backend // by ID: in the table, or retired with requests in flight
}

// table is immutable: a change stores a new one.
type table struct {
	routes map[string]*route // by "service.environment"
}

// route is one version of what is known of a service in an environment.
type route struct {
	service, environment string

	backends []*backend
	held     bool
	replaced chan struct{} // closed when a newer version is in the table
	shared   *shared
}

// shared lives as long as the service is routed, over all versions of its route.
type shared struct {
	waiting  atomic.Int64  // requests that wait for a backend
	rotation atomic.Uint64 // where the next search for the least busy backend starts
}

// New returns a router without any service.
func New(opts Options) *Router {
	if len(opts.Domains) == 0 {
		opts.Domains = []string{"localhost"}
	}
	opts.HoldTimeout = cmp.Or(opts.HoldTimeout, 30*time.Second)
	opts.HoldLimit = cmp.Or(opts.HoldLimit, 2048)
	opts.DialTimeout = cmp.Or(opts.DialTimeout, 5*time.Second)
	if opts.Registerer == nil {
		opts.Registerer = prometheus.NewRegistry()
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	r := &Router{opts: opts, red: newRED(opts.Registerer), backends: map[string]*backend{}}
	r.table.Store(&table{routes: map[string]*route{}})
	r.proxy = newProxy(r)
	opts.Registerer.MustRegister(inFlight{r})
	return r
}

// Set replaces the backends of the service. Backends are told apart by ID: one
// that stays keeps its connections and counters, requests in flight on one that
// is gone run to their end. No backends at all is a service that is down.
func (r *Router) Set(service, environment string, backends []Backend) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := make([]*backend, 0, len(backends))
	for _, b := range backends {
		known := r.backends[b.ID]
		if known == nil || known.retired.Load() || known.Backend != b {
			known = newBackend(b, r.opts.DialTimeout, r.red.numbers(service, environment, b.Release))
			known.onIdle = func() { r.forget(known) }
		}
		next = append(next, known)
	}
	r.change(service, environment, func(rt *route) { rt.backends = next })
	r.red.retain(service, environment, next)
}

// Hold makes requests of the service that find no backend wait for one, within
// the limits of Options and of the client's patience, until Hold(…, false).
// Without it they are refused at once.
func (r *Router) Hold(service, environment string, held bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.change(service, environment, func(rt *route) { rt.held = held })
}

// Drain takes the backend out of its service, if Set has not done so, and
// returns nil when no request is in flight on it. An unknown backend is idle.
// When the context ends first the error says how many requests were left.
func (r *Router) Drain(ctx context.Context, id string) error {
	r.mu.Lock()
	b := r.backends[id]
	if b == nil {
		r.mu.Unlock()
		return nil
	}
	for _, rt := range r.table.Load().routes {
		if i := slices.Index(rt.backends, b); i >= 0 {
			left := slices.Delete(slices.Clone(rt.backends), i, i+1)
			r.change(rt.service, rt.environment, func(rt *route) { rt.backends = left })
		}
	}
	r.mu.Unlock()
	select {
	case <-b.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain backend %s: %d requests still in flight: %w", id, b.inFlight.Load(), context.Cause(ctx))
	}
}

// Forget removes a service that is gone, with its numbers.
func (r *Router) Forget(service, environment string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := service + "." + environment
	old := r.table.Load().routes[name]
	if old == nil {
		return
	}
	r.store(name, old, nil)
	r.red.forget(service, environment)
}

// InFlight gives how many requests run on the backend now.
func (r *Router) InFlight(id string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b := r.backends[id]; b != nil {
		return int(b.inFlight.Load())
	}
	return 0
}

// Host gives the host name, without port, under which the service answers.
func (r *Router) Host(service, environment string) string {
	return service + "." + environment + "." + r.opts.Domains[0]
}

// Serves tells whether the host, with or without port, is one for workloads.
func (r *Router) Serves(host string) bool {
	_, ok := name(host, r.opts.Domains)
	return ok
}

// change stores a new version of the service's route. r.mu is held.
func (r *Router) change(service, environment string, edit func(*route)) {
	name := service + "." + environment
	old := r.table.Load().routes[name]
	rt := &route{service: service, environment: environment, replaced: make(chan struct{})}
	if old != nil {
		rt.backends, rt.held, rt.shared = old.backends, old.held, old.shared
	} else {
		rt.shared = &shared{}
	}
	edit(rt)
	r.store(name, old, rt)
}

// store puts rt, or nothing if it is nil, in the place of old. The order is
// what the requests rely on: a backend is retired only after the table without
// it is visible, so that whoever finds it retired finds a newer table too.
func (r *Router) store(name string, old, rt *route) {
	routes := make(map[string]*route, len(r.table.Load().routes)+1)
	for n, other := range r.table.Load().routes {
		routes[n] = other
	}
	var next []*backend
	if rt == nil {
		delete(routes, name)
	} else {
		routes[name], next = rt, rt.backends
	}
	for _, b := range next {
		r.backends[b.ID] = b
	}
	r.table.Store(&table{routes: routes})
	if old == nil {
		return
	}
	for _, b := range old.backends {
		if !slices.Contains(next, b) {
			b.retire()
			if r.backends[b.ID] == b && b.isIdle() {
				delete(r.backends, b.ID)
			}
		}
	}
	close(old.replaced)
}

// forget drops a retired backend whose last request has ended.
func (r *Router) forget(b *backend) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.backends[b.ID] == b {
		delete(r.backends, b.ID)
	}
}

var _ http.Handler = (*Router)(nil)
