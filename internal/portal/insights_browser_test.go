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

// The labels of an axis do not run into each other, on a phone neither: every other
// one makes room there.
func TestAxesAreReadOnAPhone(t *testing.T) {
	s := lived(t)
	b := s.open(t, true)
	b.signIn()
	const (
		labels = `[...document.querySelectorAll(".trend .chart-axis text")].filter(e => e.checkVisibility())`
		spare  = labels + `.filter(e => e.matches(".spare")).length`
		beside = labels + `.some((e, i, all) => i > 0 && e.closest("svg") === all[i-1].closest("svg") && e.getBoundingClientRect().left < all[i-1].getBoundingClientRect().right + 3)`
	)
	for width, all := range map[int64]bool{1440: true, 390: false} {
		b.look("light", width)
		b.goTo("/measures/lead-time?" + past(90))
		if n := run(b, chromedp.Evaluate[int](spare)); (n > 0) != all {
			t.Errorf("%d px: %d labels are drawn that others make do without", width, n)
		}
		if run(b, chromedp.Evaluate[bool](beside)) || run(b, chromedp.Evaluate[int](labels+".length")) < 3 {
			t.Errorf("%d px: labels run into each other, or there are few", width)
		}
	}
}

// A table of a screen that is wide enough for a table shows all of its columns: what
// is cut off at the right is not seen by who does not know of it.
func TestTablesFitTheirCards(t *testing.T) {
	s := lived(t)
	b := s.open(t, true)
	b.signIn()
	const cut = `[...document.querySelectorAll(".table-responsive")].filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth)
		.map(e => e.querySelector("table").getAttribute("aria-label") + " by " + (e.scrollWidth - e.clientWidth) + " px").join(", ")`
	// Numbers of many services are longer than those of the few that are there.
	const long = `document.querySelectorAll("#teams td .sub, #services td .sub").forEach(e => e.textContent = "12.3\u00a0h to 12.3\u00a0d · n\u00a012,345");
		document.querySelectorAll("#teams tbody th a, #services tbody th a").forEach(e => e.textContent = "mobile-payments-core")`
	for _, width := range []int64{1440, 1280, 1024, 390} {
		for _, p := range insights() {
			b.look("light", width)
			b.goTo(p.path)
			b.does("(() => { " + long + " })()")
			if tables := run(b, chromedp.Evaluate[string](cut)); tables != "" {
				t.Errorf("%s, %d px: cut off are %s", p.path, width, tables)
				b.picture(fmt.Sprintf("cut-%s-%d", p.name, width))
			}
		}
	}
}
