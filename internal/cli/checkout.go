package cli

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

// gitAddress matches what is a Git address rather than a folder.
var gitAddress = regexp.MustCompile(`^(https?|ssh|git|file)://|^[\w.-]+@[\w.-]+:`)

// checkout gives the folder to deploy: the one named, or a clone of the
// repository named, which cleanup removes.
func (c *Command) checkout(ctx context.Context, args []string) (dir string, cleanup func(), err error) {
	cleanup = func() {}
	if len(args) == 0 || !gitAddress.MatchString(args[0]) {
		dir, err = folder(args)
		return dir, cleanup, err
	}
	address := args[0]
	temp, err := os.MkdirTemp("", "stoa-clone-")
	if err != nil {
		return "", cleanup, err
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
		return "", func() {}, problem.New(problem.Failed, "cannot clone %s", address).
			Because(strings.TrimSpace(told.String())).Do("git clone " + address + "    shows what Git needs").Cause(err)
	}
	return dir, cleanup, nil
}
