package history

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func idOf(n int) string { return fmt.Sprintf("%040x", n+1) }

// graph draws a history: each commit has up to three parents among those
// before it.
func graph(t *rapid.T) []commit {
	var all []commit
	for n := range rapid.IntRange(1, 40).Draw(t, "commits") {
		c := commit{id: idOf(n), authored: day(400 - n), committed: day(400 - n)}
		if n > 0 {
			for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(max(0, n-6), n-1), 1, min(3, n), rapid.ID).Draw(t, "parents") {
				c.parents = append(c.parents, idOf(p))
			}
		}
		all = append(all, c)
	}
	return all
}

// below gives all commits that a commit contains, the slow and obvious way.
func below(all []commit, id string) map[string]bool {
	found := map[string]bool{}
	var visit func(string)
	visit = func(id string) {
		if found[id] {
			return
		}
		found[id] = true
		for _, c := range all {
			if c.id == id {
				for _, p := range c.parents {
					visit(p)
				}
			}
		}
	}
	visit(id)
	return found
}

// Whatever the history, in one pass each commit is found with the first
// deployment that holds it and with the place on the main branch where it landed.
func TestLineage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := graph(t)
		var deployments []*deployment
		for n := range rapid.IntRange(0, 8).Draw(t, "deployments") {
			on := rapid.IntRange(0, len(all)-1).Draw(t, "on")
			deployments = append(deployments, &deployment{id: fmt.Sprint(n), commit: idOf(on), at: day(100 - n)})
		}
		tip := all[len(all)-1].id
		l := newLineage(tip, deployments)
		// Hosts list by date; the order that is needed is found again.
		var told log
		for _, i := range rapid.Permutation(slices.Collect(numbers(len(all)))).Draw(t, "order") {
			told.add(all[i])
		}
		if !told.complete() {
			t.Fatal("the history is not complete")
		}
		landed := map[string]int{}
		var chain []string
		for _, c := range told.childrenFirst() {
			place, main := l.see(c)
			if landed[c.id] = place; main {
				chain = append(chain, c.id)
			}
		}
		l.finish(true)

		before, merges := map[string]bool{}, map[string]bool{}
		for _, c := range all {
			merges[c.id] = len(c.parents) > 1
		}
		for i, d := range deployments {
			fresh, want := 0, 0
			holds := below(all, d.commit)
			for id := range holds {
				if before[id] {
					continue
				}
				if fresh++; !merges[id] {
					want++
				}
			}
			if d.brought.commits != want {
				t.Fatalf("deployment %d brought %d commits, not %d", i, want, d.brought.commits)
			}
			if back := fresh == 0 && deployments[i-1].commit != d.commit; back != d.back {
				t.Fatalf("deployment %d goes back: %v", i, d.back)
			}
			for id := range holds {
				before[id] = true
			}
		}
		for id, place := range landed {
			want := -1
			for i, main := range chain {
				if below(all, main)[id] {
					want = i
				}
			}
			if place != want {
				t.Fatalf("commit %s landed at %d, not %d", id, place, want)
			}
		}
		if len(l.open) > 0 {
			t.Fatalf("%d commits are waited for after the last", len(l.open))
		}
	})
}

func numbers(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// Of a very large deployment a part is told, the same whatever the order.
func TestLargeDeployment(t *testing.T) {
	var a, b group
	const many = 5*maxChanges + 3
	for i := range many {
		c := commit{id: idOf(i * 7919 % many), committed: day(300).Add(time.Duration(i) * time.Minute)}
		a.add(c)
	}
	for i := many - 1; i >= 0; i-- {
		b.add(commit{id: idOf(i * 7919 % many), committed: day(300).Add(time.Duration(i) * time.Minute)})
	}
	first, second := a.list(), b.list()
	if a.commits != many || len(first) != maxChanges || !slices.Equal(first, second) {
		t.Errorf("%d commits, %d and %d told", a.commits, len(first), len(second))
	}
	if !slices.IsSortedFunc(first, func(a, b change) int { return a.at.Compare(b.at) }) {
		t.Error("not in the order of time")
	}
}

// Messages can say anything, in circles too.
func TestRevertsInCircles(t *testing.T) {
	l := newLineage("", []*deployment{{id: "0", commit: idOf(9)}, {id: "1", commit: idOf(20)}})
	for n := 20; n >= 0; n-- {
		c := commit{id: idOf(n)}
		if n > 0 {
			c.parents = []string{idOf(n - 1)}
		}
		for m := range 21 {
			c.reverts = append(c.reverts, idOf(m))
		}
		l.see(c)
	}
	l.finish(true) // ends
}

func TestMessages(t *testing.T) {
	id := strings.Repeat("ab", 20)
	for message, want := range map[string]commit{
		"Revert \"x\"\n\nThis reverts commit " + id + ".":                                  {reverts: []string{id}},
		"This reverts commit " + id + ", reversing\nchanges made to " + id + ".":           {reverts: []string{id}},
		"This reverts commit ABCDEF1.":                                                     {reverts: []string{"abcdef1"}},
		"This reverts commit abcdef.":                                                      {},
		"nothing reverts commits":                                                          {},
		"Merge branch 'hotfix/login'":                                                      {hotfix: true},
		"Merge branch 'hotfix-1.2' into main":                                              {hotfix: true},
		"Merge remote-tracking branch 'origin/hotfix/x' into main":                         {hotfix: true},
		"Merge pull request #7 from acme/hotfix/login":                                     {hotfix: true},
		"Merge branch 'topic' into 'hotfix/login'":                                         {},
		"work\n\nMerge branch 'hotfix/login'":                                              {},
		"Merge branch 'no-hotfix/x'":                                                       {},
		strings.Repeat("This reverts commit "+id+".\n", maxReverts+5) + "\x00\xff\n\nmore": {reverts: slices.Repeat([]string{id}, maxReverts)},
	} {
		var c commit
		c.readMessage(message)
		if !slices.Equal(c.reverts, want.reverts) || c.hotfix != want.hotfix {
			t.Errorf("%.60q: %v %v", message, c.reverts, c.hotfix)
		}
	}
	for tag, want := range map[string]bool{
		"v1.2.3": true, "1.2": true, "v1": true, "V2.0.0+build": true, "2024.01.15": true, "v1.2.3-hotfix.1": true, "v1.2.3-1": true,
		"v1.2.3-rc.1": false, "v1.2.3-rc1": false, "1.0.0-beta": false, "v2.0.0-alpha.3": false, "v1.0-SNAPSHOT": false, "1.0.0-m2": false,
		"nightly": false, "release": false, "docs/v1.2.3": false, "vendor": false, "": false,
	} {
		if finished(tag) != want {
			t.Errorf("%q counts as a release: %v", tag, !want)
		}
	}
}

func TestRemotes(t *testing.T) {
	for remote, want := range map[string]string{
		"git@github.com:acme/shop.git":                      "https://github.com/acme/shop",
		"https://user:t0ken@git.example.org/acme/shop.git":  "https://git.example.org/acme/shop",
		"ssh://git@git.example.org:2222/acme/shop.git":      "https://git.example.org/acme/shop",
		"https://git.example.org/acme/shop?private_token=x": "https://git.example.org/acme/shop",
		"github.com:acme/shop":                              "https://github.com/acme/shop",
		"/srv/git/shop.git":                                 "",
		"../shop":                                           "",
		"file:///srv/git/shop":                              "",
		"":                                                  "",
		"C:\\src\\shop":                                     "",
		"ext::sh -c whoami":                                 "",
		"https://":                                          "",
		"git@host:":                                         "https://host/",
		"\x00":                                              "",
		"http://[::1]:80/x/y.git":                           "http://[::1]:80/x/y",
	} {
		if got := plainRemote(remote); got != want {
			t.Errorf("%q: %q, want %q", remote, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, seed := range []string{"git@github.com:acme/shop.git", "This reverts commit abcdef1", "Merge branch 'hotfix/x'", "v1.2.3-rc.1", "Ünï\xff\u0000", "::x", "a:b:c", strings.Repeat("Ⱥ", maxName/2)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if r := plainRemote(text); strings.Contains(r, "@") && !strings.Contains(text, "%40") && strings.Contains(strings.SplitN(r, "/", 4)[2], "@") {
			t.Errorf("%q keeps its credentials: %q", text, r)
		}
		if a := person("git", text); len(a.name) > maxName || strings.ContainsAny(a.name, "\x00\n") {
			t.Errorf("%q is called %q", text, a.name)
		}
		var c commit
		c.readMessage(text)
		for _, id := range c.reverts {
			if len(id) < shortest {
				t.Errorf("%q reverts %q", text, id)
			}
		}
		finished(text)
		newer(text, "v1.0.0")
	})
}

func FuzzFields(f *testing.F) {
	f.Add("a\x00b\x00c\x00", 2)
	f.Add("\x00\x00\x00", 1)
	f.Add(strings.Repeat("x", 100_000)+"\x00y\x00", 2)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if n < 1 || n > 10 {
			return
		}
		records := 0
		err := fields(strings.NewReader(text), n, 50, func(f []string) error {
			records++
			for _, s := range f {
				if len(s) > 50 || strings.Contains(s, "\x00") {
					t.Errorf("field %q", s)
				}
			}
			return nil
		})
		if want := strings.Count(text, "\x00") / n; err != nil || records != want {
			t.Errorf("%d records, want %d: %v", records, want, err)
		}
	})
}
