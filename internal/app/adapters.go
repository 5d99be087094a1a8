package app

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/route"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/secret"
	"github.com/stoa-platform/stoa/internal/source"
)

// Engines do not know each other; these say in one's words what the other said.

// routing lets the runtime speak to the router.
type routing struct{ *route.Router }

func (r routing) Set(key runtime.Key, backends []runtime.Backend) {
	told := make([]route.Backend, len(backends))
	for i, b := range backends {
		told[i] = route.Backend{ID: b.ID, Addr: b.Addr, Release: b.Release}
	}
	r.Router.Set(key.Service, key.Environment, told)
}

func (r routing) Hold(key runtime.Key, held bool) {
	r.Router.Hold(key.Service, key.Environment, held)
}

// absent says to whoever asks for a service why nothing answers: in what state it is,
// and nothing of what its logs say, since anybody may ask.
func absent(ctx context.Context, r object.Reader, service, environment string) route.Absence {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := object.Get[catalog.Service](ctx, r, service)
	if problem.Is(err, problem.NotFound) {
		return route.Absence{}
	}
	if err != nil {
		return route.Absence{Why: "its state cannot be read now", Passing: true}
	}
	at, released := s.Status.Environments[environment]
	if _, named := s.Spec.Environments[environment]; !named && !released {
		return route.Absence{}
	}
	switch {
	case at.Release == "" && at.State == catalog.StateFailed:
		return route.Absence{Why: "its first release failed", Next: "stoa describe release " + at.Failed}
	case at.Release == "":
		return route.Absence{Why: "no release has come to it yet", Passing: true}
	case at.State == catalog.StateStopped:
		return route.Absence{Why: "it is stopped", Next: "stoa scale " + service + " --replicas 1 --env " + environment}
	case at.State == catalog.StateRunning:
		return route.Absence{Why: "its instances start, or are replaced", Passing: true}
	}
	return route.Absence{Why: "it is " + at.State, Passing: true}
}

// logging lets the runtime write logs, in which the values of a service's
// secrets are masked.
type logging struct {
	store *logs.Store
	masks sync.Map // runtime.Key → *secret.Redactor
}

// confide tells what to mask in what the service prints from its next start on;
// nil masks nothing.
func (l *logging) confide(key runtime.Key, mask *secret.Redactor) {
	if mask == nil {
		l.masks.Delete(key)
		return
	}
	l.masks.Store(key, mask)
}

// Open begins the log of one stream of an instance. The further processes of a
// service have its secrets too.
func (l *logging) Open(key runtime.Key, release, instance, stream string) io.WriteCloser {
	w := l.store.Writer(key.Service, key.Environment, release, instance, stream)
	service, _ := key.Parts()
	mask, ok := l.masks.Load(runtime.Key{Service: service, Environment: key.Environment})
	if !ok {
		return w
	}
	return masking{mask.(*secret.Redactor).Writer(w), w}
}

// Dropped accounts for output that never came.
func (m masking) Dropped(bytes int64) {
	if counter, ok := m.below.(runtime.DropCounter); ok {
		counter.Dropped(bytes)
	}
}

// masking closes the log behind the mask as well.
type masking struct {
	io.WriteCloser
	below io.Closer
}

// Close shows what is left and closes both.
func (m masking) Close() error { return errors.Join(m.WriteCloser.Close(), m.below.Close()) }

// forget deletes what is kept of a deleted service outside of the database, so
// that whoever takes its name finds nothing of it.
func (p *Platform) forget(service, environment string) error {
	p.router.Forget(service, environment)
	return p.logs.Remove(service, environment)
}

// sourcing lets delivery read sources by the text of their digest.
type sourcing struct{ *source.Store }

func (s sourcing) Files(digest string) (fs.FS, string, error) {
	d, err := source.ParseDigest(digest)
	if err != nil {
		return nil, "", problem.New(problem.Invalid, "%q is no digest of a source", digest).Cause(err)
	}
	return s.Open(d)
}

func (s sourcing) From(digest, by string) bool {
	d, err := source.ParseDigest(digest)
	return err == nil && s.HasFrom(d, by)
}

// using turns calls of the API into uses of capabilities.
type using struct {
	usage *event.Usage
}

func (u using) Record(use event.Use) { u.usage.Record(use) }

func (using) Capability(operation string) string { return capability(operation) }

func (u using) Note(_ context.Context, p auth.Principal, operation, surface string) {
	u.usage.Record(event.Use{Actor: p.Name, Team: p.Using(""), Capability: capability(operation), Surface: surface, Bot: p.Bot})
}

func (u using) NoteService(_ context.Context, p auth.Principal, capability, team, service, environment, surface string) {
	u.usage.Record(event.Use{Actor: p.Name, Team: p.Using(team), Capability: capability, Service: service, Environment: environment, Surface: surface, Bot: p.Bot})
}

// teamOf names the team that owns a service, "" when the catalog has none.
func (p *Platform) teamOf(ctx context.Context, service string) (string, error) {
	s, err := p.store.Get(ctx, "Service", service) // every event asks: what is not needed is not decoded
	if problem.Is(err, problem.NotFound) {
		return "", nil
	}
	return s.Owner, err
}
