// Package portal is the platform's face for people in a browser: pages over the
// same rooms as the API, every change through the same admission. Pages read and
// forms work without a script; what is live comes by server-sent events.
package portal

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/adoption"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/metrics"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/assets"
	"github.com/stoa-platform/stoa/internal/portal/insight"
	"github.com/stoa-platform/stoa/internal/portal/manual"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/store"
)

// Objects reads what is declared, with its history.
type Objects interface {
	object.Reader
	Count(ctx context.Context, q object.Query) (int64, error)
	// History gives the versions of an object below before, newest first.
	History(ctx context.Context, kind, name string, before int64, limit int) ([]store.Revision, error)
}

// Ledger reads what happened.
type Ledger interface {
	Events(ctx context.Context, f event.Filter) ([]event.Record, error)
	// Persons names the pseudonyms that still have a name.
	Persons(ctx context.Context, pseudonyms ...string) (map[string]string, error)
	// Leaves gives the hashes of up to limit events after a sequence.
	Leaves(ctx context.Context, after int64, limit int) ([]tlog.Hash, error)
	// Appended returns a channel that closes when this process next appends.
	Appended() <-chan struct{}
	// Projections gives how far the summaries have taken in the ledger.
	Projections(ctx context.Context) ([]event.Projection, error)
}

// Seals proves what the ledger holds.
type Seals interface {
	Latest(ctx context.Context) (event.Checkpoint, error)
	ProveInclusion(ctx context.Context, seq int64) (tlog.RecordProof, event.Checkpoint, error)
}

// Doorkeeper signs people in and knows them again; package auth has it.
type Doorkeeper interface {
	Login(ctx context.Context, name, password, addr string) (auth.Session, error)
	Redeem(ctx context.Context, code string) (auth.Session, error)
	Enter(w http.ResponseWriter, r *http.Request, n auth.Session) error
	Logout(w http.ResponseWriter, r *http.Request) error
	Authenticate(r *http.Request) (auth.Principal, error)
}

// Releases tells what happens to a release while it happens, and what its build printed.
type Releases interface {
	Watch(release string) (<-chan progress.Change, func())
	BuildOutput(rel delivery.Release) (io.ReadCloser, error)
}

// Logs reads what workloads print.
type Logs interface {
	Query(ctx context.Context, f logs.Filter) iter.Seq2[logs.Entry, error]
	Follow(ctx context.Context, f logs.Filter) iter.Seq2[logs.Entry, error]
}

// Numbers are the services' requests over time; package metrics has them.
type Numbers interface {
	Traffic(ctx context.Context, q metrics.TrafficQuery) (metrics.Traffic, error)
	Range(ctx context.Context, q metrics.Query) ([]metrics.Series, error)
}

// Runtime tells how a service runs now.
type Runtime interface {
	Status(ctx context.Context, key runtime.Key) (runtime.Status, error)
}

// Access takes requests to join a team; package catalog has it.
type Access interface {
	Ask(ctx context.Context, by auth.Principal, team, reason string) error
}

// Usage counts what people use, off the request's path.
type Usage interface {
	Record(u event.Use)
}

// Measures computes the platform's numbers; measure.Engine has them.
type Measures interface {
	insight.Measures
	Evidence(ctx context.Context, name string, s measure.Scope, after int64, limit int) ([]int64, error)
}

// Options are the rooms and engines behind the portal.
type Options struct {
	Objects  Objects
	Kinds    *object.Registry
	Ledger   Ledger
	Seals    Seals
	Auth     Doorkeeper
	Verbs    delivery.Verbs
	Releases Releases
	Logs     Logs
	Numbers  Numbers
	Runtime  Runtime
	Usage    Usage
	Access   Access
	Measures Measures
	Kept     Kept
	// Tokens lists the tokens of a principal.
	Tokens func(ctx context.Context, by auth.Principal, principal string) ([]auth.Token, error)
	// Milestones gives what a team has reached on its way onto the platform.
	Milestones func(ctx context.Context, team string) ([]adoption.Reached, error)
	Version    string
	Clock      func() time.Time
	Logger     *slog.Logger
}

// Portal serves the pages.
type Portal struct {
	Options
	assets  *assets.Files
	handler http.Handler
	service object.Kind
	manual  func() ([]manual.Document, error) // rendered when it is first asked for
	simulation
	// ended is done when the streams shall end, so that the server can drain.
	ended context.Context
	end   context.CancelFunc
}

// New returns the portal.
func New(o Options) (*Portal, error) {
	files, err := assets.Load()
	if err != nil {
		return nil, err
	}
	p := &Portal{Options: o, assets: files}
	p.manual = sync.OnceValues(func() ([]manual.Document, error) { return manual.Render(o.Version) })
	p.service, _ = o.Kinds.ByName("Service")
	p.ended, p.end = context.WithCancel(context.Background())
	p.handler = p.routes()
	return p, nil
}

// ServeHTTP serves a page, an asset or a stream.
func (p *Portal) ServeHTTP(w http.ResponseWriter, r *http.Request) { p.handler.ServeHTTP(w, r) }

// EndStreams ends what is live; without it the server would wait for every
// browser that looks on.
func (p *Portal) EndStreams() { p.end() }

// routes puts the tables together with what is open to everybody.
func (p *Portal) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+assets.Prefix, p.assets)
	mux.HandleFunc("GET /favicon.ico", p.favicon)
	mux.HandleFunc("GET /signin", p.open(p.signIn))
	mux.HandleFunc("POST /signin", p.open(p.enter))
	mux.HandleFunc("POST /theme", p.open(p.theme))
	mux.HandleFunc("POST /signout", p.open(p.signOut))
	for pattern, serve := range p.streams() {
		mux.HandleFunc(pattern, p.known(serve))
	}
	for pattern, serve := range p.pages() {
		mux.HandleFunc(pattern, p.known(p.recorded(serve)))
	}
	mux.HandleFunc("/", p.known(p.nowhere))
	return p.guard(mux)
}

// streams are what pages bring up to date once they are there.
func (p *Portal) streams() map[string]serve {
	return map[string]serve{
		"GET /services/{name}/live":      p.liveState,
		"GET /services/{name}/logs/live": p.liveLogs,
		"GET /releases/{name}/live":      p.liveRelease,
	}
}

// pages are what people look at and the forms that they send; each is counted.
func (p *Portal) pages() map[string]serve {
	pages := map[string]serve{
		"GET /{$}":                       p.home,
		"GET /search":                    p.search,
		"GET /services":                  p.services,
		"GET /services/{name}":           p.overview,
		"GET /services/{name}/releases":  p.releasesPage,
		"GET /services/{name}/logs":      p.logs,
		"GET /services/{name}/detected":  p.detected,
		"POST /services/{name}/detected": p.decide,
		"GET /services/{name}/settings":  p.settings,
		"POST /services/{name}/settings": p.change,
		"GET /services/{name}/gates":     p.gates,
		"GET /services/{name}/history":   p.history,
		"GET /releases/{name}":           p.release,
		"GET /teams":                     p.teams,
		"GET /teams/{name}":              p.team,
		"POST /teams/{name}/access":      p.ask,
		"GET /me":                        p.me,
		"GET /docs":                      p.documentation,
		"GET /docs/{path...}":            p.document,
		"GET /overview":                  p.overviewPage,
		"GET /adoption":                  p.adoptionPage,
		"GET /delivery":                  p.deliveryPage,
		"GET /journeys":                  p.journeysPage,
		"GET /scorecard":                 p.scorecard,
		"GET /scorecard/later":           p.later,
		"GET /scorecard/targets":         p.targets,
		"POST /scorecard/targets":        p.setTargets,
		"GET /measures":                  p.measures,
		"GET /measures/{name}":           p.measure,
		"GET /audit":                     p.audit,
		"GET /audit/{seq}":               p.event,
	}
	for _, a := range p.actions() {
		pages["GET /services/{name}/"+a.verb] = p.form(a)
		pages["POST /services/{name}/"+a.verb] = p.do(a)
	}
	return pages
}
