package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/terminal"
	"github.com/stoa-platform/stoa/internal/problem"
)

// maxAnswer bounds what is read of a secret from stdin.
const maxAnswer = 1 << 20

// readAll reads a secret from stdin: all of it but the last line break.
func (c *Command) readAll() (string, error) {
	raw, err := io.ReadAll(io.LimitReader(c.In, maxAnswer+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read standard input: %w", err)
	case len(raw) > maxAnswer:
		return "", problem.New(problem.TooLarge, "more than %d KiB came on standard input", maxAnswer>>10)
	}
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if text == "" {
		return "", problem.New(problem.Invalid, "nothing came on standard input")
	}
	return text, nil
}

// askLine asks a person a question. With nobody there it is wrong usage;
// instead says how to do without.
func (c *Command) askLine(ctx context.Context, question, instead string) (string, error) {
	if !terminal.Is(c.In) {
		return "", usage("%s cannot be asked: this is no terminal; %s", strings.ToLower(question), instead)
	}
	fmt.Fprint(c.Err, question+": ")
	line, err := interruptible(ctx, c.readLine)
	if errors.Is(err, io.EOF) {
		return "", problem.New(problem.Invalid, "no answer came")
	}
	return line, err
}

// readLine reads what a person types up to Enter. What they type ahead is kept
// for the next question.
func (c *Command) readLine() (string, error) {
	if c.typed == nil {
		c.typed = bufio.NewReader(c.In)
	}
	line, err := c.typed.ReadString('\n')
	return strings.TrimSpace(line), err
}

// asks reports whether there is a person to ask: one who reads what is told and
// can type, and whose command prints nothing that a program reads.
func (c *Command) asks() bool {
	return !c.Structured() && !c.Quiet && terminal.Is(c.In) && terminal.Is(c.Err)
}

// tries is how often a question is put when the answer is none of the options.
const tries = 3

// askOption asks a question with numbered options, of which the first holds
// when nothing is typed. The answer is "" when none came that is an option.
func (c *Command) askOption(ctx context.Context, q client.Question, why []string) (string, error) {
	p := c.Paint()
	fmt.Fprintf(c.Err, "\n  %s\n", p.Bold(terminal.OneLine(q.Text)))
	for _, reason := range why {
		fmt.Fprintf(c.Err, "  %s\n", p.Dim(terminal.OneLine(reason)))
	}
	for i, option := range q.Options {
		fmt.Fprintf(c.Err, "  %3d  %s\n", i+1, terminal.OneLine(option))
	}
	for range tries {
		fmt.Fprintf(c.Err, "  1 to %d, or Enter for %s: ", len(q.Options), terminal.OneLine(q.Options[0]))
		typed, err := interruptible(ctx, c.readLine)
		if err != nil {
			fmt.Fprintln(c.Err)
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return "", err
		}
		if typed == "" {
			return q.Options[0], nil
		}
		if slices.Contains(q.Options, typed) {
			return typed, nil
		}
		if n, err := strconv.Atoi(typed); err == nil && n >= 1 && n <= len(q.Options) {
			return q.Options[n-1], nil
		}
		fmt.Fprintf(c.Err, "  %q is none of them\n", typed)
	}
	return "", nil
}

// askSecret asks for what nobody shall see. The terminal shows again what is
// typed whatever ends the question.
func (c *Command) askSecret(ctx context.Context, question, instead string) (string, error) {
	f, ok := c.In.(*os.File)
	if !ok || !terminal.Is(c.In) {
		return "", usage("%s cannot be asked: this is no terminal; %s", strings.ToLower(question), instead)
	}
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("hide what is typed: %w", err)
	}
	fmt.Fprint(c.Err, question+": ")
	defer func() {
		_ = term.Restore(fd, before) // the terminal may be gone
		fmt.Fprintln(c.Err)
	}()
	return interruptible(ctx, func() (string, error) {
		raw, err := term.ReadPassword(fd)
		if err == nil && len(raw) == 0 {
			err = problem.New(problem.Invalid, "nothing was typed")
		}
		return string(raw), err
	})
}

// interruptible returns when ctx ends, which a read from a terminal does not
// notice.
func interruptible(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := read()
		answered <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-answered:
		return a.text, a.err
	}
}
