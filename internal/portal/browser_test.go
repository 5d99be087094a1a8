package portal_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// browser is a real Chromium with one page.
type browser struct {
	context.Context
	t    *testing.T
	site *site
	mu   sync.Mutex
	said []string // what the console complained of: there must be nothing
}

// chromium is the one browser of this package's tests. Each test has a window of
// its own in it that shares nothing with the others.
var chromium struct {
	once sync.Once
	context.Context
	close func()
	err   error
}

// started gives the browser, which starts when a test first asks for it.
func started(t *testing.T) context.Context {
	t.Helper()
	path := testenv.Chromium(t)
	chromium.once.Do(func() {
		profile, err := os.MkdirTemp("", "stoa-portal-browser-")
		if err != nil {
			chromium.err = err
			return
		}
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile),
			chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("force-color-profile", "srgb"),
			chromedp.Flag("font-render-hinting", "none"), chromedp.WSURLReadTimeout(patience),
		)
		allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(allocator)
		chromium.Context, chromium.close = ctx, func() {
			cancel()
			stop()
			_ = os.RemoveAll(profile)
		}
		_, chromium.err = chromedp.Run(ctx, chromedp.Navigate("about:blank"))
	})
	if chromium.err != nil {
		t.Fatalf("start the browser: %v", chromium.err)
	}
	return chromium.Context
}

// open opens a window; without scripts it reads pages as they are sent.
func (s *site) open(t *testing.T, scripts bool) *browser {
	t.Helper()
	ctx, cancel := chromedp.NewContext(started(t), chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	b := &browser{Context: ctx, t: t, site: s}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if (m.IsException() || m.Type == "error" || m.Type == "warning") && m.Source != "network" {
				b.mu.Lock()
				b.said = append(b.said, m.String())
				b.mu.Unlock()
			}
		}
	}()
	call(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
	return b
}

func call[P, R any](b *browser, command cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b, command, params); err != nil {
		b.t.Fatalf("in the browser: %v", err)
	}
}

// run carries an action out within patience, and fails the test when it cannot be.
func run[T any](b *browser, action chromedp.Action[T]) T {
	b.t.Helper()
	bounded, end := context.WithTimeout(b, patience)
	defer end()
	value, err := chromedp.Run(bounded, action)
	if err != nil {
		b.picture("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
		b.t.Fatalf("in the browser: %v", err)
	}
	return value
}

// do carries out several.
func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	run(b, chromedp.Steps(actions...))
}

// silent fails the test for what the console told, such as what the content
// security policy has refused.
func (b *browser) silent(where string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, what := range b.said {
		b.t.Errorf("%s: the console says: %s", where, what)
	}
	b.said = nil
}

// signIn enters by a one-time code, as the command line's link does.
func (b *browser) signIn() {
	b.t.Helper()
	b.do(chromedp.Navigate(b.site.url+"/signin?code="+b.site.code(b.t).Get("code")),
		chromedp.Click(chromedp.CSS(`form[action="/signin"] button[type=submit]`)),
		chromedp.WaitVisible(chromedp.CSS(`header.top`)))
}

// goTo opens a page of the portal.
func (b *browser) goTo(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.site.url+path), chromedp.WaitReady(chromedp.CSS("main")))
}

// sees waits until the text stands somewhere in what the selector finds.
func (b *browser) sees(selector, text string) {
	b.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll(%q)].map(e => e.innerText).join("\n")`, selector)
	var shown string
	if !b.within(patience, func() bool {
		now, err := chromedp.Run(b, chromedp.Evaluate[string](find))
		if err == nil {
			shown = now
		}
		return err == nil && strings.Contains(now, text)
	}) {
		b.picture("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
		b.t.Fatalf("%s shows %q, want %q in it", selector, shown, text)
	}
}

// comesToBe waits until the expression holds in the page. What fails while one
// page makes room for the next is no answer yet.
func (b *browser) comesToBe(expression string) {
	b.t.Helper()
	b.waits(expression, func() bool {
		holds, err := chromedp.Run(b, chromedp.Evaluate[bool]("!!("+expression+")"))
		return err == nil && holds
	})
}

// waits asks again and again until it is so.
func (b *browser) waits(what string, so func() bool) {
	b.t.Helper()
	if !b.within(patience, so) {
		b.picture("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
		b.t.Fatalf("never came to be: %s", what)
	}
}

// within asks again and again whether it is so, for so long.
func (b *browser) within(d time.Duration, so func() bool) bool {
	for deadline := time.Now().Add(d); !so(); {
		if time.Now().After(deadline) || b.Err() != nil {
			return false
		}
		<-time.After(50 * time.Millisecond)
	}
	return true
}

// does evaluates an expression in the page for its effect.
func (b *browser) does(expression string) {
	b.t.Helper()
	run(b, chromedp.Evaluate[chromedp.Void](expression))
}

// loads waits until what act brings about has led to another document, and that
// is there whole.
func (b *browser) loads(act func()) {
	b.t.Helper()
	b.does(`window.before = true`)
	act()
	b.comesToBe(`!window.before && document.readyState === "complete" && document.querySelector("main")`)
}

// at waits until the browser is at the path.
func (b *browser) at(path string) {
	b.t.Helper()
	b.comesToBe(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, path))
}

// focuses puts the focus on an element, as the tabulator does, with all that a
// field holds selected.
func (b *browser) focuses(selector string) {
	b.t.Helper()
	b.comesToBe(fmt.Sprintf(`(e => { if (!e?.checkVisibility() || e.disabled) return false; e.focus(); e.select?.(); return document.activeElement === e })(document.querySelector(%q))`, selector))
}

// fills types into a field in place of what is there.
func (b *browser) fills(field, text string) {
	b.t.Helper()
	b.focuses(field)
	call(b, input.InsertText, input.InsertTextParams{Text: text})
	b.holds(field, text)
}

// holds waits until the field holds the text.
func (b *browser) holds(field, text string) {
	b.t.Helper()
	b.comesToBe(fmt.Sprintf(`document.querySelector(%q)?.value === %q`, field, text))
}

// submits sends a form by its button, from the keyboard.
func (b *browser) submits(form string) {
	b.t.Helper()
	b.presses(form + " button[type=submit]")
}

// presses presses a button that leads to another page.
func (b *browser) presses(button string) {
	b.t.Helper()
	b.focuses(button)
	b.loads(func() { b.do(chromedp.KeyEvent(kb.Enter)) })
}

// follows clicks a link.
func (b *browser) follows(link string) {
	b.t.Helper()
	b.loads(func() { b.clicks(link) })
}

// opens unfolds what a <details> holds.
func (b *browser) opens(details string) {
	b.t.Helper()
	b.clicks(details + " > summary")
	b.comesToBe(fmt.Sprintf(`document.querySelector(%q)?.open`, details))
}

// clicks clicks an element with the pointer once it lies still and nothing
// lies over it.
func (b *browser) clicks(selector string) {
	b.t.Helper()
	find := fmt.Sprintf(`(e => {
		if (!e?.checkVisibility() || document.readyState !== "complete") return [];
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getClientRects()[0], x = r.x + r.width / 2, y = r.y + r.height / 2;
		return e.contains(document.elementFromPoint(x, y)) ? [x, y] : [];
	})(document.querySelector(%q))`, selector)
	var at []float64
	b.waits("a place to click "+selector, func() bool {
		now, err := chromedp.Run(b, chromedp.Evaluate[[]float64](find))
		still := err == nil && len(now) == 2 && slices.Equal(now, at)
		at = now
		return still
	})
	b.do(chromedp.MouseClickXY(at[0], at[1]))
}

// until looks again, as a person without scripts does, until the text is there.
func (b *browser) until(selector, text string) {
	b.t.Helper()
	b.waits(fmt.Sprintf("%s with the text %q", selector, text), func() bool {
		find := fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q) ?? false`, selector, text)
		if so, err := chromedp.Run(b, chromedp.Evaluate[bool](find)); err == nil && so {
			return true
		}
		b.loads(func() { b.do(chromedp.Reload()) })
		return false
	})
}

// keeps waits until the browser keeps a cookie with the value.
func (b *browser) keeps(name, value string) {
	b.t.Helper()
	b.waits("cookie "+name+"="+value, func() bool {
		kept, err := chromedp.Call(b, network.GetCookies, network.GetCookiesParams{})
		return err == nil && slices.ContainsFunc(kept.Cookies, func(c *network.Cookie) bool { return c.Name == name && c.Value == value })
	})
}

// look sets the theme and the width of the window.
func (b *browser) look(theme string, width int64) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	b.do(chromedp.EmulateViewport(width, 900))
}

// picture writes a picture of the whole page to the test output.
func (b *browser) picture(name string) {
	b.t.Helper()
	// What is fixed to the window's end would lie in the middle of a long picture.
	size, err := chromedp.Run(b, chromedp.Evaluate[[]int64]("[innerWidth, Math.max(900, document.documentElement.scrollHeight)]"))
	if err == nil && len(size) == 2 {
		_, err = chromedp.Run(b, chromedp.EmulateViewport(size[0], size[1]))
	}
	if err != nil {
		b.t.Logf("no picture %s: %v", name, err)
		return
	}
	defer func() { _, _ = chromedp.Run(b, chromedp.EmulateViewport(size[0], 900)) }()
	png, err := chromedp.Run(b, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Logf("no picture %s: %v", name, err)
		return
	}
	dir := output()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// output is the folder for what tests leave to be looked at.
func output() string {
	if dir := os.Getenv("STOA_TEST_OUTPUT"); dir != "" {
		return filepath.Join(dir, "portal")
	}
	return filepath.Join("..", "..", "test-output", "portal")
}
