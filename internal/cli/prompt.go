package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

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
	return interruptible(ctx, func() (string, error) {
		line, err := bufio.NewReader(c.In).ReadString('\n')
		if errors.Is(err, io.EOF) {
			return "", problem.New(problem.Invalid, "no answer came")
		}
		return strings.TrimSpace(line), err
	})
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
