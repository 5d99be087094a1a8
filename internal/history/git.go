package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Git reads repositories that lie on a disk.
type Git struct {
	Options
	Dirs []string // folders to look below
	// Branch is the main branch; empty: the one that the remote or HEAD names.
	Branch string
	// Name is the service's name, where there is one repository only.
	Name string

	found map[string]gitRepository
}

// gitRepository is what Read needs to know again.
type gitRepository struct {
	checkout
	tip string // commit at the head of the main branch
}

// List finds every repository below the folders, bare ones too. Inside of a
// repository's own files none is looked for.
func (s *Git) List(ctx context.Context, sink Sink) ([]Repository, error) {
	s.found = map[string]gitRepository{}
	var all []Repository
	places, services := map[string]string{}, map[string]string{}
	for _, dir := range s.Dirs {
		if info, err := os.Stat(dir); err != nil {
			return nil, problem.New(problem.NotFound, "there is no folder %s", dir).Cause(err)
		} else if !info.IsDir() {
			return nil, problem.New(problem.Invalid, "%s is no folder", dir)
		}
		err := walk(dir, sink, func(at string) error {
			r, place, err := s.open(ctx, at)
			var p *problem.Problem
			switch {
			case errors.As(err, &p) && p.Kind == problem.Failed:
				sink.Skipped(at, strings.Join(append([]string{p.Title}, p.Next...), ": "))
				return nil
			case err != nil:
				return err
			case places[place] != "":
				sink.Skipped(at, "it is the same repository as "+places[place])
				return nil
			case services[r.Service] != "":
				sink.Skipped(at, fmt.Sprintf("service %s is read from %s already: read this one by itself, with --name", r.Service, services[r.Service]))
				return nil
			}
			places[place], services[r.Service] = at, at
			all = append(all, r)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	if s.Name != "" && len(all) > 1 {
		return nil, problem.New(problem.Invalid, "%d repositories cannot all be service %s", len(all), s.Name).Do("name one repository, or leave --name out")
	}
	return all, nil
}

// Teams names none: Git knows of people only.
func (s *Git) Teams() []string { return nil }

// walk calls each for every folder that is a repository.
func walk(dir string, sink Sink, each func(string) error) error {
	return filepath.WalkDir(dir, func(at string, entry fs.DirEntry, err error) error {
		if err != nil {
			sink.Skipped(at, err.Error())
			if entry != nil && entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.IsDir() || !isRepository(at) {
			return nil
		}
		if err := each(at); err != nil {
			return err
		}
		return fs.SkipDir
	})
}

func isRepository(dir string) bool {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	return there(".git") || (there("HEAD") && there("objects") && (there("refs") || there("packed-refs")))
}

// unreadable is the problem of one repository that others need not share.
func unreadable(err error, next ...string) error {
	return problem.New(problem.Failed, "%v", err).Do(next...).Cause(err)
}

// open looks at one repository: what it is called, whose it is, where its main
// branch ends. place is the same for all checkouts of one repository.
func (s *Git) open(ctx context.Context, at string) (r Repository, place string, err error) {
	whole, err := filepath.Abs(at)
	if err != nil {
		return r, "", err
	}
	g := gitRepository{checkout: checkout{dir: whole}}
	where, err := g.ask(ctx, "rev-parse", "--path-format=absolute", "--git-common-dir", "--is-shallow-repository")
	if err != nil {
		return r, "", g.failed(err)
	}
	place, shallow, _ := strings.Cut(where, "\n")
	if shallow == "true" {
		return r, "", unreadable(errors.New("its history is cut off (a shallow clone)"), "git -C "+at+" fetch --unshallow")
	}
	if g.tip, err = g.head(ctx, s.Branch); err != nil {
		return r, "", g.failed(err)
	}
	if g.tip == "" && s.Branch != "" {
		return r, "", unreadable(fmt.Errorf("it has no branch %s", s.Branch))
	}
	if g.tip == "" {
		return r, "", unreadable(errors.New("it has no commit yet"))
	}
	roots, err := g.ask(ctx, "rev-list", "--first-parent", "--max-parents=0", g.tip, "--")
	if err != nil {
		return r, "", g.failed(err)
	}
	remote, err := g.ask(ctx, "config", "--get", "remote.origin.url")
	if err != nil && ctx.Err() != nil {
		return r, "", ctx.Err()
	}
	r.URL, r.Path, r.Source = plainRemote(remote), at, sourceOfClones+roots
	name := s.Name
	if name == "" && r.URL != "" {
		name = path.Base(r.URL)
	}
	if name == "" {
		name = filepath.Base(strings.TrimSuffix(g.dir, string(filepath.Separator)+".git"))
	}
	if r.Service = serviceName(name); r.Service == "" {
		return r, "", unreadable(fmt.Errorf("no service can be called %q", name), "read it by itself, with --name")
	}
	r.Name, r.Key = r.Service, r.Service+"@"+roots
	if r.Owner, err = s.owner(ctx, g); err != nil {
		return r, "", g.failed(err)
	}
	s.State.owned(r.Key, r.Owner.Team, s.Now)
	s.found[r.Key] = g
	return r, place, nil
}

// failed says that a repository cannot be read, in git's words.
func (g checkout) failed(err error) error {
	var told *gitError
	if !errors.As(err, &told) {
		return err
	}
	if strings.Contains(told.words, "dubious ownership") {
		return unreadable(errors.New("git refuses it: it belongs to somebody else"), "git config --global --add safe.directory "+g.dir)
	}
	return unreadable(told, "git -C "+g.dir+" fsck")
}

// head gives the commit that the main branch ends in; "" if there is none.
func (g checkout) head(ctx context.Context, branch string) (string, error) {
	names := []string{"refs/remotes/origin/HEAD", "refs/heads/main", "refs/heads/master", "HEAD"}
	if bare, err := g.ask(ctx, "rev-parse", "--is-bare-repository"); err != nil {
		return "", err
	} else if bare == "true" {
		names = []string{"HEAD", "refs/heads/main", "refs/heads/master"}
	}
	if branch != "" {
		names = []string{"refs/remotes/origin/" + branch, "refs/heads/" + branch}
	}
	for _, name := range names {
		id, err := g.ask(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
		if err == nil && commitID.MatchString(id) {
			return id, nil
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
	}
	return "", nil
}

// maxCodeowners is the size in bytes up to which a CODEOWNERS file is read.
const maxCodeowners = 1 << 20

// owner finds the team that the head of the main branch names, or who committed
// most.
func (s *Git) owner(ctx context.Context, g gitRepository) (Owner, error) {
	if s.Team != "" {
		return Owner{Team: s.Team}, nil
	}
	for _, file := range detect.CodeownersPlaces() {
		var text []byte
		err := g.read(ctx, "", func(r io.Reader) (err error) {
			text, err = io.ReadAll(io.LimitReader(r, maxCodeowners))
			return err
		}, "cat-file", "blob", g.tip+":"+file)
		if ctx.Err() != nil {
			return Owner{}, ctx.Err()
		}
		if err != nil {
			continue // it is not there
		}
		if team, line := detect.ParseCodeowners(file, text).Team("."); team != "" {
			return Owner{Team: team, Source: line}, nil
		}
		break
	}
	counts, most, total := map[string]int{}, "", 0
	err := g.read(ctx, "", func(r io.Reader) error {
		return fields(r, 2, maxName, func(f []string) error {
			who := clean(f[0], maxName)
			if counts[who]++; counts[who] > counts[most] || (counts[who] == counts[most] && who < most) {
				most = who
			}
			total++
			return nil
		})
	}, "log", "-z", "--no-merges", "--since="+s.Now.AddDate(0, 0, -90).UTC().Format(time.RFC3339), "-n", "5000", "--format=tformat:%an%x00", g.tip, "--")
	if err != nil || total == 0 {
		return Owner{}, err
	}
	return Owner{Author: most, Source: fmt.Sprintf("%d of %d commits in 90 days", counts[most], total)}, nil
}

// Read hands over what the history of one repository tells.
func (s *Git) Read(ctx context.Context, repo Repository, sink Sink) error {
	g, ok := s.found[repo.Key]
	if !ok {
		return fmt.Errorf("repository %s was not listed", repo.Path)
	}
	r := &reading{Options: s.Options, repo: repo, sink: sink}
	defer r.end()
	deployments, err := r.gitDeployments(ctx, g)
	if err != nil {
		return g.failed(err)
	}
	rules := fmt.Sprintf("%q %v %q %s", s.Branch, s.OnMerge, s.Tags, s.Environment)
	before := r.seen(rules)
	now := &seen{Rules: rules, Tip: g.tip}
	fresh := before.hide(deployments, now)
	if before.Tip != g.tip || fresh {
		if err := r.walk(ctx, g, deployments, before.Tip); err != nil {
			return g.failed(err)
		}
	}
	r.State.change(repo.Key, func(p *progress) { p.Seen = nil }) // until what was told is taken
	r.finish("git", "", nil)
	if r.future == 0 { // else those are told when their time has come
		sink.After(func() { r.State.change(repo.Key, func(p *progress) { p.Seen = now }) })
	}
	return nil
}

// seen gives what was told by the same rules, of all the time that is read.
func (r *reading) seen(rules string) (was seen) {
	if r.State.done(r.repo.Key, "git", r.Since).IsZero() {
		return was
	}
	r.State.look(r.repo.Key, func(p *progress) {
		if p.Seen != nil && p.Seen.Rules == rules {
			was = *p.Seen
		}
	})
	return was
}

// hide marks the deployments that were told before, notes all of them in now,
// and reports whether any is left.
func (s seen) hide(deployments []*deployment, now *seen) (fresh bool) {
	upTo := slices.IndexFunc(deployments, func(d *deployment) bool { return d.change && d.commit == s.Tip })
	for i, d := range deployments {
		if !d.change {
			now.Tags = append(now.Tags, d.id)
		}
		if i <= upTo || slices.Contains(s.Tags, d.id) {
			d.untold = true
		}
		fresh = fresh || !d.untold
	}
	return fresh
}

// matches reports whether a tag counts as a deployment.
func (o Options) matches(tag string) bool {
	if len(o.Tags) == 0 {
		return finished(tag)
	}
	return slices.ContainsFunc(o.Tags, func(pattern string) bool {
		ok, err := path.Match(pattern, tag)
		return err == nil && ok
	})
}
