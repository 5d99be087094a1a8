package portal_test

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
