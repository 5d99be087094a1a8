package output

import (
	"fmt"
	"strings"

	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Problem gives a problem in Stoa's voice: what, why, next, who, docs; of a refusal
// all that stands in the way, each so. The server is the address of the platform
// that tells it, which has the page that explains it.
func Problem(p *problem.Problem, server string, paint terminal.Paint) string {
	var b strings.Builder
	tell := func(title string, fields, why, next []string, decider, docs string) {
		fmt.Fprintf(&b, "%s %s\n", paint.Bad(word(p.Kind)+":"), terminal.Lines(title))
		section := func(label string, lines []string) {
			for i, line := range lines {
				if i > 0 {
					label = ""
				}
				fmt.Fprintf(&b, "  %s %s\n", paint.Dim(fmt.Sprintf("%-6s", label)), terminal.Lines(line)) // it may quote what a build printed
			}
		}
		section("field", fields)
		section("why", why)
		section("next", next)
		if decider != "" {
			section("who", []string{"decided by " + decider})
		}
		if docs != "" {
			section("docs", []string{pageAt(server, docs)})
		}
	}
	var fields []string
	for _, f := range p.Fields {
		fields = append(fields, f.String())
	}
	tell(p.Title, fields, p.Why, p.Next, p.Decider, p.Docs)
	for _, v := range p.AlsoBlocked() {
		tell(v.Message, nil, v.Why, v.Next, v.Decider, v.Docs)
	}
	return b.String()
}

// word is what a kind of problem is called in front of a person.
func word(kind problem.Kind) string {
	switch kind {
	case problem.Refused:
		return "refused"
	case problem.Forbidden, problem.Unauthenticated:
		return "not allowed"
	case problem.NotFound:
		return "not found"
	case problem.Failed, problem.Internal, problem.Unavailable, problem.Conflict, problem.TooMany:
		return "failed"
	default:
		return "wrong"
	}
}

// pageAt gives the address of a page: one that is told as a path is the platform's.
func pageAt(server, page string) string {
	if !strings.HasPrefix(page, "/") {
		return page
	}
	return strings.TrimSuffix(server, "/") + page
}
