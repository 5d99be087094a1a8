package manual

import "testing"

// Links that leave the documentation lead to the files of the version that runs.
func TestLinksLeadToTheVersion(t *testing.T) {
	const root = "https://github.com/stoa-platform/stoa/blob/"
	for version, want := range map[string]string{
		"v1.4.0": "v1.4.0", "v2.0.0-rc.1": "v2.0.0-rc.1", "dev": "main", "": "main",
		"v1.4.0-3-g0a1b2c3": "main", "v1.4.0-dirty": "main", "0a1b2c3": "main",
	} {
		if got := linkFrom("reference", "../../examples/ci/report.sh#top", sourceOf(version)); got != root+want+"/examples/ci/report.sh#top" {
			t.Errorf("of version %q a link leads to %s", version, got)
		}
	}
	if got := linkFrom("adr", "../quotas.md#when", sourceOf("v1.4.0")); got != "/docs/quotas#when" {
		t.Errorf("a link within the documentation leads to %s", got)
	}
}
