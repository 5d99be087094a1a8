package history

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// checkout asks git about one repository. Nothing that the repository
// configures is run for it; nothing is written, fetched or asked of a person.
type checkout struct{ dir string } // absolute

// command makes a git command. Which repository is meant is said by dir alone,
// whatever the environment holds.
func (g checkout) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "git", append([]string{
		"--no-pager", "--no-replace-objects", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull,
		"-c", "log.showSignature=false", "-c", "log.mailmap=false",
	}, args...)...)
	cmd.Dir = g.dir
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "GIT_") || strings.HasPrefix(entry, "GIT_CONFIG_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none",
		"GIT_CEILING_DIRECTORIES="+filepath.Dir(g.dir), "LC_ALL=C")
	cmd.WaitDelay = time.Second
	return cmd
}

// ask gives git's whole answer, which is short.
func (g checkout) ask(ctx context.Context, args ...string) (string, error) {
	var out string
	err := g.read(ctx, "", func(r io.Reader) error {
		const most = 8 << 20
		raw, err := io.ReadAll(io.LimitReader(r, most+1))
		if len(raw) > most {
			return fmt.Errorf("git %s answers with more than %d MiB", args[0], most>>20)
		}
		out = strings.TrimRight(string(raw), "\n")
		return err
	}, args...)
	return out, err
}

// errEnough ends the reading of an answer early.
var errEnough = errors.New("enough was read")

// read hands git's answer on while it comes.
func (g checkout) read(ctx context.Context, stdin string, each func(io.Reader) error, args ...string) error {
	running, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := g.command(running, args...)
	told := &tail{}
	cmd.Stderr = told
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return problem.New(problem.Unavailable, "git is not installed").Do("install git, then try again").Cause(err)
		}
		return err
	}
	read := each(out)
	if read != nil {
		cancel() // git would wait for somebody to read the rest
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(read, errEnough):
		return nil
	case read != nil:
		return read
	case err != nil:
		return &gitError{words: told.text(), cause: err}
	}
	return nil
}

// gitError is what git says when it cannot answer.
type gitError struct {
	words string
	cause error
}

// Error gives git's own words.
func (e *gitError) Error() string {
	if e.words == "" {
		return "git: " + e.cause.Error()
	}
	return e.words
}

// Unwrap gives the error of the process.
func (e *gitError) Unwrap() error { return e.cause }

// tail keeps the last of what is written.
type tail struct{ kept []byte }

// Write keeps at most the last 4 KiB.
func (t *tail) Write(p []byte) (int, error) {
	const most = 4 << 10
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - most; over > 0 {
		t.kept = bytes.Clone(t.kept[over:])
	}
	return len(p), nil
}

// text gives the first line that says what is wrong, without the folder's name.
func (t *tail) text() string {
	line := ""
	for l := range strings.Lines(string(t.kept)) {
		l = strings.TrimSpace(l)
		if line == "" || strings.HasPrefix(l, "fatal:") {
			line = l
		}
	}
	return clean(line, 500)
}

// fields reads an answer that consists of fields, each ended by a NUL, calling
// each for every so many of them. Of a field longer than limit only its
// beginning is kept.
func fields(r io.Reader, n, limit int, each func([]string) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	record := make([]string, 0, n)
	var field []byte
	for {
		part, err := in.ReadSlice(0)
		if room := limit - len(field); room > 0 {
			field = append(field, part[:min(room, len(part))]...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF):
			return nil // what is not complete is git's failure, which its exit tells
		case err != nil:
			return err
		}
		record, field = append(record, string(bytes.TrimSuffix(field, []byte{0}))), field[:0]
		if len(record) == n {
			if err := each(record); err != nil {
				return err
			}
			record = record[:0]
		}
	}
}
