package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

// ProblemKind says what a caller may do about a problem. Branch on the kind, or
// on the HTTP status, and on nothing else.
type ProblemKind string

// The kinds of problem.
const (
	Invalid         ProblemKind = "invalid"         // the request is wrong; the same again fails again
	NotFound        ProblemKind = "not-found"       // no such thing
	Conflict        ProblemKind = "conflict"        // somebody else changed it; read again and retry
	Unauthenticated ProblemKind = "unauthenticated" // nobody known is asking
	Forbidden       ProblemKind = "forbidden"       // the role does not permit it
	Refused         ProblemKind = "refused"         // a gate said no: see Verdicts
	TooLarge        ProblemKind = "too-large"       // over a limit of size
	TooMany         ProblemKind = "too-many"        // over a limit of rate; wait and retry
	Failed          ProblemKind = "failed"          // the work was tried and did not succeed (a build, a rollout)
	Unavailable     ProblemKind = "unavailable"     // not now, or nobody answers; retry later
	Internal        ProblemKind = "internal"        // a fault of the platform
)

// Problem is an error as the platform tells it (RFC 9457): what was wrong, why,
// what to do next, who decides.
type Problem struct {
	// Type is "about:blank#" and the kind, Status the HTTP status, Instance the
	// request's id. They are empty in the problem of a release, and in those
	// that this package makes itself: when no platform answers, or a stream
	// that was to be imported cannot be read.
	Type     string `json:"type,omitempty"`
	Status   int    `json:"status,omitempty"`
	Instance string `json:"instance,omitempty"`

	Kind  ProblemKind `json:"kind"`
	Title string      `json:"title"` // what went wrong, in one sentence
	// Why holds the reasons, one line each.
	Why []string `json:"why,omitempty"`
	// Next holds what to do, one exact command or action a line.
	Next []string `json:"next,omitempty"`
	// Decider names who can decide otherwise, such as "@platform"; may be empty.
	Decider string `json:"decider,omitempty"`
	// Docs is the path of the page that explains it; may be empty.
	Docs string `json:"docs,omitempty"`
	// Fields names each wrong field of the input.
	Fields []Field `json:"fields,omitempty"`
	// Verdicts holds what the gates said, when Kind is Refused.
	Verdicts []Verdict `json:"verdicts,omitempty"`
	// Question is what only a person can answer, nil if nothing is asked; the
	// same request with the answer goes on.
	Question *Question `json:"question,omitempty"`
	// RetryAfter is after how many seconds a retry makes sense; 0 is unknown.
	RetryAfter int `json:"retryAfter,omitempty"`

	cause error
}

// Field is one wrong field of an input.
type Field struct {
	Path    string `json:"path"`             // dotted, such as "spec.replicas"; of a parameter "query.after"
	Line    int    `json:"line,omitempty"`   // 1-based line of the file; 0 when not from a file
	Source  string `json:"source,omitempty"` // the file or document, such as "services.yaml" or "event 3"
	Message string `json:"message"`
}

// Question is the one thing that is asked when nothing else tells.
type Question struct {
	ID      string   `json:"id"`    // names it in ReleaseSpec.Answers, such as "team"
	Field   string   `json:"field"` // what is asked for
	Text    string   `json:"text"`
	Options []string `json:"options"` // the answers that are possible
}

// The outcomes of a verdict.
const (
	Allow         = "allow"
	Warn          = "warn"
	NeedsApproval = "needs-approval"
	Deny          = "deny"
)

// Verdict is what one gate said of a change.
type Verdict struct {
	Gate    string   `json:"gate"`    // "quota/payments"
	Outcome string   `json:"outcome"` // Allow, Warn, NeedsApproval or Deny
	Message string   `json:"message,omitempty"`
	Why     []string `json:"why,omitempty"`
	Next    []string `json:"next,omitempty"`
	Decider string   `json:"decider,omitempty"`
	Docs    string   `json:"docs,omitempty"`
	// Used, Limit and Requested are the numbers of a quota, in Unit; nil otherwise.
	Used      *float64 `json:"used,omitempty"`
	Limit     *float64 `json:"limit,omitempty"`
	Requested *float64 `json:"requested,omitempty"`
	Unit      string   `json:"unit,omitempty"`
	// Exception names the Exception that lifted this verdict; empty if none did.
	Exception string `json:"exception,omitempty"`
}

// Is reports whether err's chain holds a problem of the kind.
func Is(err error, kind ProblemKind) bool {
	var p *Problem
	return errors.As(err, &p) && p.Kind == kind
}

// Error gives the title and the reasons in one line.
func (p *Problem) Error() string { return p.house().Error() }

// Unwrap gives the error below, such as one of the network; may be nil.
func (p *Problem) Unwrap() error { return p.cause }

// As lets errors.As find the problem as Stoa's own code knows it: so the
// command line treats what an API tells like what goes wrong by itself. It is
// all that this package knows of the house, a struct that depends on nothing,
// and none of it shows in what this package exports.
func (p *Problem) As(target any) bool {
	found, ok := target.(**problem.Problem)
	if ok {
		*found = p.house()
	}
	return ok
}

// house gives the problem as the house has it.
func (p *Problem) house() *problem.Problem {
	out := &problem.Problem{
		Kind: problem.Kind(p.Kind), Title: p.Title, Why: p.Why, Next: p.Next, Decider: p.Decider, Docs: p.Docs,
		Question: (*problem.Question)(p.Question), RetryAfter: p.RetryAfter,
	}
	for _, f := range p.Fields {
		out.Fields = append(out.Fields, problem.Field(f))
	}
	for _, v := range p.Verdicts {
		out.Verdicts = append(out.Verdicts, problem.Verdict(v))
	}
	return out.Cause(p)
}

// decodeProblem reads a refusal. One that is not of Stoa, such as a proxy's,
// keeps its status and its first words.
func decodeProblem(response *http.Response) error {
	raw, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20)) // what came is all there is to tell
	p := &Problem{}
	if strings.HasPrefix(response.Header.Get("Content-Type"), "application/problem+json") && json.Unmarshal(raw, p) == nil && p.Title != "" {
		if p.Kind == Internal {
			p.Why = append(p.Why, "request "+response.Header.Get("X-Request-Id"))
		}
		return p
	}
	kind := Internal
	switch response.StatusCode {
	case http.StatusNotFound:
		kind = NotFound
	case http.StatusUnauthorized:
		kind = Unauthenticated
	case http.StatusForbidden:
		kind = Forbidden
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		kind = Unavailable
	}
	request := response.Request
	p = &Problem{Status: response.StatusCode, Kind: kind, Title: request.Method + " " + request.URL.Path + " answered " + response.Status}
	words := strings.TrimSpace(string(raw))
	if len(words) > 200 {
		words = words[:200] + "…"
	}
	switch {
	case words != "":
		p.Why = []string{words}
	case kind == Unauthenticated: // what answers HEAD has no body to say so
		p.Title, p.Next = "nobody is signed in", []string{"stoa login"}
		if request.Header.Get("Authorization") != "" {
			p.Title = "the token is not valid here: it is unknown, revoked or has expired"
		}
	}
	return p
}
