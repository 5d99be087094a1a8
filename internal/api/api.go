// Package api is the HTTP face of the platform: objects, verbs, events, the
// ledger. It authenticates, decodes, calls a room and renders; it decides
// nothing. Its description is served at /openapi.json.
package api

import (
	"context"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/source"
	"github.com/stoa-platform/stoa/internal/store"
)

// Sources keeps uploaded sources by digest; package source has it.
type Sources interface {
	Put(ctx context.Context, digest source.Digest, by string, r io.Reader) error
	Open(digest source.Digest) (fs.FS, string, error)
}

// Delivery is what the API needs of the delivery room beside its verbs.
type Delivery interface {
	// MayTake tells whether a source is there for the principal to release.
	MayTake(ctx context.Context, by auth.Principal, digest string) error
	Detect(ctx context.Context, by auth.Principal, digest string, origin *detect.Origin, name string, answers map[string]string) (detect.Result, error)
	Watch(release string) (<-chan progress.Change, func())
	BuildOutput(rel delivery.Release) (io.ReadCloser, error)
}

// Logs reads what workloads print.
type Logs interface {
	Query(ctx context.Context, f logs.Filter) iter.Seq2[logs.Entry, error]
	Follow(ctx context.Context, f logs.Filter) iter.Seq2[logs.Entry, error]
}

// Runtime tells how a service runs now.
type Runtime interface {
	Status(ctx context.Context, key runtime.Key) (runtime.Status, error)
}

// Options are the rooms and engines behind the API.
type Options struct {
	Store    *store.Store
	Pipe     *admission.Pipe
	Auth     *auth.Service
	Verbs    delivery.Verbs
	Delivery Delivery
	Sources  Sources
	Logs     Logs
	Runtime  Runtime
	Ledger   Ledger
	Ingest   Ingester
	Admin    Admin
	Usage    Usage
	Measures Measures
	Secrets  Secrets
	Access   Access
	Webhooks Webhooks
	Version  string
	Clock    func() time.Time
	Logger   *slog.Logger
	// Ready says whether the platform can do its work; nil error is ready.
	Ready func(ctx context.Context) error
	// Draining is closed when the platform shuts down: streams end then. Nil
	// never is.
	Draining <-chan struct{}
}

// api carries the options to the handlers.
type api struct {
	Options
	huma huma.API
}

// Limits of what one request may carry and take.
const (
	maxBody    = 64 << 20  // of an apply
	maxObject  = 1 << 20   // of one object
	maxSource  = 256 << 20 // of an uploaded source, compressed
	readLimit  = 30 * time.Second
	sourceTime = 10 * time.Minute
)

// New returns the handler of /api/v1, /events, /webhooks, /openapi.json, /livez and /readyz.
func New(o Options) http.Handler {
	mux := http.NewServeMux()
	config := huma.DefaultConfig("Stoa", o.Version)
	config.Info.Description = "The internal developer platform's API: objects, releases, logs, events and the ledger."
	config.DocsPath, config.OpenAPIPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token":   {Type: "http", Scheme: "bearer", Description: "An API token: stoa token create, or the file admin.token in the platform's data folder."},
		"session": {Type: "apiKey", In: "cookie", Name: "stoa_session"},
	}
	config.Security = []map[string][]string{{"token": {}}, {"session": {}}}
	useProblems()
	a := &api{Options: o, huma: humago.New(mux, config)}
	a.huma.UseMiddleware(a.authenticate, a.knownQuery)

	a.systemRoutes(mux)
	a.aboutRoutes()
	a.sessionRoutes()
	a.objectRoutes()
	a.releaseRoutes()
	a.serviceRoutes()
	a.secretRoutes()
	a.accessRoutes()
	a.eventRoutes()
	a.webhookRoutes()
	a.ledgerRoutes()
	a.measureRoutes()
	a.meRoutes()
	mux.Handle("GET /openapi.json", a.openAPI())
	mux.HandleFunc("/", a.notFound)
	return a.guard(mux)
}

// register adds an operation with what all of them share.
func register[I, O any](a *api, op huma.Operation, handler func(context.Context, *I) (*O, error)) {
	if op.BodyReadTimeout == 0 {
		op.BodyReadTimeout = readLimit
	}
	if op.MaxBodyBytes == 0 {
		op.MaxBodyBytes = maxObject
	}
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, a.told(ctx, err)
		}
		return out, nil
	})
}

// by says who makes the request, through the API unless the client names its surface.
func by(ctx context.Context, reason string) delivery.By {
	r := requestOf(ctx)
	return delivery.By{Principal: r.principal, Surface: r.surface, Capability: r.capability, Reason: reason}
}

// reads asks the permission table whether the caller may read the kind.
func (a *api) reads(ctx context.Context, verb auth.Verb, kind object.Kind, owner string) error {
	return auth.Allowed(requestOf(ctx).principal, verb, kind, owner).Err()
}

// readsAny asks whether the caller may read at all, for what is of no one kind.
// All roles may; a token may have been made for less.
func (a *api) readsAny(ctx context.Context) error {
	return a.reads(ctx, auth.Read, object.Kind{}, "")
}
