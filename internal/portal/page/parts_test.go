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
