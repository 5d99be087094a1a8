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

// violations checks the page by all rules of WCAG 2.2 A and AA.
func (b *browser) violations(script string) []violation {
	b.t.Helper()
	run(b, chromedp.Evaluate[chromedp.Void](script))
	raw := run(b, chromedp.Evaluate[string](
		`axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa']}).then(r => JSON.stringify(r.violations))`,
		chromedp.EvalAwaitPromise))
	var found []violation
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		b.t.Fatalf("axe answered %q: %v", raw, err)
	}
	return found
}

// TestAccessible looks for violations of WCAG 2.2 AA on every page, light and
// dark, wide and narrow.
func TestAccessible(t *testing.T) {
	s := seeded(t)
	script := axe(t)
	b := s.open(t, true)
	report := func(where string) {
		for _, v := range b.violations(script) {
			for _, n := range v.Nodes[:min(3, len(v.Nodes))] {
				t.Errorf("%s: %s (%s)\n%s\n%s", where, v.ID, v.Help, n.HTML, n.Summary)
			}
		}
	}
	b.look("light", 1440)
	for _, path := range []string{"/signin", "/signin?code=0123456789abcdef"} {
		b.goTo(path)
		report(path)
	}
	b.signIn()
	for _, look := range []struct {
		theme string
		width int64
	}{{"light", 1440}, {"dark", 390}} {
		b.look(look.theme, look.width)
		for _, p := range pages() {
			b.goTo(p.path)
			report(look.theme + " " + p.path)
		}
	}
	b.do(chromedp.KeyEvent("k", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.WaitVisible(chromedp.CSS("#palette[open] [role=option]")))
	report("the palette")

	// The checks themselves find what they are for.
	b.goTo("/")
	run(b, chromedp.Evaluate[chromedp.Void](`document.querySelector('main').innerHTML = '<img src="x"><p style="color:#ccc">pale</p>'`))
	if found := b.violations(script); len(found) == 0 {
		t.Error("an image without a text is not found")
	}
}
