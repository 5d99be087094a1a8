package page

import (
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/problem"
)

func TestReasonsAreNamedOnce(t *testing.T) {
	var b strings.Builder
	p := &problem.Problem{Title: "The build failed", Why: []string{"", "exit code 1", " ", "  at main.js:3\r", ""}, Next: []string{"stoa logs shop"}}
	if err := Refusal(p).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	const want = "<div><dt>why</dt><dd>exit code 1</dd><dd>  at main.js:3</dd></div><div><dt>next</dt><dd>stoa logs shop</dd></div>"
	if got := b.String(); !strings.Contains(got, want) {
		t.Errorf("%s\nhas no\n%s", got, want)
	}
}

// A script is shown by its beginning, with the whole behind it, and what the run
// refuted is told where it would be verified.
func TestSettingsShown(t *testing.T) {
	script := "make all\n" + strings.Repeat("echo more\n", 50)
	show := func(s Setting) string {
		var b strings.Builder
		if err := settingRow(Detected{}, s).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, test := range []struct {
		setting     Setting
		has, hasNot string
	}{
		{Setting{Field: "build", Value: script}, `<code class="value">make all …</code></summary><pre><code>` + script + `</code></pre></details>`, "not shown"},
		{Setting{Field: "build", Value: "make all"}, `<td data-label="Value"><code class="value">make all</code></td>`, "<details"},
		{Setting{Field: "health", Value: "/healthz", Refuted: "GET /healthz answered 404"}, `<td data-label="Verified">GET /healthz answered 404</td>`, "not checked"},
		{Setting{Field: "health", Value: "/healthz"}, "not checked", "<details"},
	} {
		if got := show(test.setting); !strings.Contains(got, test.has) || strings.Contains(got, test.hasNot) {
			t.Errorf("%+v is shown as\n%s", test.setting, got)
		}
	}
}
