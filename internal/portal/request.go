package portal

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/portal/assets"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/problem"
)

// visit is one request with what is known of it.
type visit struct {
	*http.Request
	w         http.ResponseWriter
	id        string
	principal auth.Principal // zero on the pages that are open to all
	use       event.Use      // what the visit counts as, see recorded
}

// serve answers a visit. An error becomes a page that explains it.
type serve func(v *visit) error

type requestID struct{}

// policy lets a page load what the portal itself serves and nothing else: no
// script or style of a page's own, no frame around it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// maxForm bounds what a form may carry.
const maxForm = 1 << 20

// guard gives every request an id and every answer its protective headers.
func (p *Portal) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()
		h := w.Header()
		h.Set("X-Request-Id", id)
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestID{}, id)))
	})
}

func (p *Portal) visit(w http.ResponseWriter, r *http.Request) *visit {
	id, _ := r.Context().Value(requestID{}).(string)
	return &visit{Request: r, w: w, id: id}
}

// open serves who nobody knows.
func (p *Portal) open(next serve) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := p.visit(w, r)
		err := v.form()
		if err == nil {
			err = next(v)
		}
		if err != nil {
			p.fail(v, err)
		}
	}
}

// known serves who is signed in and may read, and leads who is nobody to the door.
// Everybody with an account may; a token may have been made for less.
func (p *Portal) known(next serve) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := p.visit(w, r)
		principal, err := p.Auth.Authenticate(r)
		if problem.Is(err, problem.Unauthenticated) && wantsPage(r) {
			http.Redirect(w, r, page.Link("/signin", "next", back(r)), http.StatusSeeOther)
			return
		}
		if err == nil {
			v.principal, v.use.Capability = principal, surface
			err = auth.Allowed(principal, auth.Read, object.Kind{}, "").Err()
		}
		if err == nil {
			err = v.form()
		}
		if err == nil {
			err = next(v)
		}
		if err != nil {
			p.fail(v, err)
		}
	}
}

// form reads what was sent. A form of which a part is missing is refused whole:
// its fields would read as if they had been left empty.
func (v *visit) form() error {
	if v.Method != http.MethodPost {
		return nil
	}
	err := v.ParseForm()
	if err == nil {
		return nil
	}
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		return problem.New(problem.TooLarge, "the form has more than %d bytes", large.Limit).Do("go back and shorten what you wrote").Cause(err)
	}
	return problem.New(problem.Invalid, "the form did not arrive whole").
		Because("the connection broke off or was too slow, or what was sent is no form").Do("go back and send it again").Cause(err)
}

func wantsPage(r *http.Request) bool {
	return r.Method == http.MethodGet && !strings.Contains(r.Header.Get("Accept"), "text/event-stream")
}

// back is where to go after signing in: the page that was asked for.
func back(r *http.Request) string {
	if r.URL.Path == "/" && r.URL.RawQuery == "" {
		return ""
	}
	return r.URL.RequestURI()
}

// local keeps an address that leads within the portal, else gives "/".
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n") {
		return "/"
	}
	return next
}

// ofNumbers are the entries of the menu whose pages show what summaries say.
var ofNumbers = []string{"overview", "scorecard", "adoption", "delivery", "journeys", "teams"}

// frame is what is around every page.
func (p *Portal) frame(v *visit, title, active string) page.Frame {
	f := page.Frame{
		Title: title, Active: active, Theme: theme(v.Request), Here: v.URL.RequestURI(), Notice: notices[v.URL.Query().Get("done")],
		Now: p.Clock(), Asset: p.assets.URL, Version: p.Version, Request: v.id,
		Simulated: v.principal.Name != "" && p.simulated(v.Context()),
	}
	if slices.Contains(ofNumbers, active) {
		f.Shortfalls = p.shortfalls(v.Context())
	}
	if v.principal.Name != "" {
		f.User = &page.User{Name: page.Person(v.principal.Name), Role: strings.ReplaceAll(string(v.principal.Platform), "-", " "), Teams: v.teams()}
	}
	return f
}

// shortfalls say why numbers are not of all that happened. Where that cannot be
// found out the page has other troubles, and says them.
func (p *Portal) shortfalls(ctx context.Context) []string {
	projections, err := p.Ledger.Projections(ctx)
	if err != nil {
		return nil
	}
	return event.Shortfalls(projections)
}

// teams are the visitor's own, in order.
func (v *visit) teams() []string {
	var names []string
	for name := range v.principal.Teams {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// by says who acts, through this door, what that is a use of, and why.
func (v *visit) by(capability, reason string) delivery.By {
	return delivery.By{Principal: v.principal, Surface: surface, Capability: capability, Reason: strings.TrimSpace(reason)}
}

const surface = "portal"

// recorded counts every visit that was answered with what it came for. It is a
// look at a page unless the page says in v.use what else it is: "logs", "audit",
// "deploy" or "catalog" for what is done with those, through whatever door, or ""
// for what is no page at all.
func (p *Portal) recorded(next serve) serve {
	return func(v *visit) error {
		v.use = event.Use{Actor: v.principal.Name, Team: v.principal.Using(""), Capability: "portal", Surface: surface, Bot: v.principal.Bot}
		err := next(v)
		if err == nil && v.use.Capability != "" {
			p.Usage.Record(v.use)
		}
		return err
	}
}

// of says whose and what the visit is about.
func (v *visit) of(team, service, environment string) {
	v.use.Team, v.use.Service, v.use.Environment = v.principal.Using(team), service, environment
}

func loopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// render writes a page. It is made whole before a byte is sent: half a page is
// never seen, and what goes wrong still becomes a page.
func (p *Portal) render(v *visit, status int, what templ.Component) error {
	var whole bytes.Buffer
	if err := what.Render(v.Context(), &whole); err != nil {
		return err
	}
	return p.write(v, status, "text/html; charset=utf-8", whole.Bytes())
}

// write sends a whole body, compressed where that pays and the client takes it.
func (p *Portal) write(v *visit, status int, kind string, body []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Vary", "Accept-Encoding")
	if len(body) > 1400 && assets.Accepts(v.Request, "gzip") {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed) // the level is a valid one
		_, _ = z.Write(body)                                 // a buffer takes all
		_ = z.Close()
		body = packed.Bytes()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(status)
	_, _ = v.w.Write(body) // the client is gone when this fails
	return nil
}

// go303 leads the browser on after a form, so that reloading sends it not again.
func (v *visit) go303(to string) error {
	http.Redirect(v.w, v.Request, to, http.StatusSeeOther)
	return nil
}

// statuses maps the kinds of problem to HTTP, as the API does.
var statuses = map[problem.Kind]int{
	problem.Invalid: http.StatusUnprocessableEntity, problem.NotFound: http.StatusNotFound, problem.Conflict: http.StatusConflict,
	problem.Unauthenticated: http.StatusUnauthorized, problem.Forbidden: http.StatusForbidden, problem.Refused: http.StatusForbidden,
	problem.TooLarge: http.StatusRequestEntityTooLarge, problem.TooMany: http.StatusTooManyRequests, problem.Failed: http.StatusUnprocessableEntity,
	problem.Unavailable: http.StatusServiceUnavailable, problem.Internal: http.StatusInternalServerError,
}

var headings = map[problem.Kind]string{
	problem.NotFound: "There is no such page", problem.Forbidden: "You may not see this", problem.Refused: "Refused",
	problem.Unauthenticated: "Sign in first", problem.Internal: "Stoa failed", problem.Unavailable: "Not now", problem.Invalid: "That cannot be",
}

// told turns an error into what the person is told, logs what is Stoa's fault,
// and counts a refusal that admission did not count: of a page, mostly.
func (p *Portal) told(v *visit, err error) *problem.Problem {
	told := problem.From(err)
	if use, ok := auth.Refusal(v.principal, told, v.Pattern); ok {
		use.Capability, use.Surface = v.use.Capability, surface
		if verb, _, _ := strings.Cut(use.Refused, " "); verb == string(auth.Logs) || verb == string(auth.Audit) {
			use.Capability = verb // a page that is not shown is none of the portal's
		}
		p.Usage.Record(use)
	}
	if told.Kind == problem.Internal && v.Context().Err() == nil {
		p.Logger.ErrorContext(v.Context(), "page failed", "request", v.id, "path", v.URL.Path, "error", err)
	}
	return told
}

// fail answers with a page that explains the error.
func (p *Portal) fail(v *visit, err error) {
	told := p.told(v, err)
	heading := headings[told.Kind]
	if heading == "" {
		heading = "That did not work"
	}
	f := page.Failure{Frame: p.frame(v, heading, ""), Heading: heading}
	f.Problem = told
	if told.Kind == problem.Invalid && v.Method == http.MethodGet && v.URL.RawQuery != "" {
		f.Plain = v.URL.Path // a page needs nothing of its query
	}
	if told.RetryAfter > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(told.RetryAfter))
	}
	if err := p.render(v, statuses[told.Kind], page.FailurePage(f)); err != nil {
		p.Logger.ErrorContext(v.Context(), "page of a failure failed", "request", v.id, "error", err)
		http.Error(v.w, told.Title, http.StatusInternalServerError)
	}
}

func (p *Portal) nowhere(v *visit) error {
	return problem.New(problem.NotFound, "there is no page %s", v.URL.Path).Because("it may have been renamed or deleted").
		Do("look for it by name: Ctrl K or the search above")
}

func (p *Portal) favicon(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, p.assets.URL("stoa.svg"), http.StatusFound)
}
