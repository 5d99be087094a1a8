// Package problem holds the few kinds of error that Stoa tells a person.
//
// Everything that can go wrong in front of a user is a *Problem: what was
// wrong, why, the exact next step, who decides. The API renders it as
// RFC 9457 problem+json, the CLI as text, the portal beside the field. Any
// other error is a fault of Stoa itself: it is logged once at the edge and
// told as Internal, without its insides.
package problem

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what a caller may do about a problem. Callers branch on the kind
// and on nothing else.
type Kind string

// The kinds. The API maps each to one HTTP status, the CLI to one exit code.
const (
	Invalid         Kind = "invalid"         // the request is wrong; the same again fails again
	NotFound        Kind = "not-found"       // no such thing
	Conflict        Kind = "conflict"        // somebody else changed it; read again and retry
	Unauthenticated Kind = "unauthenticated" // nobody known is asking
	Forbidden       Kind = "forbidden"       // the role does not permit it
	Refused         Kind = "refused"         // a gate said no
	TooLarge        Kind = "too-large"       // over a limit of size
	TooMany         Kind = "too-many"        // over a limit of rate; wait and retry
	Failed          Kind = "failed"          // the work was tried and did not succeed (a build, a rollout)
	Unavailable     Kind = "unavailable"     // not now; retry later
	Internal        Kind = "internal"        // a fault of Stoa
)

// Problem is an error made for a person.
type Problem struct {
	Kind  Kind   `json:"kind"`
	Title string `json:"title"` // what went wrong, in one sentence with its numbers
	// Why holds the reasons, one line each: the rule and who set it, the last
	// lines of a log, what was looked for.
	Why []string `json:"why,omitempty"`
	// Next holds what to do, one exact command or action a line.
	Next []string `json:"next,omitempty"`
	// Decider names who can decide otherwise, such as "@platform".
	Decider string `json:"decider,omitempty"`
	// Docs is the path of the page that explains it, such as "/docs/quotas".
	Docs string `json:"docs,omitempty"`
	// Fields names each wrong field of the input.
	Fields []Field `json:"fields,omitempty"`
	// Verdicts holds what the gates said, when Kind is Refused.
	Verdicts []Verdict `json:"verdicts,omitempty"`
	// Question is what only a person can answer; the same request with the
	// answer goes on. Set by few.
	Question *Question `json:"question,omitempty"`
	// RetryAfter is the time in seconds after which a retry makes sense; 0 is unknown.
	RetryAfter int `json:"retryAfter,omitempty"`
	// Wanted is, when Kind is Forbidden and the permission table decided, the verb
	// and the kind that are not allowed, such as "logs Service". It goes into the
	// ledger, so it holds nothing that anybody wrote.
	Wanted string `json:"-"`
	// Counted says that the refusal is on its way into the ledger.
	Counted bool `json:"-"`

	cause error
}

// Field is one wrong field of an input.
type Field struct {
	Path    string `json:"path"`             // dotted, such as "spec.environments.dev.replicas"
	Line    int    `json:"line,omitempty"`   // 1-based line of the file, 0 when not from a file
	Source  string `json:"source,omitempty"` // the file or document, such as "services.yaml" or "document 3"
	Message string `json:"message"`
}

// Question is the one thing that is asked when all inference has failed.
type Question struct {
	ID      string   `json:"id"`    // names it in the answer, such as "team"
	Field   string   `json:"field"` // what is asked for
	Text    string   `json:"text"`
	Options []string `json:"options"` // the answers that are possible
}

// Ask is the problem (Invalid) that a question is left. answer is what to type before
// an option instead of answering, such as "stoa up --team ".
func Ask(q Question, answer string) *Problem {
	p := New(Invalid, "%s", q.Text)
	p.Question = &q
	for _, option := range q.Options {
		p.Do(answer + option)
	}
	return p
}

// Verdict is what one gate said of a change.
type Verdict struct {
	Gate    string   `json:"gate"`    // "quota/payments"
	Outcome string   `json:"outcome"` // Allow, Warn, NeedsApproval or Deny
	Message string   `json:"message,omitempty"`
	Why     []string `json:"why,omitempty"`
	Next    []string `json:"next,omitempty"`
	Decider string   `json:"decider,omitempty"`
	Docs    string   `json:"docs,omitempty"`
	// Used, Limit and Requested are the numbers of a quota, in Unit; absent otherwise.
	Used      *float64 `json:"used,omitempty"`
	Limit     *float64 `json:"limit,omitempty"`
	Requested *float64 `json:"requested,omitempty"`
	Unit      string   `json:"unit,omitempty"`
	// Exception names the Exception that lifted this verdict, if one did.
	Exception string `json:"exception,omitempty"`
}

// The outcomes of a verdict.
const (
	Allow         = "allow"
	Warn          = "warn"
	NeedsApproval = "needs-approval"
	Deny          = "deny"
)

// Blocks reports whether the verdict stands in the way of the change.
func (v Verdict) Blocks() bool { return v.Outcome == Deny || v.Outcome == NeedsApproval }

// AlsoBlocked gives the verdicts that stand in the way besides the first, which is
// told by the problem's own title.
func (p *Problem) AlsoBlocked() []Verdict {
	var all []Verdict
	for _, v := range p.Verdicts {
		if v.Blocks() {
			all = append(all, v)
		}
	}
	if len(all) < 2 {
		return nil
	}
	return all[1:]
}

// Error gives the title and the reasons in one line.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Title)
	for _, f := range p.Fields {
		b.WriteString("; ")
		b.WriteString(f.String())
	}
	if len(p.Why) > 0 {
		b.WriteString(": ")
		b.WriteString(strings.Join(p.Why, "; "))
	}
	return b.String()
}

// Unwrap gives the error below, for logs; it is never shown to a user.
func (p *Problem) Unwrap() error { return p.cause }

// String gives "line 4: spec.port: must be at most 65535".
func (f Field) String() string {
	var b strings.Builder
	if f.Source != "" {
		b.WriteString(f.Source)
		if f.Line > 0 {
			fmt.Fprintf(&b, ":%d", f.Line)
		}
		b.WriteString(": ")
	} else if f.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.Line)
	}
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.Message)
	return b.String()
}

// New returns a problem of the kind with a formatted title. A %w in the format
// keeps the wrapped error for logs.
func New(kind Kind, format string, args ...any) *Problem {
	err := fmt.Errorf(format, args...)
	return &Problem{Kind: kind, Title: err.Error(), cause: errors.Unwrap(err)}
}

// Because adds reasons, one line each.
func (p *Problem) Because(why ...string) *Problem { p.Why = append(p.Why, why...); return p }

// Do adds what to do next, one command or action a line.
func (p *Problem) Do(next ...string) *Problem { p.Next = append(p.Next, next...); return p }

// ExplainedAt names the page that explains it.
func (p *Problem) ExplainedAt(page string) *Problem { p.Docs = page; return p }

// WithFields adds wrong fields.
func (p *Problem) WithFields(fields ...Field) *Problem {
	p.Fields = append(p.Fields, fields...)
	return p
}

// Cause keeps err below the problem, for logs.
func (p *Problem) Cause(err error) *Problem { p.cause = err; return p }

// From returns the problem in err's chain. For any other error it returns an
// Internal one that does not show err's text but keeps it as its cause.
func From(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{
		Kind:  Internal,
		Title: "Stoa failed to do this",
		Next:  []string{"try again; if it stays, give the platform team the request id"},
		cause: err,
	}
}

// Is reports whether err's chain holds a problem of the kind.
func Is(err error, kind Kind) bool {
	var p *Problem
	return errors.As(err, &p) && p.Kind == kind
}
