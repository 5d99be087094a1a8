// Package misuse says what is wrong with a command line, and what the right form is.
package misuse

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stoa-platform/stoa/internal/cli/ranged"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Error is a command line that cannot be understood.
type Error struct{ error }

// Unwrap gives the error below.
func (e Error) Unwrap() error { return e.error }

// New returns an Error.
func New(format string, args ...any) error { return Error{fmt.Errorf(format, args...)} }

// Strict makes a wrong number of arguments a problem that names what is taken, of
// the command and of all below it.
func Strict(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if check(cmd, args) == nil {
				return nil
			}
			told := problem.New(problem.Invalid, "%s", wrongArguments(cmd, check, args))
			if example, _, _ := strings.Cut(strings.TrimSpace(cmd.Example), "\n"); example != "" {
				told.Do(example)
			}
			return told.Do(cmd.CommandPath() + " --help")
		}
	}
	for _, sub := range cmd.Commands() {
		Strict(sub)
	}
}

// wrongArguments says in which way arguments that do not pass the check are wrong:
// fewer of them pass, or more would.
func wrongArguments(cmd *cobra.Command, check cobra.PositionalArgs, args []string) string {
	takes := cmd.CommandPath() + " takes nothing but flags"
	if _, form, any := strings.Cut(cmd.Use, " "); any {
		takes = cmd.CommandPath() + " takes " + form
	}
	for n := len(args) - 1; n >= 0; n-- {
		if check(cmd, args[:n]) == nil {
			return fmt.Sprintf("%q is too much: %s", strings.Join(args[n:], " "), takes)
		}
	}
	for more := args; len(more) < len(args)+3; {
		if more = append(more[:len(more):len(more)], "x"); check(cmd, more) == nil {
			return "an argument is missing: " + takes
		}
	}
	if len(args) == 0 { // one of a few words
		return "an argument is missing: " + takes
	}
	return fmt.Sprintf("%q is not what is asked for: %s", strings.Join(args, " "), takes)
}

// Unknown tells a word that is no command below cmd, and which may have been meant.
func Unknown(cmd *cobra.Command, word string) error {
	return New("unknown command %q for %q%s", word, cmd.CommandPath(), meant("", nearest(cmd, word)))
}

// Flag adds to the error of an unknown flag what may have been meant, and says of
// a number that is none what is taken.
func Flag(cmd *cobra.Command, err error) error { return Error{flagError(cmd, err)} }

func flagError(cmd *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	var number *strconv.NumError
	var outside ranged.Error
	switch {
	case !errors.As(err, &value):
	case errors.As(err, &outside):
		return fmt.Errorf("--%s %s: %w", value.GetFlag().Name, value.GetValue(), outside)
	case errors.As(err, &number): // which names functions of Go
		return fmt.Errorf("--%s %q: a whole number, such as 3", value.GetFlag().Name, value.GetValue())
	}
	name, unknown := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !unknown {
		return err
	}
	// Cobra measures how near words are for commands only.
	words := &cobra.Command{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			words.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	return fmt.Errorf("%w%s", err, meant("--", nearest(words, name)))
}

func nearest(among *cobra.Command, word string) []string {
	among.SuggestionsMinimumDistance = 2
	return among.SuggestionsFor(word)
}

func meant(prefix string, words []string) string {
	if len(words) == 0 {
		return ""
	}
	return "; did you mean " + prefix + strings.Join(words, " or "+prefix) + "?"
}
