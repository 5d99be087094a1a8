package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/cli/misuse"
	"github.com/stoa-platform/stoa/internal/problem"
)

func TestParseBack(t *testing.T) {
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"12mo": time.Date(2025, 3, 31, 12, 0, 0, 0, time.UTC), "1y": time.Date(2025, 3, 31, 12, 0, 0, 0, time.UTC), "0mo": now,
		"90d": now.Add(-90 * 24 * time.Hour), "36h": now.Add(-36 * time.Hour), "2026-01-31T12:00:00Z": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	} {
		if got, err := parseBack(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %s, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "mo", "-1mo", "1.5y", "99999y", "a year", "9999999999999999999mo", "-3d"} {
		var u misuse.Error
		if got, err := parseBack(text, now); !errors.As(err, &u) {
			t.Errorf("%q: %s, %v", text, got, err)
		}
	}
}

func TestReach(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"good": "  s3cret\n", "empty": "\n", "two": "one two"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("A_TOKEN", "fr0mEnv")
	for name, c := range map[string]struct {
		reach
		token, from string
		kind        problem.Kind
	}{
		"environment": {reach{tokenEnv: "A_TOKEN"}, "fr0mEnv", "$A_TOKEN", ""},
		"none":        {reach{tokenEnv: "NO_TOKEN"}, "", "$NO_TOKEN", ""},
		"file":        {reach{tokenEnv: "A_TOKEN", tokenFile: filepath.Join(dir, "good")}, "s3cret", filepath.Join(dir, "good"), ""},
		"empty file":  {reach{tokenFile: filepath.Join(dir, "empty")}, "", "", problem.Invalid},
		"two words":   {reach{tokenFile: filepath.Join(dir, "two")}, "", "", problem.Invalid},
		"no file":     {reach{tokenFile: filepath.Join(dir, "nosuch")}, "", "", problem.NotFound},
	} {
		cmd, _, told := plain()
		h, err := cmd.reach(c.reach)
		switch {
		case c.kind != "":
			if !problem.Is(err, c.kind) || strings.Contains(err.Error(), "one two") {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil || h.Token != c.token || h.TokenFrom != c.from:
			t.Errorf("%s: %q from %q, %v", name, h.Token, h.TokenFrom, err)
		case (h.Token == "") != strings.Contains(told.String(), "without a token"):
			t.Errorf("%s: told %q", name, told)
		}
	}
}
