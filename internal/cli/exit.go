package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/cli/misuse"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/problem"
)

// The exit codes, stable from the first day. Each is of one word that a problem
// begins with, so that a script and a person are told the same.
const (
	ExitDone       = 0
	ExitFailed     = 1
	ExitWrong      = 2 // the command line, a file or a value: the same again fails again
	ExitRefused    = 3
	ExitNotFound   = 4
	ExitNotAllowed = 5
)

// usage returns the error of a command line that cannot be understood.
func usage(format string, args ...any) error { return misuse.New(format, args...) }

// exitCode maps an error to its code.
func exitCode(err error) int {
	var u misuse.Error
	if errors.As(err, &u) {
		return ExitWrong
	}
	switch problem.From(err).Kind {
	case problem.Invalid, problem.TooLarge:
		return ExitWrong
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
		if code == ExitWrong {
			kind = problem.Invalid
		}
		p = &problem.Problem{Kind: kind, Title: err.Error()}
		if code == ExitWrong && cmd != nil {
			p.Next = []string{cmd.CommandPath() + " --help"}
		}
	}
	if c.JSON() {
		encode := json.NewEncoder(c.Err)
		encode.SetIndent("", "  ")
		_ = encode.Encode(p)
		return code
	}
	fmt.Fprint(c.Err, output.Problem(p, c.reached, c.Paint()))
	return code
}
