package app

import (
	"context"
	"io"
	"io/fs"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/route"
	"github.com/stoa-platform/stoa/internal/runtime"
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

// logging lets the runtime write logs.
type logging struct{ *logs.Store }

func (l logging) Open(key runtime.Key, release, instance, stream string) io.WriteCloser {
	return l.Writer(key.Service, key.Environment, release, instance, stream)
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

// using turns calls of the API into uses of capabilities.
type using struct {
	usage *event.Usage
}

func (u using) Note(_ context.Context, p auth.Principal, operation, surface string) {
	u.usage.Record(event.Use{Actor: p.Name, Team: onlyTeam(p), Capability: capability(operation), Surface: surface, Bot: p.Bot})
}

func (u using) NoteService(_ context.Context, p auth.Principal, capability, team, service, environment, surface string) {
	u.usage.Record(event.Use{Actor: p.Name, Team: team, Capability: capability, Service: service, Environment: environment, Surface: surface, Bot: p.Bot})
}

func onlyTeam(p auth.Principal) string {
	if len(p.Teams) != 1 {
		return ""
	}
	for team := range p.Teams {
		return team
	}
	return ""
}

// teamOf names the team that owns a service, "" when the catalog has none.
func (p *Platform) teamOf(ctx context.Context, service string) (string, error) {
	s, err := object.Get[catalog.Service](ctx, p.store, service)
	if problem.Is(err, problem.NotFound) {
		return "", nil
	}
	return s.Metadata.Owner, err
}
