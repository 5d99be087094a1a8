package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

// The exit codes, stable from the first day.
const (
	ExitDone       = 0
	ExitFailed     = 1
	ExitUsage      = 2
	ExitRefused    = 3
	ExitNotFound   = 4
	ExitNotAllowed = 5
)

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// Unwrap gives the error below.
func (u usageError) Unwrap() error { return u.error }

// usage returns a usageError.
func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// exitCode maps an error to its code.
func exitCode(err error) int {
	var u usageError
	if errors.As(err, &u) {
		return ExitUsage
	}
	switch problem.From(err).Kind {
	case problem.Refused:
		return ExitRefused
	case problem.NotFound:
		return ExitNotFound
	case problem.Forbidden, problem.Unauthenticated:
		return ExitNotAllowed
	default:
		return ExitFailed
	}
}

// fail tells the error on stderr and returns the exit code.
func (c *Command) fail(ctx context.Context, cmd *cobra.Command, err error) int {
	code := exitCode(err)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return code // interrupted by the person, who knows
	}
	var p *problem.Problem
	if !errors.As(err, &p) {
		kind := problem.Failed
		if code == ExitUsage {
			kind = problem.Invalid
		}
		p = &problem.Problem{Kind: kind, Title: err.Error()}
		if code == ExitUsage && cmd != nil {
			p.Next = []string{cmd.CommandPath() + " --help"}
		}
	}
	if c.json() {
		encode := json.NewEncoder(c.Err)
		encode.SetIndent("", "  ")
		_ = encode.Encode(p)
		return code
	}
	fmt.Fprint(c.Err, renderProblem(p, c.paint()))
	return code
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

// renderProblem gives a problem in Stoa's voice: what, why, next, who, docs.
func renderProblem(p *problem.Problem, paint terminal.Paint) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", paint.Bad(word(p.Kind)+":"), p.Title)
	section := func(label string, lines []string) {
		for i, line := range lines {
			if i > 0 {
				label = ""
			}
			fmt.Fprintf(&b, "  %s %s\n", paint.Dim(fmt.Sprintf("%-6s", label)), line)
		}
	}
	var fields []string
	for _, f := range p.Fields {
		fields = append(fields, f.String())
	}
	section("field", fields)
	section("why", p.Why)
	section("next", p.Next)
	if p.Decider != "" {
		section("who", []string{"decided by " + p.Decider})
	}
	if p.Docs != "" {
		section("docs", []string{p.Docs})
	}
	return b.String()
}
