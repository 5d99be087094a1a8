package portal_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/source"
)

// patience bounds every wait for something that is certain to come.
const patience = 120 * time.Second

// site is a real platform in this process, with a client of its admin.
type site struct {
	*client.Client
	url, data string
	close     func()
}

// start opens a platform in the folder and serves it on a free port.
func start(data string) (*site, error) {
	ctx, stop := context.WithCancel(context.Background())
	var log bytes.Buffer
	p, err := app.Open(ctx, config.Config{Data: data, Listen: "127.0.0.1:0", Database: filepath.Join(data, "stoa.db"), Version: "0.1.0"},
		slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		stop()
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := p.Serve(ctx); err != nil {
			panic(err)
		}
	}()
	<-p.Ready()
	s := &site{url: p.URL(), data: data, close: func() {
		stop()
		<-ended
		if err := p.Close(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, "close the platform:", err)
		}
		fmt.Fprint(os.Stderr, log.String())
	}}
	token, err := os.ReadFile(filepath.Join(data, auth.AdminTokenFile))
	if err != nil {
		return s, err
	}
	s.Client, err = client.New(s.url, strings.TrimSpace(string(token)))
	return s, err
}

// empty is a platform on which nothing was deployed yet.
func empty(t *testing.T) *site {
	t.Helper()
	s, err := start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// shared holds the one platform with data that the tests of this package share.
var shared struct {
	once sync.Once
	site *site
	err  error
}

// seeded is a platform with teams and services that were really deployed. Tests
// share it: they change only what no other test looks at.
func seeded(t *testing.T) *site {
	t.Helper()
	shared.once.Do(func() {
		data, err := os.MkdirTemp("", "stoa-portal-test-")
		if err != nil {
			shared.err = err
			return
		}
		if shared.site, shared.err = start(data); shared.err == nil {
			shared.err = shared.site.seed(context.Background())
		}
	})
	if shared.err != nil {
		t.Fatalf("seed the platform: %v", shared.err)
	}
	return shared.site
}

func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.close != nil {
		chromium.close()
	}
	for _, s := range []*site{shared.site, inhabited.site} {
		if s != nil {
			s.close()
			_ = os.RemoveAll(s.data)
		}
	}
	os.Exit(code)
}

// declared are the teams, people and rules of the seeded platform.
const declared = `
{apiVersion: stoa.dev/v1, kind: User, metadata: {name: ann}, spec: {role: viewer}}
---
{apiVersion: stoa.dev/v1, kind: User, metadata: {name: bob}, spec: {role: viewer}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments, description: Takes the money}, spec: {owners: [admin, ann], members: [bob], contact: "#payments"}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: search}, spec: {owners: [bob]}}
---
{apiVersion: stoa.dev/v1, kind: Quota, metadata: {name: payments}, spec: {team: payments, services: 10, instances: 12, memory: 8Gi}}
---
{apiVersion: stoa.dev/v1, kind: Policy, metadata: {name: has-a-commit}, spec: {require: "has(release.spec.origin) && release.spec.origin.commit != ''", outcome: warn, message: the source has no commit, next: [git commit]}}
---
{apiVersion: stoa.dev/v1, kind: Exception, metadata: {name: old-build}, spec: {gate: policy/has-a-commit, target: team/payments, reason: until the old build is moved out, approvers: [ann], sunset: SUNSET}}
`

// password is ann's.
const password = "a long enough passphrase"

func (s *site) seed(ctx context.Context) error {
	if _, err := s.Apply(ctx, strings.NewReader(strings.ReplaceAll(declared, "SUNSET", time.Now().AddDate(0, 6, 0).UTC().Format(time.RFC3339))), "seed.yaml", "the first teams", false); err != nil {
		return err
	}
	if err := s.CreateAccount(ctx, "ann", "Ann"); err != nil {
		return err
	}
	if err := s.SetPassword(ctx, "ann", "", password); err != nil {
		return err
	}
	hello := "../../examples/hello"
	for _, release := range []struct {
		name, env, team, reason string
		edit                    map[string]string // of main.go
		set                     map[string]string
		fails                   bool
	}{
		{name: "hello", env: "dev", team: "payments", reason: "first try"},
		{name: "hello", env: "dev", team: "payments", reason: "friendlier", edit: map[string]string{"Hello, %s!": "Good day, %s!"}, set: map[string]string{"LOG_LEVEL": "info"}},
		{name: "checkout", env: "dev", team: "payments", reason: "", edit: map[string]string{`"GET /healthz"`: `"GET /livez"`}},
		{name: "invoices", env: "dev", team: "payments", reason: "monthly run", edit: map[string]string{"fmt.Fprintln(w, \"ok\")": "fmt.Fprintln(w, nothing)"}, fails: true},
		{name: "index", env: "dev", team: "search"},
		{name: "index", env: "dev", team: "search", reason: "faster", edit: map[string]string{"Hello, %s!": "Found, %s!"}},
	} {
		dir, err := os.MkdirTemp("", "stoa-portal-source-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := copyEdited(hello, dir, release.edit); err != nil {
			return err
		}
		rel, err := s.release(ctx, dir, client.ReleaseSpec{Service: release.name, Environment: release.env, Set: release.set}, release.team, release.reason)
		if err != nil {
			return fmt.Errorf("release %s: %w", release.name, err)
		}
		if failed := rel.Status.Phase == "failed"; failed != release.fails {
			return fmt.Errorf("release %s: %s: %v", rel.Metadata.Name, rel.Status.Phase, rel.Status.Problem)
		}
	}
	rel, err := s.Promote(ctx, "hello", "dev", "production", "ready")
	if err != nil {
		return err
	}
	_, err = s.Watch(ctx, rel.Metadata.Name, nil, nil)
	return err
}

// release uploads a folder and waits until its release is done.
func (s *site) release(ctx context.Context, dir string, spec client.ReleaseSpec, team, reason string) (client.Release, error) {
	rel, err := s.admit(ctx, dir, spec, team, reason)
	if err != nil {
		return rel, err
	}
	return s.Watch(ctx, rel.Metadata.Name, nil, nil)
}

// admit begins a release of a folder.
func (s *site) admit(ctx context.Context, dir string, spec client.ReleaseSpec, team, reason string) (client.Release, error) {
	snapshot, err := source.Scan(ctx, dir)
	if err != nil {
		return client.Release{}, err
	}
	if err := s.Upload(ctx, string(snapshot.Digest), func(w io.Writer) error { return snapshot.WriteTar(w) }); err != nil {
		return client.Release{}, err
	}
	spec.Source = string(snapshot.Digest)
	return s.Client.Release(ctx, spec, team, reason, false)
}

func copyEdited(from, to string, edit map[string]string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(from, entry.Name()))
		if err != nil {
			return err
		}
		for old, now := range edit {
			text = bytes.ReplaceAll(text, []byte(old), []byte(now))
		}
		if err := os.WriteFile(filepath.Join(to, entry.Name()), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// visit sends a request to a service by its host name. An answer that is none
// of the service's is an error that says what came instead.
func (s *site) visit(ctx context.Context, host, path string) error {
	u, err := url.Parse(s.url)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return err
	}
	r.Host = host + ".localhost:" + u.Port()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s%s answers %s: %s", host, path, answer.Status, body)
	}
	return err
}

// browserless is a signed-in client that takes pages as they are sent.
func (s *site) browserless(t *testing.T, form url.Values) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: patience}
	answer, err := c.PostForm(s.url+"/signin", form)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.Request.URL.Path != "/" {
		t.Fatalf("sign-in led to %s: %s", answer.Request.URL, answer.Status)
	}
	return c
}

// code is the form that signs the admin in by a one-time code.
func (s *site) code(t *testing.T) url.Values {
	t.Helper()
	code, err := s.SignInCode(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"code": {code}}
}
