// Package again keeps the command line that was given, to tell it with something
// added: the platform knows neither the folder nor the flags, and without them
// what it tells to run next would run on the folder that one happens to stand in.
package again

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stoa-platform/stoa/client"
)

// Line is a command line. The zero Line completes nothing.
type Line struct {
	path  string
	args  []string
	flags []givenFlag
}

type givenFlag struct{ name, text string }

// Of keeps the command line, without what only says how it is shown and
// without a token.
func Of(cmd *cobra.Command, args []string) Line {
	l := Line{path: cmd.CommandPath(), args: args}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if several, ok := f.Value.(pflag.SliceValue); ok {
			values = several.GetSlice()
		}
		for _, value := range values {
			switch {
			case slices.Contains([]string{"output", "quiet", "token"}, f.Name):
			case f.Value.Type() == "bool":
				l.flags = append(l.flags, givenFlag{f.Name, "--" + f.Name})
			default:
				l.flags = append(l.flags, givenFlag{f.Name, "--" + f.Name + " " + shellWord(value)})
			}
		}
	})
	return l
}

// With gives the line with an ending in place of the flags that are left out.
func (l Line) With(ending string, without ...string) string {
	words := []string{l.path}
	for _, arg := range l.args {
		words = append(words, shellWord(arg))
	}
	for _, f := range l.flags {
		if !slices.Contains(without, f.name) {
			words = append(words, f.text)
		}
	}
	return strings.Join(words, " ") + ending
}

// whole turns "stoa up --team payments", as the platform tells it, into the
// whole line.
func (l Line) whole(line string) string {
	rest, ok := strings.CutPrefix(line, l.path+" ")
	if !ok || l.path == "" {
		return line
	}
	if flag, ok := strings.CutPrefix(strings.TrimSpace(rest), "without --"); ok {
		return l.With("    without --"+flag, flag)
	}
	if !strings.HasPrefix(rest, "--") {
		return line
	}
	var replaced []string
	for _, word := range strings.Fields(rest) {
		if flag, ok := strings.CutPrefix(word, "--"); ok && flag != "answer" { // each answers another question
			replaced = append(replaced, flag)
		}
	}
	return l.With(" "+rest, replaced...)
}

// Complete completes what a problem says to do next.
func (l Line) Complete(err error) {
	var told *client.Problem
	if !errors.As(err, &told) {
		return
	}
	for i, line := range told.Next {
		told.Next[i] = l.whole(line)
	}
}

// shellWord makes one word of a shell of any text.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@=,+%", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
