// Package clone brings a repository's newest commits into a folder that is gone
// after the command.
package clone

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

var address = regexp.MustCompile(`^(https?|ssh|git|file)://|^[\w.-]+@[\w.-]+:`)

// IsAddress reports whether a text is a Git address rather than a folder.
func IsAddress(text string) bool { return address.MatchString(text) }

// Make clones the repository at an address and gives the folder, named as the
// repository is, and what removes it. What Git refuses is a problem.Failed.
func Make(ctx context.Context, address string) (dir string, cleanup func(), err error) {
	temp, err := os.MkdirTemp("", "stoa-clone-")
	if err != nil {
		return "", nil, err
	}
	cleanup = func() { _ = os.RemoveAll(temp) }
	dir = filepath.Join(temp, strings.TrimSuffix(filepath.Base(address), ".git"))
	// Ninety days of history would be enough to tell who works on it; Git can
	// only be asked for a number of commits.
	cmd := exec.CommandContext(ctx, "git", "clone", "--quiet", "--depth", "200", "--", address, dir)
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0")
	var told bytes.Buffer
	cmd.Stderr = &told
	if err := cmd.Run(); err != nil {
		cleanup()
		return "", nil, problem.New(problem.Failed, "cannot clone %s", address).
			Because(strings.TrimSpace(told.String())).Do("git clone " + address + "    shows what Git needs").Cause(err)
	}
	return dir, cleanup, nil
}
