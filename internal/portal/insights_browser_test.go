package portal_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestInsightsInTheBrowser walks the platform team's pages with and without
// scripts.
func TestInsightsInTheBrowser(t *testing.T) {
	s := lived(t)
	t.Run("without scripts", func(t *testing.T) {
		b := s.open(t, false)
		b.signIn()
		b.opens("details.menu-more")
		b.follows(`.menu-card a[href="/delivery"]`)
		b.at("/delivery")
		b.opens("#lead-time details.points")
		b.sees("#lead-time .sheet-behind", "n")
		b.follows(`#teams thead a`)
		b.sees("#teams thead", "↓")
	})
	t.Run("what comes later", func(t *testing.T) {
		b := s.open(t, true)
		b.look("light", 1440)
		b.signIn()
		b.goTo("/scorecard?" + past(90))
		b.comesToBe(`document.querySelector("#course-lead-time svg.spark path")?.getAttribute("d")`)
		b.comesToBe(`document.querySelector("#course-nps").innerText === "no data"`)
		b.silent("the scorecard")
	})
	t.Run("by keyboard", func(t *testing.T) {
		b := s.open(t, true)
		b.look("light", 1440)
		b.signIn()
		b.focuses("details.menu-more > summary")
		b.do(chromedp.KeyEvent(kb.Enter))
		b.comesToBe(`document.querySelector("details.menu-more").open`)
		b.do(chromedp.KeyEvent(kb.Tab))
		b.comesToBe(`document.activeElement.getAttribute("href") === "/overview"`)
		b.do(chromedp.KeyEvent(kb.Escape))
		b.comesToBe(`!document.querySelector("details.menu-more").open && document.activeElement.matches("details.menu-more > summary")`)
		for key, path := range map[string]string{"o": "/overview", "u": "/adoption", "d": "/delivery", "j": "/journeys", "m": "/me"} {
			b.loads(func() { b.do(chromedp.KeyEvent("g"), chromedp.KeyEvent(key)) })
			b.at(path)
		}
		b.silent("the keys")
	})
}

// Of a long table a narrow screen shows the first rows, and all of them to who
// asks, without scripts; a wide screen shows all at once.
func TestLongTablesAreShortOnAPhone(t *testing.T) {
	s := lived(t)
	b := s.open(t, false)
	b.signIn()
	const (
		table = ".table-responsive:not(details *):has(+ .list-rest)"
		more  = table + " + .list-rest"
		rows  = `[...document.querySelector("` + table + `").querySelectorAll("tbody > tr")]`
		shown = rows + ".filter(r => r.checkVisibility()).length"
	)
	for _, path := range []string{"/overview", "/measures/lead-time?" + past(90)} { // a sheet, and events
		b.look("light", 390)
		b.goTo(path)
		all := run(b, chromedp.Evaluate[int](rows+".length"))
		b.sees(more, fmt.Sprintf("All %d rows", all))
		if n := run(b, chromedp.Evaluate[int](shown)); n != 8 || all <= n || run(b, chromedp.Evaluate[bool](rows+"[8].checkVisibility()")) {
			t.Errorf("%s: a narrow screen shows %d of %d rows at first, not the first 8", path, n, all)
		}
		b.clicks(more + " input")
		b.comesToBe(fmt.Sprintf("%s === %d", shown, all))
		b.look("light", 1440)
		b.goTo(path)
		if n := run(b, chromedp.Evaluate[int](shown)); n != all || run(b, chromedp.Evaluate[bool](`document.querySelector("`+more+`").checkVisibility()`)) {
			t.Errorf("%s: a wide screen shows %d of %d rows, or a switch for more", path, n, all)
		}
	}
}
