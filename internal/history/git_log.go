package history

import (
	"bufio"
	"context"
	"io"
	"slices"
	"strings"
	"time"
)

// Sizes of what is kept of a commit, in bytes.
const (
	maxMessage = 16 << 10
	shownID    = 12 // letters of an id where people read it
)

// gitDeployments are the tags, or the changes of the main branch, that count as
// deployments, of all times.
func (r *reading) gitDeployments(ctx context.Context, g gitRepository) ([]*deployment, error) {
	if r.OnMerge {
		return r.chain(ctx, g)
	}
	var all []*deployment
	err := g.read(ctx, "", func(in io.Reader) error {
		return lines(in, func(line string) error {
			f := strings.Split(line, "\x00")
			if len(f) != 6 {
				return nil
			}
			name, commit := strings.TrimPrefix(f[0], "refs/tags/"), f[1]
			if f[3] != "" {
				commit = f[3] // an annotated tag: what it is on
			}
			if !commitID.MatchString(commit) || (f[2] != "commit" && f[4] != "commit") || !r.matches(name) {
				return nil
			}
			all = append(all, r.tag(name, commit, f[5]))
			return nil
		})
	}, "for-each-ref", "--format=%(refname)%00%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)%00%(creatordate:unix) %(taggeremail)", "refs/tags")
	if err != nil {
		return nil, err
	}
	return r.arrange(all), nil
}

// tag makes the deployment of a tag. Who made it stands in made, after when.
func (r *reading) tag(name, commit, made string) *deployment {
	at, email, _ := strings.Cut(made, " ")
	name = clean(name, maxName)
	return &deployment{
		id: r.repo.Service + "/deployed/" + name, at: seconds(at), by: person("git", strings.Trim(email, "<> ")),
		commit: commit, release: name, environment: r.Environment, hotfix: hotfixName.MatchString(name),
	}
}

// arrange drops tags that are other names of the same release, such as v1 for
// v1.2.3, sorts the rest and marks those that came after greater versions.
func (r *reading) arrange(tags []*deployment) []*deployment {
	on := map[string][]string{}
	for _, d := range tags {
		on[d.commit] = append(on[d.commit], d.release)
	}
	var all []*deployment
	for _, d := range tags {
		other := false
		for _, name := range on[d.commit] {
			other = other || strings.HasPrefix(name, d.release+".")
		}
		if !other && !d.at.IsZero() {
			all = append(all, d)
		}
	}
	byTime(all)
	for i, d := range all {
		d.untold = d.at.Before(r.Since)
		d.late = i > 0 && !newer(d.release, all[i-1].release)
	}
	return all
}

// chain makes a deployment of each change of the main branch in the time that
// is read, and of the last one before it.
func (r *reading) chain(ctx context.Context, g gitRepository) ([]*deployment, error) {
	var all []*deployment
	untold := false
	err := g.read(ctx, "", func(in io.Reader) error {
		return fields(in, 4, maxName, func(f []string) error {
			at, before := seconds(f[1]), untold
			if untold = at.Before(r.Since); untold && before {
				return nil
			}
			all = append(all, &deployment{
				id: r.repo.Service + "/deployed/" + f[0], at: at, by: person("git", f[2]), commit: f[0],
				release: f[0][:min(shownID, len(f[0]))], environment: r.Environment, change: true, untold: untold,
			})
			return nil
		})
	}, "log", "-z", "--first-parent", "--format=tformat:%H%x00%ct%x00%ce%x00", g.tip, "--")
	slices.Reverse(all)
	return all, err
}

// merge is a merge of the main branch whose commits are still coming.
type merge struct {
	commit commit
	first  time.Time // when the earliest of them was written
}

// walk goes through the whole history once and tells of it. Of each commit only
// what its parents need is remembered; what needs more than one commit to be
// told is told at the end, when it is sure that nothing is missing. Of the main
// branch nothing is told from the commit until on.
func (r *reading) walk(ctx context.Context, g gitRepository, deployments []*deployment, until string) error {
	tips := []string{g.tip}
	for _, d := range deployments {
		tips = append(tips, d.commit)
	}
	l := newLineage(g.tip, deployments)
	merges, fresh := map[int]*merge{}, true
	err := g.read(ctx, strings.Join(tips, "\n")+"\n", func(in io.Reader) error {
		return fields(in, 6, maxMessage, func(f []string) error {
			c := parseCommit(f)
			if c.id == "" {
				return nil
			}
			landing, main := l.see(c)
			fresh = fresh && (!main || c.id != until)
			switch {
			case main && !fresh:
			case main && !c.merge():
				return r.landed(ctx, c, c.authored)
			case main && !c.committed.Before(r.Since):
				merges[landing] = &merge{c, c.authored}
			case merges[landing] != nil:
				if m := merges[landing]; !c.authored.IsZero() && (m.first.IsZero() || c.authored.Before(m.first)) {
					m.first = c.authored
				}
			}
			return nil
		})
	}, "log", "-z", "--topo-order", "--encoding=UTF-8", "--format=tformat:%H%x00%P%x00%at %ct%x00%ae%x00%ce%x00%B", "--stdin")
	if err != nil {
		return err
	}
	for i := range l.position {
		if m := merges[i]; m != nil {
			if err := r.landed(ctx, m.commit, m.first); err != nil {
				return err
			}
		}
	}
	l.finish(true)
	for _, d := range deployments {
		if d.untold {
			continue
		}
		if err := r.deployed(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// landed tells that a commit came to the main branch.
func (r *reading) landed(ctx context.Context, c commit, first time.Time) error {
	if c.committed.IsZero() {
		return nil
	}
	if first.After(c.committed) {
		first = time.Time{} // a clock was wrong: better none
	}
	return r.merged(ctx, r.repo.Service+"/merged/"+c.id, c.id, c.id, c.committed, first, c.by)
}

// parseCommit reads a commit as walk asks for it.
func parseCommit(f []string) commit {
	c := commit{id: f[0], parents: strings.Fields(f[1]), by: person("git", f[3])}
	if !commitID.MatchString(c.id) {
		return commit{}
	}
	authored, committed, _ := strings.Cut(f[2], " ")
	c.authored, c.committed = seconds(authored), seconds(committed)
	c.readMessage(f[5])
	return c
}

// lines reads an answer line by line.
func lines(r io.Reader, each func(string) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		if err := each(in.Text()); err != nil {
			return err
		}
	}
	return in.Err()
}
