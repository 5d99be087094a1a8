package misuse

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Whoever gives a command too much or too little is told what it takes, and shown
// a line that is right; what Cobra says of it names numbers alone.
func TestArguments(t *testing.T) {
	root := &cobra.Command{Use: "stoa"}
	for use, args := range map[string]cobra.PositionalArgs{
		"scale SERVICE --replicas N": cobra.ExactArgs(1),
		"whoami":                     cobra.NoArgs,
		"get KIND [NAME]":            cobra.RangeArgs(1, 2),
		"set SERVICE KEY":            cobra.ExactArgs(2),
		"git DIR…":                   cobra.MinimumNArgs(1),
		"completion bash|zsh":        cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
	} {
		name, _, _ := strings.Cut(use, " ")
		root.AddCommand(&cobra.Command{Use: use, Args: args, ValidArgs: []string{"bash", "zsh"}, SilenceErrors: true, SilenceUsage: true,
			Example: "  stoa " + name + " as it is right\n  stoa " + name + " otherwise", RunE: func(*cobra.Command, []string) error { return nil }})
	}
	Strict(root)
	for line, want := range map[string]string{
		"scale hello 2":   `"2" is too much: stoa scale takes SERVICE --replicas N`,
		"scale":           "an argument is missing: stoa scale takes SERVICE --replicas N",
		"scale hello":     "",
		"whoami now then": `"now then" is too much: stoa whoami takes nothing but flags`,
		"get":             "an argument is missing: stoa get takes KIND [NAME]",
		"get a b c":       `"c" is too much: stoa get takes KIND [NAME]`,
		"set a":           "an argument is missing: stoa set takes SERVICE KEY",
		"git":             "an argument is missing: stoa git takes DIR…",
		"git a b c":       "",
		"completion":      "an argument is missing: stoa completion takes bash|zsh",
		"completion tcsh": `"tcsh" is not what is asked for: stoa completion takes bash|zsh`,
	} {
		root.SetArgs(strings.Fields(line))
		err := root.Execute()
		var told *problem.Problem
		if !errors.As(err, &told) {
			if err != nil || want != "" {
				t.Errorf("stoa %s: %v, want %q", line, err, want)
			}
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		next := strings.Join(told.Next, "\n")
		if told.Kind != problem.Invalid || told.Title != want || next != "stoa "+name+" as it is right\nstoa "+name+" --help" {
			t.Errorf("stoa %s: %s %q, next %q; want %q", line, told.Kind, told.Title, next, want)
		}
	}
}
