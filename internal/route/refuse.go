package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

// fail answers a request that no backend did.
func (r *Router) fail(w http.ResponseWriter, req *http.Request, err error) {
	e := req.Context().Value(exchangeKey{}).(*exchange)
	service, environment, _ := strings.Cut(e.name, ".")
	unavailable := errors.Is(err, errNoBackend) || errors.Is(err, errHoldTimeout) || errors.Is(err, errHoldFull)
	var why Absence
	if unavailable {
		why = r.absent(req.Context(), service, environment)
	}
	switch {
	case errors.Is(err, errUnknown), errors.Is(err, errNoBackend) && e.dialErr == nil && why.Why == "" && r.opts.Absent != nil:
		e.status = http.StatusNotFound
		r.refuseUnknown(w, req, e.name)
	case unavailable:
		e.status, e.reason = http.StatusServiceUnavailable, err.Error()
		p := unavailableFor(service, environment, why)
		switch {
		case errors.Is(err, errHoldFull):
			p.Because(fmt.Sprintf("%d requests wait for it already", r.opts.HoldLimit))
		case errors.Is(err, errHoldTimeout):
			p.Because(fmt.Sprintf("none became healthy in %s", r.opts.HoldTimeout))
		case e.dialErr != nil:
			e.reason = "connect"
			p.Because(fmt.Sprintf("%d of its instances did not accept a connection: %v", len(e.tried), e.dialErr))
		}
		answer(w, req, e.status, p)
	case errors.Is(err, context.Canceled):
		// The client has gone: nobody reads the answer. 499 is what nginx
		// counts for it; it is no fault of the service.
		e.status, e.reason = 499, "client_gone"
		w.WriteHeader(http.StatusBadGateway)
	default:
		e.status, e.reason = http.StatusBadGateway, "backend"
		if isDialError(err) {
			e.reason = "connect"
		}
		r.opts.Logger.Debug("forward request", "service", e.name, "err", err)
		answer(w, req, e.status, problem.New(problem.Failed, "%s in %s broke off before it answered", service, environment).
			Because(err.Error()).
			Do("stoa logs "+service+" --env "+environment))
	}
}

// absent asks why the service has no backend; nobody knows where the router was
// given nobody to ask.
func (r *Router) absent(ctx context.Context, service, environment string) Absence {
	if r.opts.Absent == nil {
		return Absence{Passing: true}
	}
	return r.opts.Absent(ctx, service, environment)
}

// unavailableFor says why the service cannot be reached.
func unavailableFor(service, environment string, why Absence) *problem.Problem {
	p := problem.New(problem.Unavailable, "%s has no healthy instance in %s", service, environment)
	if why.Why != "" {
		p.Because(why.Why)
	}
	if why.Next != "" {
		p.Do(why.Next)
	}
	if why.Passing {
		p.RetryAfter = 2
	}
	return p.Do("stoa status "+service+" --env "+environment, "stoa logs "+service+" --env "+environment)
}

// refuseUnknown answers for a host that is not routed: a service that is known
// but was never started is unavailable, anything else is not found.
func (r *Router) refuseUnknown(w http.ResponseWriter, req *http.Request, name string) {
	service, environment, _ := strings.Cut(name, ".")
	if name != "" && r.opts.Absent != nil {
		if why := r.opts.Absent(req.Context(), service, environment); why.Why != "" {
			answer(w, req, http.StatusServiceUnavailable, unavailableFor(service, environment, why))
			return
		}
	}
	r.red.unknownHost.Inc()
	if name == "" {
		answer(w, req, http.StatusNotFound, problem.New(problem.NotFound, "the host %q names no service", clip(req.Host)).
			Because("a service answers at "+r.Host("<service>", "<environment>")).
			Do("stoa get services"))
		return
	}
	p := problem.New(problem.NotFound, "there is no service %q in environment %q", clip(service), clip(environment))
	for _, near := range nearest(name, slices.Collect(maps.Keys(r.table.Load().routes)), 3) {
		p.Because("did you mean " + near + "." + r.opts.Domains[0] + "?")
	}
	answer(w, req, http.StatusNotFound, p.Do("stoa get services"))
}

// clip bounds what is repeated of a request.
func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// answer writes the problem as a page to a browser and as problem+json
// (RFC 9457) to everything else.
func answer(w http.ResponseWriter, req *http.Request, status int, p *problem.Problem) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if strings.Contains(req.Header.Get("Accept"), "text/html") {
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		w.WriteHeader(status)
		_ = page.Execute(w, struct {
			Status int
			*problem.Problem
		}{status, p})
		return
	}
	h.Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Status int `json:"status"`
		*problem.Problem
	}{status, p})
}

var page = template.Must(template.New("problem").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{.Status}} {{.Title}}</title>
<style>
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:12vh auto 0;padding:0 1.5rem}
h1{font-size:1.4rem}p.status{opacity:.75;margin:0}
code{display:block;padding:.5rem .75rem;margin:.25rem 0;border:1px solid #8886;border-radius:.4rem}
</style></head><body><main>
<p class="status">{{.Status}}{{if .RetryAfter}}, worth trying again in {{.RetryAfter}} s{{end}}</p>
<h1>{{.Title}}</h1>
{{range .Why}}<p>{{.}}</p>{{end}}
{{with .Next}}<h2 style="font-size:1rem">Next</h2>{{range .}}<code>{{.}}</code>{{end}}{{end}}
</main></body></html>
`))
