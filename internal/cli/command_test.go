package cli

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/cli/output"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/problem"
)

// plain is a command whose streams are buffers, as in a pipe.
func plain() (c *Command, out, err *bytes.Buffer) {
	out, err = &bytes.Buffer{}, &bytes.Buffer{}
	return &Command{Printer: output.Printer{Out: out, Err: err}, In: strings.NewReader("")}, out, err
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"15m": now.Add(-15 * time.Minute), "3d": now.Add(-72 * time.Hour), "2026-01-31T12:00:00Z": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(in, now); err != nil || !got.Equal(want) {
			t.Errorf("since %s is %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "d", "-1h", "yesterday", "3w"} {
		if got, err := parseSince(in, now); err == nil || exitCode(err) != ExitWrong {
			t.Errorf("since %q is %v, %v", in, got, err)
		}
	}
}

func TestLineTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.Local)
	for want, at := range map[string]time.Time{
		"00:00:01.000": now.Add(-12*time.Hour + time.Second), "2026-11-21 23:59:59.000": now.Add(-12*time.Hour - time.Second),
		"2025-11-22 12:00:00.000": now.AddDate(-1, 0, 0),
	} {
		if got := output.Clock(at, now); got != want {
			t.Errorf("a line of %v is of %s, want %s", at, got, want)
		}
	}
}

// at is a host on whose data folder a platform runs at an address.
type at struct {
	Host
	address string
}

func (h at) Endpoint(string) string { return h.address }

// The platform of this host takes its administrator by every name that this host
// calls itself.
func TestAdministratorByEveryNameOfThisHost(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, auth.AdminTokenFile), []byte("stoa_admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv(config.EnvData, data)
	t.Setenv(config.EnvToken, "")
	for server, want := range map[string]string{
		"": "stoa_admin", "http://localhost:7911": "stoa_admin", "http://127.0.0.1:7911": "stoa_admin", "http://[::1]:7911": "stoa_admin",
		"http://127.0.0.1:7912": "", "http://192.0.2.7:7911": "",
	} {
		t.Setenv(config.EnvServer, server)
		c, _, _ := plain()
		c.host = at{address: "http://localhost:7911"}
		if got, token, err := c.target(); err != nil || token != want || want != "" && got != "http://localhost:7911" {
			t.Errorf("of %q it is %s with token %q (%v), want %q", server, got, token, err, want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	for kind, want := range map[problem.Kind]int{
		problem.Invalid: ExitWrong, problem.NotFound: ExitNotFound, problem.Conflict: ExitFailed, problem.Unauthenticated: ExitNotAllowed,
		problem.Forbidden: ExitNotAllowed, problem.Refused: ExitRefused, problem.TooLarge: ExitWrong, problem.TooMany: ExitFailed,
		problem.Failed: ExitFailed, problem.Unavailable: ExitFailed, problem.Internal: ExitFailed,
	} {
		if got := exitCode(fmt.Errorf("deep: %w", problem.New(kind, "it"))); got != want {
			t.Errorf("%s exits with %d, want %d", kind, got, want)
		}
	}
	if got := exitCode(errors.New("plain")); got != ExitFailed {
		t.Errorf("a plain error exits with %d", got)
	}
	if got := exitCode(usage("odd")); got != ExitWrong {
		t.Errorf("wrong usage exits with %d", got)
	}
}

// What a person reads first and what a script gets are one rule.
func TestExitCodesHaveWords(t *testing.T) {
	words := map[int]string{ExitFailed: "failed: ", ExitWrong: "wrong: ", ExitRefused: "refused: ", ExitNotFound: "not found: ", ExitNotAllowed: "not allowed: "}
	errs := []error{errors.New("plain"), usage("odd"), fmt.Errorf("deep: %w", usage("odd"))}
	for _, kind := range []problem.Kind{
		problem.Invalid, problem.NotFound, problem.Conflict, problem.Unauthenticated, problem.Forbidden, problem.Refused, problem.TooLarge,
		problem.TooMany, problem.Failed, problem.Unavailable, problem.Internal,
	} {
		errs = append(errs, problem.New(kind, "it"))
	}
	for _, err := range errs {
		c, _, told := plain()
		code := c.fail(t.Context(), nil, err)
		if word := words[code]; word == "" || !strings.HasPrefix(told.String(), word) {
			t.Errorf("%#v exits with %d and says %q", err, code, told)
		}
	}
}

// A command line that cannot be understood is wrong, whoever notices: cobra, a
// command before it asks a platform, or the platform.
func TestWrongCommandLines(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	for _, line := range []string{
		"staus", "secret sett", "get", "up a b", "up --replcas 3", "up --replicas three", "up --replicas 0", "get services -o toml",
		"login x.example --name ann --token-stdin", "login x.example --password-stdin --token-stdin", "login ftp://x.example --token-stdin", "login x.example --token x",
		"completion csh", "up --set novalue", "serve --runtime cloud",
		"measure lead-time --days 0", "get services --limit 0", "get services --limit 5000", "history shop --limit 501", "events list --limit -1",
		"logs shop -n -3", "logs shop --since later",
	} {
		var out, told bytes.Buffer
		code := Run(t.Context(), strings.Fields(line), Stdio{In: strings.NewReader("x"), Out: &out, Err: &told}, nil, "dev")
		if code != ExitWrong || !strings.HasPrefix(told.String(), "wrong: ") || out.Len() > 0 {
			t.Errorf("stoa %s exits with %d and says %q", line, code, &told)
		}
	}
}

// What explains a refusal is told with the address of the platform that refused.
func TestRefusalNamesThePage(t *testing.T) {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind":"refused","title":"over the quota","docs":"/docs/quotas"}`))
	}))
	defer platform.Close()
	c, _, told := plain()
	cl, err := c.client(platform.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = cl.Service(t.Context(), "shop")
	if code := c.fail(t.Context(), nil, err); code != ExitRefused || !strings.Contains(told.String(), platform.URL+"/docs/quotas") {
		t.Errorf("exit code %d, told:\n%s", code, told)
	}
}
