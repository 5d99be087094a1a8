package history

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/eventtest"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// now is when all tests read; the time they read is the year before.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func day(n int) time.Time { return now.AddDate(0, 0, -n) }

// collector keeps what a source finds, as the platform would.
type collector struct {
	events  []event.Event
	skipped []string
	waits   []string
	fail    int // so many events are taken, the next one fails
}

func (c *collector) Event(_ context.Context, e event.Event) error {
	if c.fail > 0 && len(c.events) == c.fail {
		return fmt.Errorf("stopped at event %d", c.fail)
	}
	c.events = append(c.events, e)
	return nil
}

func (c *collector) After(remember func())               { remember() }
func (c *collector) Skipped(what, why string)            { c.skipped = append(c.skipped, what+": "+why) }
func (c *collector) Waiting(why string, until time.Time) { c.waits = append(c.waits, why) }

// told is what of an event the tests look at.
type told struct {
	ID, Type, Service, Environment, Actor, Team string
	At                                          time.Time
	Content                                     map[string]any
	Custom                                      custom
}

type custom struct {
	Release, Cause, Commit, Previous, Fixes, Service, Environment string
	CommitTime, FirstCommitTime                                   time.Time
	Changes                                                       []change
	ChangesCount                                                  int
}

// facts gives the events of a type that holds the word, by id.
func (c *collector) facts(t *testing.T, word string) map[string]told {
	t.Helper()
	all := map[string]told{}
	for _, e := range c.events {
		if !strings.Contains(e.Type, word) {
			continue
		}
		var data struct {
			Subject struct {
				Content map[string]any `json:"content"`
			} `json:"subject"`
			CustomData custom `json:"customData"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatalf("data of %s: %v", e.ID, err)
		}
		if _, twice := all[e.ID]; twice {
			t.Errorf("%s is told twice", e.ID)
		}
		all[e.ID] = told{e.ID, e.Type, e.Service, e.Environment, e.Actor, e.Team, e.Time, data.Subject.Content, data.CustomData}
	}
	return all
}

// deployments are the facts of services, without what was only published.
func (c *collector) deployments(t *testing.T) map[string]told {
	t.Helper()
	all := c.facts(t, ".service.")
	maps.DeleteFunc(all, func(_ string, f told) bool { return strings.Contains(f.Type, ".published.") })
	return all
}

// check holds every event against what the platform takes and demands that ids
// are given once.
func (c *collector) check(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range c.events {
		raw, err := event.Record{Event: e}.CloudEvent()
		if err != nil {
			t.Fatalf("encode %s: %v", e.ID, err)
		}
		if _, err := event.ParseEvent(raw); err != nil {
			t.Errorf("%s is no event: %v", e.ID, err)
		}
		eventtest.CDEvent(t, e)
		if key := e.Source + " " + e.ID; seen[key] {
			t.Errorf("%s is told twice", key)
		} else {
			seen[key] = true
		}
		if e.Time.After(now) || e.Time.Before(day(400)) || e.Actor == "" {
			t.Errorf("%s happened at %s by %q", e.ID, e.Time, e.Actor)
		}
	}
}

// imported is a repository in the making: what git fast-import reads.
type imported struct {
	script bytes.Buffer
	marks  int
}

// commit adds a commit to a branch on top of parents, the first of which it continues.
func (s *imported) commit(branch string, at time.Time, message string, parents ...int) int {
	return s.commitBy(branch, "Ann <ann@example.org>", at, at, message, parents...)
}

func (s *imported) commitBy(branch, who string, authored, committed time.Time, message string, parents ...int) int {
	s.marks++
	fmt.Fprintf(&s.script, "commit refs/heads/%s\nmark :%d\nauthor %s %d +0000\ncommitter %s %d +0000\ndata %d\n%s\n",
		branch, s.marks, who, authored.Unix(), who, committed.Unix(), len(message), message)
	for i, p := range parents {
		fmt.Fprintf(&s.script, "%s :%d\n", [2]string{"from", "merge"}[min(i, 1)], p)
	}
	fmt.Fprintf(&s.script, "M 100644 inline file-%d\ndata 1\nx\n", s.marks%50)
	return s.marks
}

// file puts a file into the last commit.
func (s *imported) file(name, text string) {
	fmt.Fprintf(&s.script, "M 100644 inline %s\ndata %d\n%s\n", name, len(text), text)
}

// tag adds an annotated tag; one without time is lightweight.
func (s *imported) tag(name string, mark int, at time.Time) {
	if at.IsZero() {
		fmt.Fprintf(&s.script, "reset refs/tags/%s\nfrom :%d\n\n", name, mark)
		return
	}
	fmt.Fprintf(&s.script, "tag %s\nfrom :%d\ntagger Rel <rel@example.org> %d +0000\ndata 1\nt\n", name, mark, at.Unix())
}

// into makes the bare repository name in dir and returns the ids of its marks.
func (s *imported) into(t *testing.T, dir, name string) map[int]string {
	t.Helper()
	testenv.Need(t, "git")
	at := filepath.Join(dir, name)
	git(t, dir, "init", "--quiet", "--bare", "--initial-branch=main", at)
	return s.run(t, at)
}

// run adds to a repository and returns the ids of the marks.
func (s *imported) run(t *testing.T, at string) map[int]string {
	t.Helper()
	marks := filepath.Join(t.TempDir(), "marks")
	cmd := exec.Command("git", "fast-import", "--quiet", "--export-marks="+marks)
	cmd.Dir, cmd.Stdin = at, &s.script
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, out)
	}
	raw, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[int]string{}
	for line := range strings.Lines(string(raw)) {
		var mark int
		var id string
		if _, err := fmt.Sscanf(line, ":%d %s", &mark, &id); err == nil {
			ids[mark] = id
		}
	}
	return ids
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull, "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// options read the last year.
func options(t *testing.T) Options {
	t.Helper()
	state, err := OpenState("", 0)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Since: now.AddDate(-1, 0, 0), Now: now, Environment: "production", State: state}
}

// readAll reads everything of a source.
func readAll(t *testing.T, s Source) *collector {
	t.Helper()
	c := &collector{}
	repos, err := s.List(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range repos {
		if err := s.Read(context.Background(), r, c); err != nil {
			c.Skipped(r.Path, err.Error())
		}
	}
	c.check(t)
	return c
}

// counting counts events and keeps none.
type counting struct {
	collector
	n    int
	each func()
}

func (c *counting) Event(context.Context, event.Event) error {
	c.n++
	c.each()
	return nil
}

// unpack writes the objects of a pack as files.
func unpack(t *testing.T, repo, pack string) {
	t.Helper()
	in, err := os.Open(pack)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command("git", "unpack-objects", "-q")
	cmd.Dir, cmd.Stdin = repo, in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git unpack-objects: %v\n%s", err, out)
	}
}
