package portal_test

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// axe reads axe-core 4.14.1, as npm has it.
func axe(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/axe.min.js.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// violation is one rule that a page breaks.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// know gives the page axe-core, once for all looks at it.
func (b *browser) know(script string) {
	b.t.Helper()
	run(b, chromedp.Evaluate[chromedp.Void](script))
}

// violations checks the page, which knows axe-core, by all rules of WCAG 2.2 A
// and AA.
func (b *browser) violations() []violation {
	b.t.Helper()
	raw := run(b, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa']}).then(r => JSON.stringify(r.violations))`,
		chromedp.EvalAwaitPromise))
	var found []violation
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		b.t.Fatalf("axe answered %q: %v", raw, err)
	}
	return found
}

// accessible fails the test for what it finds on the page.
func (b *browser) accessible(where string) {
	b.t.Helper()
	for _, v := range b.violations() {
		for _, n := range v.Nodes[:min(3, len(v.Nodes))] {
			b.t.Errorf("%s: %s (%s)\n%s\n%s", where, v.ID, v.Help, n.HTML, n.Summary)
		}
	}
}
