package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// TestReleasesAreMeasured: two releases out of a real checkout, the second one
// a fix of the first, move the measures of delivery by what Git says of them.
func TestReleasesAreMeasured(t *testing.T) {
	t.Parallel()
	testenv.Need(t, "git")
	p := open(t, "")
	team := "apiVersion: stoa.dev/v1\nkind: Team\nmetadata:\n  name: fruit\nspec: {}\n"
	if _, err := p.Apply(t.Context(), strings.NewReader(team), "team.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	dir := write(t, "one")
	git := func(hoursAgo int, args ...string) {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		at := time.Now().Add(-time.Duration(hoursAgo) * time.Hour).Format(time.RFC3339)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at,
			"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	commit := func(hoursAgo int, text string) {
		t.Helper()
		git(hoursAgo, "add", ".")
		git(hoursAgo, "commit", "-q", "-m", text)
	}
	release := func(fixes string) string {
		t.Helper()
		read, err := detect.ReadOrigin(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		var origin client.Origin
		raw, err := json.Marshal(read)
		if err = errors.Join(err, json.Unmarshal(raw, &origin)); err != nil {
			t.Fatal(err)
		}
		spec := client.ReleaseSpec{Source: uploadBy(t, p.Client, dir), Service: "fruit", Environment: "production", Origin: &origin, Fixes: fixes}
		rel, err := p.Release(t.Context(), spec, "fruit", "", false)
		if err != nil {
			t.Fatal(err)
		}
		rel = p.succeeded(t, rel.Metadata.Name)
		if rel.Spec.Origin.Recent != nil {
			t.Error("the checkout's history is kept with the release")
		}
		return rel.Metadata.Name
	}
	git(5, "init", "-q", "-b", "trunk")
	commit(5, "first")
	first := release("")
	for hoursAgo, name := range map[int]string{3: "lemons", 1: "limes"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		git(hoursAgo, "add", name)
		git(hoursAgo, "commit", "-q", "-m", name)
	}
	release(first)

	for name, want := range map[string]struct {
		value, slack float64
		n            int64
	}{
		"lead-time":            {3 * 3600, 900, 3}, // 5, 3 and 1 hours
		"change-failure-rate":  {0.5, 0, 2},
		"rework-rate":          {0.5, 0, 2},
		"deployment-frequency": {2, 1, 1}, // the service is there since today, or yesterday
	} {
		eventually(t, func() error {
			answer, err := p.Measure(t.Context(), name, url.Values{})
			if err != nil {
				return err
			}
			point := answer.Points[0]
			if point.Value == nil || *point.Value < want.value-want.slack || *point.Value > want.value+want.slack || point.N != want.n {
				return fmt.Errorf("%s: %+v", name, point)
			}
			return nil
		})
	}
}
