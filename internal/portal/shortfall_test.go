package portal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/store"
)

// A summary that stands still is told wherever its numbers are read: nobody takes
// what was true once for what is.
func TestASummaryThatStandsStillIsTold(t *testing.T) {
	s := empty(t)
	c := s.browserless(t, s.code(t))
	if told := get(t, c, s.url+"/adoption").text("p.shortfall"); told != "" {
		t.Errorf("all is well, and the page says: %s", told)
	}
	db, err := store.Open(t.Context(), filepath.Join(s.data, "stoa.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	// One of a newer version is left alone by the projectors that run.
	err = db.Write(t.Context(), "user/admin", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE projections SET version = 99, error_seq = 3, error = 'cannot digest this', failed_at = 1764331200000000 WHERE name = 'usage'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	const want = "the summary usage stands still at event 3 since 2025-11-28 12:00 UTC"
	for _, path := range []string{"/overview", "/scorecard", "/adoption", "/delivery", "/journeys", "/measures/mau"} {
		if told := get(t, c, s.url+path).text("p.shortfall"); !strings.Contains(told, want) {
			t.Errorf("%s says %q", path, told)
		}
	}
	all, err := s.Status(t.Context(), "")
	if err != nil || !slices.Equal(all.Summaries, []string{want}) {
		t.Errorf("the API says %q (%v)", all.Summaries, err)
	}
	metrics := get(t, http.DefaultClient, s.url+"/metrics").body
	for _, line := range []string{`stoa_projection_stopped{projection="usage"} 1`, `stoa_projection_stopped{projection="milestones"} 0`, `stoa_projection_lag_events{projection="usage"}`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}

// What the team that runs the platform did is told where numbers leave it out, with
// the way to the same page of that team.
func TestOwnNumbersAreTold(t *testing.T) {
	s := empty(t)
	c := s.browserless(t, s.code(t))
	h := &history{now: time.Now().UTC().Truncate(time.Second)}
	for day := 3.0; day > 0; day-- {
		h.deploys(day, "platform", "hello", "", true, 2*time.Hour)
		h.uses(day, "platform", "deploy", 1)
	}
	body, err := json.Marshal(h.events)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Post(t.Context(), "application/cloudevents-batch+json", bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	if err := s.counted(t.Context()); err != nil {
		t.Fatal(err)
	}
	const deployed, ran = "3 deployments to production", "by team platform, which runs the platform"
	for path, want := range map[string][]string{
		"/overview": {deployed, "use on 3 days", ran}, "/scorecard": {deployed, "use on 3 days", ran}, "/delivery": {deployed, ran}, "/adoption": {"use on 3 days", ran},
		"/journeys": {"use on 3 days", ran}, "/measures/lead-time": {"3 observations", ran},
	} {
		a := get(t, c, s.url+path)
		contains(t, path, a.text("p.apart"), want...)
		told := a.all("p.apart")
		if len(told) != 1 {
			t.Fatalf("%s tells %d times what it leaves out", path, len(told))
		}
		own := get(t, c, s.url+attribute((answer{root: told[0]}).all("a")[0], "href"))
		if told := own.text("p.apart"); own.StatusCode != http.StatusOK || told != "" {
			t.Errorf("%s of the platform team: %s, and not counted is %q", path, own.Status, told)
		}
		if path == "/delivery" {
			contains(t, "the platform team's own delivery", own.text("p.answer"), "1 of 1 service were deployed to production", "a change takes 2 h")
		}
	}
	if told := get(t, c, s.url+"/delivery?from=2020-01-01&to=2020-02-01").text("p.apart"); told != "" {
		t.Errorf("nothing is left out of a time in which nothing happened, and the page says %q", told)
	}
	card, err := s.Scorecard(t.Context(), "", url.Values{"team": {"platform"}})
	at := slices.IndexFunc(card.Rows, func(r client.ScorecardRow) bool { return r.Measure == "lead-time" })
	if err != nil || at < 0 || card.Rows[at].Value == nil || card.Rows[at].Own != 0 || card.Apart != nil {
		t.Errorf("the platform team's own scorecard: %+v (%v)", card, err)
	}
}
