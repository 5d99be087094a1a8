package history

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// brief is a deployment in short.
type brief struct {
	kind, cause, fixes, previous string
	commits                      int
}

func briefs(facts map[string]told) map[string]brief {
	all := map[string]brief{}
	for id, f := range facts {
		all[id] = brief{strings.Split(f.Type, ".")[3], f.Custom.Cause, f.Custom.Fixes, f.Custom.Previous, f.Custom.ChangesCount}
	}
	return all
}

func same[V comparable](t *testing.T, what string, got, want map[string]V) {
	t.Helper()
	for id, w := range want {
		if g, ok := got[id]; !ok || g != w {
			t.Errorf("%s: %s is %+v, want %+v", what, id, g, w)
		}
	}
	for id, g := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("%s: %s was not expected: %+v", what, id, g)
		}
	}
}

func TestGitHub(t *testing.T) {
	h := newHost(t, "github.json", "")
	h.statuses = map[string]int{"repos/acme/bare/commits": 409, "repos/acme/bare/issues": 410, "repos/acme/bare/actions/runs": 403}
	src := h.github(options(t))
	c := readAll(t, src)

	// deployment 12 comes after 11 of before the year; 13 failed; 14 takes back
	// what 12 brought; 18 puts the state of 14 back; 19 is still running.
	same(t, "deployments", briefs(c.deployments(t)), map[string]brief{
		"101/deployment/12": {"upgraded", "", "", "deployment-11", 1},
		"101/deployment/14": {"upgraded", "rollback", "101/deployment/12", "deployment-12", 2},
		"101/deployment/16": {"upgraded", "", "", "", 0},
		"101/deployment/17": {"upgraded", "", "", "deployment-14", 1},
		"101/deployment/18": {"rolledback", "rollback", "101/deployment/17", "deployment-17", 0},
		"102/release/59":    {"upgraded", "", "", "v1.1.0", 1},
		"102/release/60":    {"upgraded", "", "", "v1.2.0", 2},
		"103/tag/v0.1.0":    {"deployed", "", "", "", 2},
		"103/tag/v0.2.0":    {"upgraded", "", "", "v0.1.0", 1},
	})
	d := c.facts(t, ".service.upgraded")["101/deployment/14"]
	if !d.At.Equal(day(60).Add(time.Hour)) || d.Environment != "production" || !d.Custom.CommitTime.Equal(day(61)) || d.Team != "payments" || d.Service != "shop" {
		t.Errorf("deployment 14: %+v", d)
	}
	outcomes := map[string]string{}
	for id, f := range c.facts(t, ".pipelinerun.finished") {
		outcomes[id] = f.Content["outcome"].(string) + " " + f.Custom.Service + " " + f.Custom.Environment
	}
	same(t, "runs", outcomes, map[string]string{
		"101/deployment/13/failed": "failure shop production", "101/run/904/1": "success shop ", "101/run/902/2": "failure shop ", "101/run/901/1": "error shop ", "101/run/900/1": "failure shop ",
	})
	changes := map[string]string{}
	for id, f := range c.facts(t, ".change.") {
		changes[id] = f.Actor + " " + stamp(f.Custom.FirstCommitTime)
	}
	ann := "github/ann "
	same(t, "changes", changes, map[string]string{
		"101/change/3/created": "history/unknown ", "101/change/3/merged": "history/unknown ", "101/change/3/first-commit": "history/unknown " + stamp(day(90)), "101/change/7/created": ann, "101/change/7/merged": ann, "101/change/7/first-commit": ann + stamp(day(29)),
		"101/change/8/created": ann, "101/change/8/abandoned/1780056000": ann, "101/change/9/created": "github/dependabot[bot] ",
	})
	incidents := map[string]string{}
	for id, f := range c.facts(t, ".incident.") {
		incidents[id] = f.Service + " " + f.Environment
	}
	same(t, "incidents", incidents, map[string]string{
		"101/issue/41/reported": "shop production", "101/issue/41/resolved/1771891200": "shop production", "101/issue/42/reported": "tool staging",
	})
	if n := len(c.facts(t, ".service.published")); n != 4 {
		t.Errorf("%d artifacts published", n)
	}
	if got := c.facts(t, ".repository.created"); len(got) != 1 || got["103/created"].Service != "tool" {
		t.Errorf("repositories made: %v", got)
	}
	if !slices.Equal(src.Teams(), []string{"payments", "core", "idle"}) {
		t.Errorf("teams %v", src.Teams())
	}
	for _, part := range []string{"acme: 1 forks", "deployments of acme/bare", "workflow runs of acme/bare", "incidents of acme/bare"} {
		if !slices.ContainsFunc(c.skipped, func(s string) bool { return strings.HasPrefix(s, part) }) {
			t.Errorf("%s is not told: %v", part, c.skipped)
		}
	}
	for _, r := range src.found {
		if r.Name == "lib.go" {
			if team := src.State.team("102", now); team != "core" {
				t.Errorf("lib belongs to %q", team)
			}
		}
	}
	for _, bot := range c.events {
		if strings.Contains(bot.Actor, "[bot]") && bot.Extensions["bot"] != "true" {
			t.Errorf("%s by %s is not marked as a bot's", bot.ID, bot.Actor)
		}
	}
	if first := h.asked("/pulls/2/commits") + h.asked("/pulls/6/commits"); first != 0 {
		t.Error("questions are asked about pull requests that are not told")
	}
}

// A second reading asks for what is new, and finds it.
func TestGitHubReadsOn(t *testing.T) {
	h := newHost(t, "github.json", "")
	o := options(t)
	first := readAll(t, h.github(o))
	asked := len(h.requests)

	h.forget()
	o.Now = now.Add(time.Hour)
	again := &collector{}
	read(t, h.github(o), again)
	var fresh []string
	for _, e := range again.events {
		if !slices.ContainsFunc(first.events, func(f event.Event) bool { return f.ID == e.ID && string(f.Data) == string(e.Data) }) {
			fresh = append(fresh, e.ID)
		}
	}
	if len(fresh) > 0 {
		t.Errorf("new: %v", fresh)
	}
	if len(h.requests) >= asked*3/4 || h.asked("/statuses") > 1 || h.asked("/pulls/7/commits") > 0 {
		t.Errorf("%d requests, %d before:\n%s", len(h.requests), asked, strings.Join(h.requests, "\n"))
	}

	// Then deployment 19, which was running, succeeds.
	h.answers["repos/acme/shop/deployments/19/statuses"] = []byte(`[{"state": "success", "created_at": "2026-06-01T13:30:00Z"}]`)
	o.Now = now.Add(2 * time.Hour)
	later := &collector{}
	read(t, h.github(o), later)
	deployed := briefs(later.deployments(t))
	// Tags have no date of their own: they are told again.
	maps.DeleteFunc(deployed, func(id string, _ brief) bool { return strings.HasPrefix(id, "103/tag/") })
	same(t, "deployments", deployed, map[string]brief{"101/deployment/19": {"upgraded", "", "", "deployment-18", 1}})
}

// Who asks for an earlier time than before gets it.
func TestGitHubReadsFurtherBack(t *testing.T) {
	want := readAll(t, newHost(t, "github.json", "").github(options(t)))
	h := newHost(t, "github.json", "")
	o := options(t)
	o.Since = day(30)
	c := &collector{}
	read(t, h.github(o), c)
	if len(c.events) >= len(want.events) {
		t.Errorf("%d events in 30 days", len(c.events))
	}
	o.Since = now.AddDate(-1, 0, 0)
	read(t, h.github(o), c)
	ids := map[string]bool{}
	for _, e := range c.events {
		ids[e.ID] = true
	}
	for _, e := range want.events {
		if !ids[e.ID] {
			t.Errorf("%s is missing", e.ID)
		}
	}
}

func read(t *testing.T, s Source, c *collector) {
	t.Helper()
	repos, err := s.List(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range repos {
		if err := s.Read(context.Background(), r, c); err != nil {
			t.Fatal(err)
		}
	}
}

// Wherever a reading breaks off, the next one makes it whole: together they
// tell exactly what one reading in peace tells.
func TestGitHubResumes(t *testing.T) {
	h := newHost(t, "github.json", "")
	peace := readAll(t, h.github(options(t)))
	want := map[string]string{}
	for _, e := range peace.events {
		want[e.ID] = string(e.Data)
	}
	for stop := 1; stop < 60; stop += 3 {
		h.forget()
		o := options(t)
		h.disturb(func(n int, w http.ResponseWriter, _ *http.Request) bool {
			if n >= stop {
				panic(http.ErrAbortHandler)
			}
			return false
		})
		got := &collector{}
		err := try(h.github(o), got)
		if err == nil || !problem.Is(err, problem.Unavailable) {
			t.Fatalf("the host goes away at request %d: %v", stop, err)
		}
		h.disturb(nil)
		if err := try(h.github(o), got); err != nil {
			t.Fatal(err)
		}
		have := map[string]string{}
		for _, e := range got.events {
			if data, twice := have[e.ID]; twice && data != string(e.Data) {
				t.Errorf("stopped at %d: %s is told in two ways", stop, e.ID)
			}
			have[e.ID] = string(e.Data)
		}
		same(t, "stopped", have, want)
	}
}

func try(s Source, c *collector) error {
	repos, err := s.List(context.Background(), c)
	for _, r := range repos {
		if err == nil {
			err = s.Read(context.Background(), r, c)
		}
	}
	return err
}

// What the platform has not taken is not remembered as read.
func TestGitHubForgetsWhatWasNotTaken(t *testing.T) {
	h := newHost(t, "github.json", "")
	o := options(t)
	c := &collector{fail: 5}
	if err := try(h.github(o), c); err == nil || !strings.Contains(err.Error(), "stopped at event 5") {
		t.Fatal(err)
	}
	if at := o.State.done("101", "deployments", o.Since); !at.IsZero() {
		t.Errorf("deployments are done at %s", at)
	}
}

func TestGitHubWithoutPermission(t *testing.T) {
	for name, c := range map[string]struct {
		statuses map[string]int
		kind     problem.Kind
	}{
		"unknown":   {map[string]int{"orgs/acme/repos": 404}, problem.NotFound},
		"forbidden": {map[string]int{"orgs/acme/repos": 403}, problem.Forbidden},
	} {
		h := newHost(t, "github.json", "")
		h.statuses = c.statuses
		_, err := h.github(options(t)).List(context.Background(), &collector{})
		var p *problem.Problem
		if !errors.As(err, &p) || p.Kind != c.kind || len(p.Next) == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Teams may be hidden; the rest is read.
	h := newHost(t, "github.json", "")
	h.statuses = map[string]int{"orgs/acme/teams": 403}
	c := readAll(t, h.github(options(t)))
	if len(c.events) == 0 || !strings.Contains(strings.Join(c.skipped, "\n"), "read:org") {
		t.Errorf("%d events, %v", len(c.events), c.skipped)
	}
}

// Of a time with more runs than GitHub lists, the halves are asked for.
func TestGitHubManyRuns(t *testing.T) {
	h := newHost(t, "github.json", "")
	h.disturb(func(_ int, w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/shop/actions/runs") {
			return false
		}
		from, to, _ := strings.Cut(r.URL.Query().Get("created"), "..")
		a, errA := time.Parse(time.RFC3339, from)
		b, errB := time.Parse(time.RFC3339, to)
		if errA != nil || errB != nil {
			fail(w, 422, "created")
			return true
		}
		total, id := int(b.Sub(a)/(5*time.Hour)), a.Unix() // one each five hours
		_, _ = w.Write([]byte(`{"total_count": ` + strconv.Itoa(total) + `, "workflow_runs": [{"id": ` + strconv.Itoa(int(id)) + `, "run_attempt": 1, "name": "CI", "conclusion": "success", "updated_at": "` + to + `"}]}`))
		return true
	})
	c := &collector{}
	read(t, h.github(options(t)), c)
	if n := len(c.facts(t, ".pipelinerun.finished")); n != 3 { // two halves and the failed deployment
		t.Errorf("%d runs", n)
	}
	if n := h.asked("/shop/actions/runs"); n != 3 {
		t.Errorf("%d questions", n)
	}
}
