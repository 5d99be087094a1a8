package detect

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	gitTimeout = 5 * time.Second // of each question to git
	maxCommits = "5000"          // looked at for the most frequent authors
	maxRecent  = "100"           // looked at for what is new since a release
	gitOutput  = 8 << 20         // bytes of answer kept
)

// ReadOrigin asks git about the checkout that dir lies in. Without git, or
// outside of a checkout, the Origin is empty. A question that git does not
// answer in time is left open.
func ReadOrigin(ctx context.Context, dir string) (Origin, error) {
	var o Origin
	if _, err := exec.LookPath("git"); err != nil {
		return o, nil
	}
	if info, err := os.Stat(dir); err != nil {
		return o, err
	} else if !info.IsDir() {
		return o, &Error{Title: dir + " is not a folder"}
	}
	where, err := git(ctx, dir, "rev-parse", "--show-toplevel", "--show-prefix")
	if err != nil {
		return o, ctx.Err() // not a checkout
	}
	top, prefix, _ := strings.Cut(where, "\n")
	o.Path = strings.TrimSuffix(strings.TrimSpace(prefix), "/")

	var status, authors, recent string
	group, gctx := errgroup.WithContext(ctx)
	ask := func(answer func(string), args ...string) {
		group.Go(func() error {
			if out, err := git(gctx, dir, args...); err == nil {
				answer(out)
			}
			return nil
		})
	}
	ask(func(s string) { recent = s }, "log", "-n", maxRecent, "--format=%H%x00%aN%x00%cI%x00%P%x00%s")
	ask(func(s string) { o.Branch = strings.TrimSpace(s) }, "symbolic-ref", "--quiet", "--short", "HEAD")
	ask(func(s string) { o.Remote = withoutCredentials(strings.TrimSpace(s)) }, "config", "--get", "remote.origin.url")
	ask(func(s string) { status = s }, "status", "--porcelain", "--untracked-files=normal", "--", ".")
	ask(func(s string) { authors = s }, "log", "--since=90.days", "--no-merges", "-n", maxCommits, "--format=%H%x00%aN", "--", ".")
	if err := group.Wait(); err != nil {
		return Origin{}, err
	}
	o.Dirty = strings.TrimSpace(status) != ""
	o.TopAuthors = countAuthors(authors)
	o.readRecent(recent, authors)
	o.readCodeowners(top)
	return o, ctx.Err()
}

// readRecent reads the last commits, of which the first one is checked out, and
// which of them touch the folder.
func (o *Origin) readRecent(commits, touching string) {
	touches := map[string]bool{}
	for line := range strings.SplitSeq(touching, "\n") {
		commit, _, _ := strings.Cut(line, "\x00")
		touches[commit] = true
	}
	for line := range strings.SplitSeq(commits, "\n") {
		fields := strings.SplitN(strings.TrimSpace(line), "\x00", 5)
		if len(fields) != 5 {
			continue
		}
		made, err := time.Parse(time.RFC3339, fields[2])
		if o.Commit == "" {
			o.Commit, o.Author, o.Subject = fields[0], fields[1], fields[4]
			if err == nil {
				o.CommitTime = made.UTC()
			}
		}
		if err == nil {
			o.Recent = append(o.Recent, Commit{fields[0], made.UTC(), strings.Fields(fields[3]), !touches[fields[0]]})
		}
	}
}

func (o *Origin) readCodeowners(top string) {
	for _, name := range codeownersFiles {
		file := filepath.Join(top, filepath.FromSlash(name))
		info, err := os.Lstat(file)
		if err != nil || !info.Mode().IsRegular() || info.Size() > maxManifest {
			continue
		}
		if data, err := os.ReadFile(file); err == nil {
			dir := o.Path
			if dir == "" {
				dir = "."
			}
			o.Codeowners, o.CodeownersSource = ParseCodeowners(name, data).of(dir)
			return
		}
	}
}

func countAuthors(lines string) []AuthorCount {
	counts := map[string]int{}
	for line := range strings.SplitSeq(lines, "\n") {
		_, name, _ := strings.Cut(line, "\x00")
		if name = strings.TrimSpace(name); name != "" {
			counts[name]++
		}
	}
	var all []AuthorCount
	for _, name := range sortedKeys(counts) {
		all = append(all, AuthorCount{name, counts[name]})
	}
	slices.SortStableFunc(all, func(a, b AuthorCount) int { return b.Commits - a.Commits })
	return all[:min(len(all), 10)]
}

// withoutCredentials drops what a remote's address may hold of secrets.
func withoutCredentials(remote string) string {
	u, err := url.Parse(remote)
	if err != nil || u.Host == "" {
		return remote // host:path of SSH, or a folder
	}
	if u.User != nil {
		u.User = nil
	}
	u.RawQuery = ""
	return u.String()
}

// git asks one question. Nothing that the checkout configures is run for it,
// nothing is written, fetched or asked of a person.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull, "-c", "log.showSignature=false"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_PAGER=cat", "LC_ALL=C")
	cmd.WaitDelay = time.Second
	out := &limited{left: gitOutput}
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return "", err
	}
	return out.kept.String(), nil
}

// limited keeps so much of what is written and no more.
type limited struct {
	kept bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("more output than is kept")
	}
	return l.kept.Write(p)
}
