package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

func TestGitTags(t *testing.T) {
	dir := t.TempDir()
	var s imported
	root := s.commit("main", day(500), "begin")
	s.file("CODEOWNERS", "* @acme/payments\n")
	old := s.commit("main", day(400), "before the year", root)
	s.tag("v1.0.0", old, day(390))
	a := s.commit("main", day(100), "a", old)
	b := s.commit("topic", day(95), "b", old)
	b = s.commit("topic", day(94), "b again", b)
	m := s.commit("main", day(90), "Merge branch 'topic'", a, b)
	s.tag("v1.1.0", m, day(80))
	s.tag("v1", m, day(80)) // another name of the same
	s.tag("v1.2.0-rc.1", m, day(79))
	s.tag("docs/v1.1.0", m, day(79)) // of another thing
	h := s.commit("main", day(70), "Merge branch 'hotfix/login' into 'main'", m)
	s.tag("v1.1.1", h, time.Time{}) // lightweight: the commit's time
	c := s.commit("main", day(60), "c", h)
	s.tag("v1.2.0", c, day(59))
	back := s.commit("maintenance", day(58), "a repair of the old line", m)
	s.tag("v1.1.2", back, day(55)) // a lower version, later
	s.tag("v1.0.1", old, day(54))  // a tag that was forgotten
	s.tag("v1.3.0", m, day(50))    // an earlier state under a new version
	future := s.commit("main", now.AddDate(0, 0, 3), "from tomorrow", c)
	s.tag("v2.0.0", future, time.Time{})
	ids := s.into(t, dir, "shop.git")

	src := &Git{Options: options(t), Dirs: []string{dir}}
	c1 := readAll(t, src)
	deployed := c1.facts(t, ".service.")
	type row struct {
		kind, previous, cause, fixes string
		commits                      int
	}
	got := map[string]row{}
	for id, d := range deployed {
		got[strings.TrimPrefix(id, "shop/deployed/")] = row{strings.Split(d.Type, ".")[3], d.Custom.Previous, d.Custom.Cause, d.Custom.Fixes, d.Custom.ChangesCount}
	}
	want := map[string]row{
		"v1.1.0": {"upgraded", "v1.0.0", "", "", 3},
		"v1.1.1": {"upgraded", "v1.1.0", "hotfix", "", 1},
		"v1.2.0": {"upgraded", "v1.1.1", "", "", 1},
		"v1.1.2": {"upgraded", "v1.2.0", "", "", 1},
		"v1.0.1": {"upgraded", "v1.1.2", "", "", 0},
		"v1.3.0": {"rolledback", "v1.0.1", "rollback", "shop/deployed/v1.0.1", 0},
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %+v, want %+v", name, got[name], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d deployments, want %d: %v", len(got), len(want), got)
	}
	d := deployed["shop/deployed/v1.1.0"]
	if !d.At.Equal(day(80)) || !d.Custom.CommitTime.Equal(day(90)) || d.Custom.Commit != ids[m] || d.Environment != "production" || d.Team != "payments" || d.Actor != "git/rel@example.org" {
		t.Errorf("v1.1.0: %+v", d)
	}
	if ch := d.Custom.Changes; len(ch) != 3 || ch[0].Commit != ids[a] || ch[2].Commit != ids[b] { // without the merge
		t.Errorf("changes of v1.1.0: %v", ch)
	}
	if d := deployed["shop/deployed/v1.1.1"]; !d.At.Equal(day(70)) || d.Actor != "git/ann@example.org" {
		t.Errorf("v1.1.1, a lightweight tag: %+v", d)
	}

	merged := c1.facts(t, ".change.merged")
	if len(merged) != 4 { // a, m, h, c
		t.Errorf("%d changes merged: %v", len(merged), merged)
	}
	if m := merged["shop/merged/"+ids[m]]; !m.Custom.FirstCommitTime.Equal(day(95)) || m.Custom.Commit != ids[m.markOf(ids)] {
		t.Errorf("the merge: %+v", m)
	}
	if !slices.ContainsFunc(c1.skipped, func(s string) bool { return strings.Contains(s, "future") }) {
		t.Errorf("nothing is said of the future: %v", c1.skipped)
	}

	// The same again is the same, byte for byte.
	src.Options = options(t)
	c2 := readAll(t, src)
	if len(c1.events) != len(c2.events) {
		t.Fatalf("%d events, then %d", len(c1.events), len(c2.events))
	}
	for i, e := range c1.events {
		if string(e.Data) != string(c2.events[i].Data) || e.ID != c2.events[i].ID {
			t.Errorf("event %d differs: %s, %s", i, e.Data, c2.events[i].Data)
		}
	}
}

// markOf finds the mark of the commit that a fact is about.
func (f told) markOf(ids map[int]string) int {
	for mark, id := range ids {
		if id == f.Custom.Commit {
			return mark
		}
	}
	return 0
}

// A second reading tells what is new since the first, and nothing else.
func TestGitReadsOn(t *testing.T) {
	for _, onMerge := range []bool{false, true} {
		dir := t.TempDir()
		var s imported
		a := s.commit("main", day(100), "a")
		b := s.commit("main", day(90), "b", a)
		s.tag("v1.0.0", b, day(89))
		s.into(t, dir, "shop.git")
		o := options(t)
		o.OnMerge = onMerge
		src := &Git{Options: o, Dirs: []string{dir}}
		first := len(readAll(t, src).events)
		if again := readAll(t, src); len(again.events) != 0 {
			t.Errorf("on merge %v: %d events again", onMerge, len(again.events))
		}

		var more imported
		more.script.WriteString("reset refs/heads/main\nfrom refs/heads/main^0\n\n")
		c := more.commit("main", day(95), "committed long ago, pushed now") // on top of b
		more.tag("v1.1.0", c, day(80))
		more.run(t, filepath.Join(dir, "shop.git"))
		c2 := readAll(t, src)
		if n, d := len(c2.facts(t, ".change.merged")), len(c2.facts(t, ".service.")); n != 1 || d != 1 {
			t.Errorf("on merge %v: %d changes and %d deployments are new", onMerge, n, d)
		}
		for _, d := range c2.facts(t, ".service.") {
			if d.Custom.ChangesCount != 1 || d.Custom.Previous == "" {
				t.Errorf("on merge %v: %+v", onMerge, d.Custom)
			}
		}
		// By other rules, further back, or when told to forget, all is told.
		all := len(c2.events) + first
		src.Environment = "staging"
		if n := len(readAll(t, src).events); n != all {
			t.Errorf("on merge %v: %d events by other rules, not %d", onMerge, n, all)
		}
		src.Since = day(500)
		if n := len(readAll(t, src).events); n != all {
			t.Errorf("on merge %v: %d events further back, not %d", onMerge, n, all)
		}
		src.State.Forget()
		if n := len(readAll(t, src).events); n != all {
			t.Errorf("on merge %v: %d events once all is forgotten, not %d", onMerge, n, all)
		}
	}
}

func TestState(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "state.json")
	open := func(size int64) *State {
		t.Helper()
		s, err := OpenState(path, size)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open(10)
	s.owned("a", "payments", day(9))
	s.owned("a", "payments", day(5))
	s.owned("a", "core", day(3))
	s.answer("a", "deployments/1", "success")
	s.Grown(20)
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	s = open(20)
	for at, want := range map[int]string{100: "payments", 4: "payments", 3: "core", 1: "core"} {
		if got := s.team("a", day(at)); got != want {
			t.Errorf("%d days ago it was %q's", at, got)
		}
	}
	if answer, ok := s.answered("a", "deployments/1"); !ok || answer != "success" {
		t.Errorf("the answer is %q", answer)
	}
	// A ledger that holds less than then has lost what counts as told.
	if _, ok := open(19).answered("a", "deployments/1"); ok {
		t.Error("what the ledger has lost counts as told")
	}
	// What cannot be understood is as if absent.
	if err := os.WriteFile(path, []byte(`{"repositories": {"a": null, "b": {"done": {"x": 1}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := open(20); s.team("a", now) != "" {
		t.Error("damage is believed")
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
}

func TestGitReverts(t *testing.T) {
	testenv.Need(t, "git")
	revert := func(id string) string { return "Revert \"x\"\n\nThis reverts commit " + id + ".\n" }
	// The ids of commits are known only once they are made: make the history in
	// steps, each on top of the one before.
	dir := t.TempDir()
	at := filepath.Join(dir, "shop.git")
	git(t, dir, "init", "--quiet", "--bare", "--initial-branch=main", at)
	tree := git(t, at, "hash-object", "-t", "tree", "-w", "--stdin")
	tip := ""
	make := func(n int, message string) string {
		args := []string{"commit-tree", tree, "-m", message}
		if tip != "" {
			args = append(args, "-p", tip)
		}
		t.Setenv("GIT_AUTHOR_DATE", fmt.Sprint(day(n).Unix(), " +0000"))
		t.Setenv("GIT_COMMITTER_DATE", fmt.Sprint(day(n).Unix(), " +0000"))
		tip = git(t, at, args...)
		git(t, at, "update-ref", "refs/heads/main", tip)
		return tip
	}
	tag := func(name string) { git(t, at, "update-ref", "refs/tags/"+name, tip) }

	make(100, "begin")
	tag("v1.0.0")
	bad := make(90, "bad")
	tag("v1.1.0")
	make(85, "unrelated")
	tag("v1.2.0")
	undo := make(80, revert(bad))
	tag("v1.3.0") // takes back what v1.1.0 brought
	again := make(70, revert(undo))
	tag("v1.4.0") // brings it again: no rollback
	make(60, revert(again[:10]))
	tag("v1.5.0") // takes back what v1.4.0 brought, by a shortened id
	worse := make(50, "worse")
	make(49, revert(worse))
	tag("v1.6.0") // brings and takes back: was never in use
	still := make(40, "still")
	tag("v1.7.0")
	first := make(39, revert(still))
	make(38, revert(first))
	tag("v1.8.0") // takes back and brings again
	make(30, revert(strings.Repeat("ab", 20)))
	tag("v1.9.0") // of a commit that nobody has

	c := readAll(t, &Git{Options: options(t), Dirs: []string{at}})
	got := map[string][2]string{}
	for _, d := range c.facts(t, ".service.") {
		got[d.Custom.Release] = [2]string{d.Custom.Cause, strings.TrimPrefix(d.Custom.Fixes, "shop/deployed/")}
	}
	want := map[string][2]string{
		"v1.0.0": {}, "v1.1.0": {}, "v1.2.0": {}, "v1.3.0": {"rollback", "v1.1.0"}, "v1.4.0": {}, "v1.5.0": {"rollback", "v1.4.0"},
		"v1.6.0": {}, "v1.7.0": {}, "v1.8.0": {}, "v1.9.0": {},
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: cause and fixes %q, want %q", name, got[name], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d deployments: %v", len(got), got)
	}
}

func TestGitOnMerge(t *testing.T) {
	dir := t.TempDir()
	var s imported
	root := s.commit("main", day(400), "begin")
	a := s.commit("main", day(300), "a", root)
	b := s.commit("topic", day(290), "b", root)
	m := s.commit("main", day(280), "Merge branch 'topic'", a, b)
	skewed := s.commit("main", day(500), "a clock was wrong", m)
	c := s.commit("main", day(10), "c", skewed)
	ids := s.into(t, dir, "shop.git")
	o := options(t)
	o.OnMerge = true
	got := readAll(t, &Git{Options: o, Dirs: []string{dir}}).facts(t, ".service.")
	if len(got) != 3 {
		t.Errorf("%d deployments: %v", len(got), got)
	}
	for mark, w := range map[int]int{a: 1, m: 1, c: 1} {
		if d := got["shop/deployed/"+ids[mark]]; d.Custom.ChangesCount != w || d.Custom.Previous == "" {
			t.Errorf("commit %d: %+v, want %d changes", mark, d.Custom, w)
		}
	}
	// When a direct commit was deployed is known by its own time alone, which is no
	// lead time; what a merge brought has one.
	for mark, w := range map[int]int{a: 0, m: 1, c: 0} {
		if d := got["shop/deployed/"+ids[mark]]; len(d.Custom.Changes) != w {
			t.Errorf("commit %d: %+v, want %d changes with a time", mark, d.Custom.Changes, w)
		}
	}
}

// Broken and odd repositories are told and stop nobody else's.
func TestGitOddities(t *testing.T) {
	dir := t.TempDir()
	var good imported
	one := good.commit("main", day(20), "one")
	good.commitBy("main", "J\xf6rg <j\xf6rg@example.org>", day(19), day(19), "latin \xe9 and a \x01 control", one)
	good.into(t, dir, "good.git")
	git(t, dir, "init", "--quiet", "empty")
	git(t, dir, "clone", "--quiet", "--depth", "1", "file://"+filepath.Join(dir, "good.git"), filepath.Join(dir, "shallow"))

	var broken imported
	tip := broken.commit("main", day(300), "a")
	for i := range 200 {
		tip = broken.commit("main", day(299-i), "a", tip)
	}
	broken.tag("v1.0.0", tip, time.Time{})
	ids := broken.into(t, dir, "broken.git")
	corrupt(t, filepath.Join(dir, "broken.git"), ids[50])

	if err := os.MkdirAll(filepath.Join(dir, "fake", ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	var twin imported
	twin.commit("main", day(9), "another one")
	if err := os.Mkdir(filepath.Join(dir, "more"), 0o755); err != nil {
		t.Fatal(err)
	}
	twin.into(t, filepath.Join(dir, "more"), "good.git")

	c := readAll(t, &Git{Options: options(t), Dirs: []string{dir}})
	if n := len(c.facts(t, ".change.merged")); n == 0 {
		t.Error("nothing of the good one is told")
	}
	for _, e := range c.events {
		if e.Service == "broken" && strings.Contains(e.Type, ".service.") {
			t.Errorf("a deployment of the broken one is told: %s", e.ID)
		}
	}
	for what, why := range map[string]string{"empty": "no commit", "shallow": "--unshallow", "broken.git": "fsck", "fake": "fsck", "more/good.git": "--name"} {
		if !slices.ContainsFunc(c.skipped, func(s string) bool { return strings.HasPrefix(s, filepath.Join(dir, what)) && strings.Contains(s, why) }) {
			t.Errorf("%s: nothing with %q is said:\n%s", what, why, strings.Join(c.skipped, "\n"))
		}
	}
	if len(c.skipped) != 5 {
		t.Errorf("%d are skipped:\n%s", len(c.skipped), strings.Join(c.skipped, "\n"))
	}
}

// corrupt damages the object of a commit.
func corrupt(t *testing.T, repo, id string) {
	t.Helper()
	// Out of their pack, objects are files.
	packs, err := filepath.Glob(filepath.Join(repo, "objects", "pack", "*.pack"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pack := range packs {
		out := filepath.Join(t.TempDir(), "pack")
		if err := os.Rename(pack, out); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(strings.TrimSuffix(pack, ".pack") + ".idx"); err != nil {
			t.Fatal(err)
		}
		unpack(t, repo, out)
	}
	at := filepath.Join(repo, "objects", id[:2], id[2:])
	if err := os.Chmod(at, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(at, []byte("no object"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGitProblems(t *testing.T) {
	dir := t.TempDir()
	var s imported
	s.commit("main", day(5), "a")
	s.into(t, dir, "shop.git")
	for name, c := range map[string]struct {
		src  Git
		kind problem.Kind
	}{
		"no folder":        {Git{Dirs: []string{filepath.Join(dir, "nowhere")}}, problem.NotFound},
		"a file":           {Git{Dirs: []string{filepath.Join(dir, "shop.git", "HEAD")}}, problem.Invalid},
		"nothing below it": {Git{Dirs: []string{t.TempDir()}}, ""},
	} {
		c.src.Options = options(t)
		_, err := c.src.List(context.Background(), &collector{})
		if c.kind == "" && err != nil || c.kind != "" && !problem.Is(err, c.kind) {
			t.Errorf("%s: %v", name, err)
		}
	}
	sink := &collector{}
	src := &Git{Options: options(t), Dirs: []string{dir}, Branch: "trunk"}
	if repos, err := src.List(context.Background(), sink); err != nil || len(repos) != 0 || len(sink.skipped) != 1 || !strings.Contains(sink.skipped[0], "no branch trunk") {
		t.Errorf("a branch that is not there: %v, %v, %v", repos, err, sink.skipped)
	}
	// Who interrupts a reading gets their own error back.
	src = &Git{Options: options(t), Dirs: []string{dir}}
	repos, err := src.List(context.Background(), sink)
	if err != nil || len(repos) != 1 {
		t.Fatal(repos, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := src.Read(ctx, repos[0], sink); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// A long history is read in a stream: what is held at once does not grow with it.
func TestGitLongHistory(t *testing.T) {
	dir := t.TempDir()
	var s imported
	const commits = 30_000
	tip := s.commit("main", day(3000), "begin")
	for i := range commits {
		at := day(3000).Add(time.Duration(i) * (2900 * 24 * time.Hour / commits))
		switch {
		case i%10 == 9:
			side := s.commit("side", at.Add(-time.Hour), "side", tip)
			tip = s.commit("main", at, "Merge branch 'side'", tip, side)
		default:
			tip = s.commit("main", at, "work", tip)
		}
		if i%100 == 50 {
			s.tag(fmt.Sprintf("v1.%d.0", i/100), tip, at.Add(time.Minute))
		}
	}
	s.into(t, dir, "shop.git")
	src := &Git{Options: options(t), Dirs: []string{dir}}
	sink := &counting{}
	repos, err := src.List(context.Background(), sink)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := time.Now()
	sink.each = func() {
		if sink.n == 2400 {
			runtime.GC()
			runtime.ReadMemStats(&after)
		}
	}
	if err := src.Read(context.Background(), repos[0], sink); err != nil {
		t.Fatal(err)
	}
	if sink.n < 2600 || sink.n > 2900 {
		t.Errorf("%d events of a year", sink.n)
	}
	held := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d events in %s, %d KiB held", sink.n, time.Since(began), held>>10)
	if held > 8<<20 {
		t.Errorf("%d KiB are held in the middle of it", held>>10)
	}
}

// A merge alone brings nothing that was not there: that is no deployment of
// which nobody knows what it brought. Where that is not known, the moment of the
// merge is not told as that of its changes.
func TestGitMergesAreNoChanges(t *testing.T) {
	l := newLineage("", []*deployment{{id: "0", commit: idOf(1)}, {id: "1", commit: idOf(2)}})
	l.see(commit{id: idOf(2), parents: []string{idOf(1), idOf(0)}, committed: day(1)})
	l.see(commit{id: idOf(1), parents: []string{idOf(0)}, committed: day(2)})
	l.see(commit{id: idOf(0), committed: day(3)})
	l.finish(true)
	if d := l.deployments[1]; !d.known || d.back || d.brought.commits != 0 || len(d.brought.list()) != 0 {
		t.Errorf("a merge alone: %+v", d)
	}

	c := &collector{}
	r := reading{Options: options(t), repo: Repository{Service: "shop", Source: "git:x"}, sink: c}
	for _, d := range []*deployment{{id: "merge", merge: true}, {id: "change"}} {
		d.at, d.commitTime, d.commit = day(1), day(1), idOf(2)
		if err := r.deployed(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	told := c.facts(t, ".service.")
	if !told["merge"].Custom.CommitTime.IsZero() || told["change"].Custom.CommitTime.IsZero() {
		t.Errorf("commit times: %v", told)
	}
}
