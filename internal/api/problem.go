package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// statuses maps the kinds of problem to HTTP; it is the only place that does.
var statuses = map[problem.Kind]int{
	problem.Invalid:         http.StatusUnprocessableEntity,
	problem.NotFound:        http.StatusNotFound,
	problem.Conflict:        http.StatusConflict,
	problem.Unauthenticated: http.StatusUnauthorized,
	problem.Forbidden:       http.StatusForbidden,
	problem.Refused:         http.StatusForbidden,
	problem.TooLarge:        http.StatusRequestEntityTooLarge,
	problem.TooMany:         http.StatusTooManyRequests,
	problem.Failed:          http.StatusUnprocessableEntity,
	problem.Unavailable:     http.StatusServiceUnavailable,
	problem.Internal:        http.StatusInternalServerError,
}

// details is a problem on the wire: RFC 9457 with Stoa's members as extensions.
type details struct {
	Type     string `json:"type"`
	Status   int    `json:"status"`
	Instance string `json:"instance,omitempty"` // the request's id
	problem.Problem
}

// Error gives the title.
func (d *details) Error() string { return d.Problem.Error() }

// GetStatus gives the HTTP status.
func (d *details) GetStatus() int { return d.Status }

// ContentType is that of RFC 9457.
func (d *details) ContentType(string) string { return "application/problem+json" }

// Unwrap gives the problem.
func (d *details) Unwrap() error { return &d.Problem }

// GetHeaders adds what a problem says in headers.
func (d *details) GetHeaders() http.Header {
	h := http.Header{}
	if d.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(d.RetryAfter))
	}
	if d.Kind == problem.Unauthenticated {
		h.Set("WWW-Authenticate", `Bearer realm="stoa"`)
	}
	return h
}

// told turns an error into what the client is told, logs it when it is a fault
// of Stoa, and counts it when it is a refusal that admission did not count: of
// a look, or of what is no change of objects.
func (a *api) told(ctx context.Context, err error) *details {
	p := problem.From(err)
	r := requestOf(ctx)
	if use, ok := auth.Refusal(r.principal, p, r.operation); ok && a.Usage != nil {
		use.Capability, use.Surface = r.capability, r.surface
		a.Usage.Record(use)
	}
	p = a.withNames(ctx, p)
	if p.Kind == problem.Internal && ctx.Err() == nil {
		a.Logger.Error("request failed", "request", r.id, "error", err)
	}
	return &details{Type: "about:blank#" + string(p.Kind), Status: statuses[p.Kind], Instance: r.id, Problem: *p}
}

// withNames tells who asked for an object that is not there what they may have
// meant, and what lists those that are.
func (a *api) withNames(ctx context.Context, p *problem.Problem) *problem.Problem {
	var missing object.Missing
	if p.Kind != problem.NotFound || len(p.Next) > 0 || a.Pipe == nil || !errors.As(p, &missing) {
		return p
	}
	kind, ok := a.Pipe.Kinds().ByName(missing.Kind)
	if !ok {
		return p
	}
	told := *p
	if names, err := a.Store.Near(ctx, kind.Name, missing.Name); err == nil { // else it is told without
		if meant := object.Meant(missing.Name, names); meant != "" {
			told.Because(meant)
		}
	}
	return told.Do("stoa get " + kind.Plural + "    lists those there are")
}

// useProblems makes huma render its own errors as problems. Huma keeps the
// function for the whole process, and a process may hold several platforms.
var useProblems = sync.OnceFunc(func() { huma.NewError = humaError })

// humaError renders what huma itself finds wrong with a request.
func humaError(status int, message string, errs ...error) huma.StatusError {
	kind := problem.Invalid
	for k, s := range statuses {
		if s == status && k != problem.Failed && k != problem.Refused {
			kind = k
		}
	}
	if message == "validation failed" {
		message = "the request has a value that cannot be taken"
		if len(errs) > 1 {
			message = fmt.Sprintf("the request has %d values that cannot be taken", len(errs))
		}
	}
	p := problem.New(kind, "%s", message)
	for _, err := range errs {
		var detail *huma.ErrorDetail
		if d, ok := err.(huma.ErrorDetailer); ok {
			detail = d.ErrorDetail()
		}
		if detail == nil {
			p.Because(err.Error())
			continue
		}
		p.WithFields(problem.Field{Path: detail.Location, Message: wrongValue(detail)})
	}
	if len(p.Fields) > 0 {
		p.Do("GET /openapi.json    describes every value")
	}
	return &details{Type: "about:blank#" + string(kind), Status: status, Problem: *p}
}

func writeProblem(w io.Writer, header func(k, v string), status func(int), d *details) {
	for k, v := range d.GetHeaders() {
		header(k, v[0])
	}
	header("Content-Type", d.ContentType(""))
	status(d.Status)
	_ = json.NewEncoder(w).Encode(d) // the client is gone when this fails
}

func (a *api) notFound(w http.ResponseWriter, r *http.Request) {
	p := problem.New(problem.NotFound, "there is no %s %s", r.Method, r.URL.Path).Do("GET /openapi.json    lists what there is")
	writeProblem(w, w.Header().Set, w.WriteHeader, a.told(r.Context(), p))
}
