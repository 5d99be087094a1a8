package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stoa-platform/stoa/internal/cli/ranged"
)

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		},
	}
	var examples []string
	for _, sub := range commands {
		cmd.AddCommand(sub)
		first, _, _ := strings.Cut(sub.Example, "\n")
		examples = append(examples, first)
	}
	cmd.Example = strings.Join(examples, "\n")
	return cmd
}

// strict makes wrong numbers of arguments wrong usage, everywhere.
func strict(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage("%v: %s", err, cmd.UseLine())
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		strict(sub)
	}
}

func unknownCommand(cmd *cobra.Command, word string) error {
	return usage("unknown command %q for %q%s", word, cmd.CommandPath(), meant("", nearest(cmd, word)))
}

// nearestFlag adds to the error of an unknown flag what may have been meant, and
// says of a number that is none what is taken.
func nearestFlag(cmd *cobra.Command, err error) error {
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
