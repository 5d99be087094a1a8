package app_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// A source is for who has uploaded it, and for who may change a service that was
// released from it; who only knows its digest, which every reader of a release
// does, is told what they would be told if it were not there.
func TestSourcesOfOthers(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	asked := p.cast(t)
	page := func(text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	released := func(dir, team string) string {
		digest := uploadBy(t, p.Client, dir)
		rel, err := p.Release(t.Context(), client.ReleaseSpec{Source: digest, Service: team + "-site"}, team, "", false)
		if err != nil {
			t.Fatal(err)
		}
		p.succeeded(t, rel.Metadata.Name)
		return digest
	}
	ofOther := page("of the other team")
	sources := map[string]string{
		"released by own":   released(page("of the own team"), "own"),
		"released by other": released(ofOther, "other"),
		"admin's upload":    uploadBy(t, p.Client, page("not released")),
		"member's upload":   uploadBy(t, asked["member"], page("a member's")),
		"nobody's":          "sha256:" + strings.Repeat("0", 64),
	}
	take := func(who, digest string) error {
		_, detected := asked[who].Detect(t.Context(), digest, "site", nil)
		_, admitted := asked[who].Release(t.Context(), client.ReleaseSpec{Source: digest, Service: "own-new"}, "own", "", true)
		if (detected == nil) != (admitted == nil) {
			t.Errorf("%s: detect says %v, release %v", who, detected, admitted)
		}
		return errors.Join(detected, admitted)
	}
	for _, c := range []struct{ source, may, mayNot string }{
		{"released by own", "admin platform owner member", ""},
		{"released by other", "admin platform", "owner member"},
		{"admin's upload", "admin", "platform owner member"},
		{"member's upload", "member", "admin platform owner"},
		{"nobody's", "", "admin platform owner member"},
	} {
		for _, who := range strings.Fields(c.may) {
			if err := take(who, sources[c.source]); err != nil {
				t.Errorf("%s may take what is %s, and is told %v", who, c.source, err)
			}
		}
		for _, who := range strings.Fields(c.mayNot) {
			if err := take(who, sources[c.source]); !problem.Is(err, problem.NotFound) {
				t.Errorf("%s may not take what is %s, and is told %v", who, c.source, err)
			}
		}
	}
	uploadBy(t, asked["member"], ofOther) // has the content
	if err := take("member", sources["released by other"]); err != nil {
		t.Errorf("the member has uploaded it too, and is told %v", err)
	}
}
