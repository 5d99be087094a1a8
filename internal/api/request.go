package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/auth"
)

// request is what is known of the request that is served.
type request struct {
	id         string
	principal  auth.Principal
	surface    string
	operation  string
	capability string // what it is a use of
	noted      bool   // its handler has counted the use, since it knows of which service
	draining   <-chan struct{}
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	if r, ok := ctx.Value(requestKey{}).(*request); ok {
		return r
	}
	return &request{}
}

// guard gives every request an id and bounds what cannot be trusted.
func (a *api) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if len(id) == 0 || len(id) > 64 || strings.IndexFunc(id, notPlain) >= 0 {
			id = rand.Text()
		}
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		surface := "api"
		if s := r.Header.Get("X-Stoa-Surface"); s == "cli" || s == "portal" {
			surface = s
		}
		ctx := context.WithValue(r.Context(), requestKey{}, &request{id: id, surface: surface, draining: a.Draining})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

func notPlain(r rune) bool { return r <= ' ' || r > '~' }

// authenticate is the first step of the way in. An operation with an empty
// list of security requirements is open to everybody.
func (a *api) authenticate(ctx huma.Context, next func(huma.Context)) {
	if op := ctx.Operation(); op.Security != nil && len(op.Security) == 0 {
		next(ctx)
		return
	}
	r := requestFrom(ctx)
	principal, err := a.Auth.Authenticate(r)
	if err != nil {
		writeProblem(ctx.BodyWriter(), func(k, v string) { ctx.SetHeader(k, v) }, ctx.SetStatus, a.told(ctx.Context(), err))
		return
	}
	known, operation := requestOf(ctx.Context()), ctx.Operation().OperationID
	known.principal, known.operation = principal, operation
	if a.Usage != nil {
		known.capability = a.Usage.Capability(operation)
	}
	next(ctx)
	// Who was refused, or asked for what there is not, used nothing.
	if a.Usage != nil && !known.noted && ctx.Status() < http.StatusBadRequest {
		a.Usage.Note(ctx.Context(), principal, operation, known.surface)
	}
}
