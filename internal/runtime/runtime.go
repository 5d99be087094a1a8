// Package runtime says what it means to run a workload.
//
// A Runtime takes the built artifact of one release of a service in one
// environment and keeps it running: it starts the instances, observes what
// they really do (which socket is bound, which path answers), switches the
// router over, supervises, and restarts. Package process runs workloads as
// processes of this machine; whatever implements Runtime passes the suite in
// package runtimetest.
//
// The package declares the narrow interfaces that a runtime needs of the
// other engines (Router, Logs), so that it depends on none of them.
package runtime

import (
	"context"
	"io"
	"strings"
)

// Key names what is run: one service in one environment. At most one release
// of a key serves at a time.
type Key struct {
	Service     string `json:"service"`
	Environment string `json:"environment"`
}

// String gives "service.environment", as in the host name of the service.
func (k Key) String() string { return k.Service + "." + k.Environment }

// Beside is the key of a further process, which runs beside the one that serves. A
// colon cannot be in a service's name, so it is no other service's.
func (k Key) Beside(process string) Key {
	k.Service += ":" + process
	return k
}

// Parts gives the service and, of the key of a further process, its name.
func (k Key) Parts() (service, process string) {
	service, process, _ = strings.Cut(k.Service, ":")
	return service, process
}

// Runtime runs workloads. All methods may be called concurrently; calls that
// change the same Key take turns.
type Runtime interface {
	// Apply makes the workload run and returns what was observed.
	//
	// A new release is rolled out: start the new instances, wait until all
	// are healthy, switch the router, drain the old instances, stop them.
	// Apply is idempotent: the same workload, already healthy, is left alone;
	// where only Replicas differs instances are added or taken away; where
	// only Restart differs all instances are replaced.
	//
	// A rollout that fails leaves the previous release serving and returns a
	// *StartError with the reason and the last lines of output. A context that
	// ends before the switch aborts the new instances and leaves the old ones;
	// after the switch the rollout is complete, and a context that ends only
	// makes Apply return before the old instances are drained.
	//
	// The observer may be nil. It is called from one goroutine at a time and
	// never after Apply has returned.
	Apply(ctx context.Context, w Workload, observe Observer) (Observed, error)

	// Run runs the workload's command once, to its end, beside what serves: a
	// migration before a rollout. It returns a *StartError with the last lines
	// when the command cannot be started or ends in failure, and the context's
	// error after it has killed it. It runs at least once, not exactly once: who
	// is killed in between runs it again.
	Run(ctx context.Context, w Workload) error

	// Remove takes the key out of the router and stops all its instances.
	// A key that does not run is not an error.
	Remove(ctx context.Context, key Key) error

	// Status tells how the key runs now, and what runs beside it, or ErrNotFound.
	Status(ctx context.Context, key Key) (Status, error)

	// Close stops everything that the runtime runs, if it is its lifetime
	// that the workloads are bound to. It returns within a bounded time: what
	// has not stopped when the context ends is killed. Every later call
	// returns ErrClosed.
	Close(ctx context.Context) error
}

// Backend is one instance that serves requests.
type Backend struct {
	ID      string // unique over the life of the router
	Addr    string // host:port to dial
	Release string // what it runs
}

// Router sends the requests of a key to its backends. Its methods other than
// Drain return at once.
type Router interface {
	// Set replaces the backends of the key. Requests in flight on a backend
	// that is gone run to their end.
	Set(key Key, backends []Backend)
	// Hold makes requests of the key that find no backend wait for one, up to
	// a limit of the router, until Hold(key, false). Without it they fail.
	Hold(key Key, held bool)
	// Drain returns nil when no request is in flight on the backend, which
	// Set has taken out before, or the context's error.
	Drain(ctx context.Context, backendID string) error
}

// Streams of a process that are logged.
const (
	Stdout = "stdout"
	Stderr = "stderr"
)

// Logs keeps the output of instances.
type Logs interface {
	// Open begins the log of one stream of one instance. A slow writer never
	// slows the workload: what it cannot take is dropped, and it is told how
	// much if it is a DropCounter.
	Open(key Key, release, instance, stream string) io.WriteCloser
}

// DropCounter is implemented by a log writer that wants to account for output
// which was lost because it could not keep up. A writer that does not
// implement it is sent a line saying so instead.
type DropCounter interface {
	Dropped(bytes int64)
}
