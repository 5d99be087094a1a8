package portal_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

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

// open starts a browser; without scripts it reads pages as they are sent.
func (s *site) open(t *testing.T, scripts bool) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(testenv.Chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("force-color-profile", "srgb"),
		chromedp.Flag("font-render-hinting", "none"), chromedp.WSURLReadTimeout(patience),
	)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
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
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		var err error
		if shown, err = chromedp.Run(b, chromedp.Evaluate[string](find)); err == nil && strings.Contains(shown, text) {
			return
		}
		select {
		case <-b.Done():
			b.t.Fatalf("waiting for %q: %v", text, b.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	b.picture("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
	b.t.Fatalf("%s shows %q, want %q in it", selector, shown, text)
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
