package app_test

import (
	"fmt"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/event/eventtest"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// workflow is a CI job as it stands in a repository: it builds, tests, deploys,
// looks whether what it deployed works, and tells of each.
const workflow = `set -eu
mkdir -p "$SERVED/built"
sed 's/^/built of /' app >"$SERVED/built/app"                            # build
if grep -q 'fails its tests' "$SERVED/built/app"; then                     # test
	STOA_ENVIRONMENT= STOA_TIME=$AT sh "$POST" finished failure
	exit 1
fi
previous=$(cat "$SERVED/commit" 2>/dev/null || true)                       # deploy
cp "$SERVED/built/app" "$SERVED/app"
git rev-parse HEAD >"$SERVED/commit"
STOA_PREVIOUS=$previous STOA_TIME=$AT sh "$POST" deployed
if grep -q 'fails when it serves' "$SERVED/app"; then                      # check
	STOA_TIME=$CHECKED sh "$POST" detected basket-down
	exit 1
fi
if [ -n "${STOA_FIXES:-}" ]; then
	STOA_TIME=$CHECKED sh "$POST" resolved "$STOA_FIXES"
fi
STOA_TIME=$CHECKED sh "$POST" finished success
`

// pipeline is a repository with that job, of a service that runs elsewhere.
type pipeline struct {
	t      *testing.T
	dir    string
	served string
	env    []string
}

func (c *pipeline) git(at time.Time, args ...string) string {
	c.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = c.dir
	stamp := at.Format(time.RFC3339)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_DATE="+stamp, "GIT_COMMITTER_DATE="+stamp,
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit changes what the service is, at a time.
func (c *pipeline) commit(at time.Time, app string) string {
	c.t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "app"), []byte(app+"\n"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.git(at, "add", ".")
	c.git(at, "commit", "-q", "-m", app)
	return c.git(at, "rev-parse", "HEAD")
}

// run runs the job, which deploys at a time and checks at a later one.
func (c *pipeline) run(name string, at, checked time.Time, ends int, more ...string) string {
	c.t.Helper()
	cmd := exec.Command("sh", "workflow.sh")
	cmd.Dir = c.dir
	cmd.Env = slices.Concat(c.env, []string{"STOA_RUN=" + name, "AT=" + at.Format(time.RFC3339), "CHECKED=" + checked.Format(time.RFC3339)}, more)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != ends {
		c.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// What a CI job tells by a script of a few lines moves the measures of delivery
// by exactly what happened, and what it told is their evidence.
func TestPipelineTellsByScript(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"git", "curl"} {
		testenv.Need(t, tool)
	}
	p := open(t, "")
	doc := "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments}}\n---\n{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: basket, owner: payments}}\n"
	if _, err := p.Apply(t.Context(), strings.NewReader(doc), "basket.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	post, err := filepath.Abs("../../examples/ci/post-deployment.sh")
	if err != nil {
		t.Fatal(err)
	}
	token := p.tokenOf(t, "ci", "payments")
	c := &pipeline{t: t, dir: t.TempDir(), served: t.TempDir()}
	c.env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "POST=" + post, "SERVED=" + c.served,
		"STOA_SERVER=" + p.url, "STOA_TOKEN=" + token, "STOA_SERVICE=basket", "STOA_SOURCE=https://ci.example.org/basket"}
	if err := os.WriteFile(filepath.Join(c.dir, "workflow.sh"), []byte(workflow), 0o600); err != nil {
		t.Fatal(err)
	}
	names := []string{"deployment-frequency", "lead-time", "change-failure-rate", "recovery-time", "failed-pipelines"}
	for _, name := range names {
		if got := p.basket(t, name); got != "none of 0" {
			t.Errorf("before anything happened, %s is %s", name, got)
		}
	}

	now := time.Now().UTC().Truncate(time.Minute)
	ago := func(minutes int) time.Time { return now.Add(-time.Duration(minutes) * time.Minute) }
	c.git(ago(600), "init", "-q", "-b", "main")
	c.commit(ago(600), "a basket")
	c.run("run-1", ago(540), ago(535), 0) // one commit, an hour old
	c.commit(ago(420), "a basket with a handle")
	c.commit(ago(390), `a "basket" that \fails when it serves`)
	c.run("run-2", ago(360), ago(350), 1) // two commits, of 60 and 30 minutes
	c.commit(ago(320), "a basket that holds")
	again := func() string { return c.run("run-3", ago(300), ago(290), 0, "STOA_FIXES=basket-down") }
	served, err := os.ReadFile(filepath.Join(c.served, "commit"))
	if err != nil {
		t.Fatal(err)
	}
	again()                                                                                // one of 20 minutes
	if err := os.WriteFile(filepath.Join(c.served, "commit"), served, 0o600); err != nil { // as if the job had not got so far
		t.Fatal(err)
	}
	if out := again(); strings.Count(out, `"duplicate"`) != 3 || strings.Contains(out, token) {
		t.Errorf("told twice:\n%s", out)
	}
	c.git(ago(250), "checkout", "-q", "-b", "topic")
	c.commit(ago(250), "a basket that fails its tests")
	c.run("run-4", ago(240), ago(235), 1)

	p.caughtUp(t)
	at := func(id string) string { return "https://ci.example.org/basket " + id }
	deployed := []string{at("run-1/deployed/production"), at("run-2/deployed/production"), at("run-3/deployed/production")}
	failed := []string{at("incident/basket-down/detected"), at("incident/basket-down/resolved/" + ago(290).Format(time.RFC3339)), deployed[1], deployed[2]}
	for name, want := range map[string]struct {
		value string
		proof []string
	}{
		"deployment-frequency": {"0.1 of 1", deployed},
		"lead-time":            {"2700 of 4", deployed}, // of 60, 60, 30 and 20 minutes
		"change-failure-rate":  {"0.333333 of 3", failed},
		"recovery-time":        {"3600 of 1", failed}, // from the check of the second to that of the third
		"failed-pipelines":     {"1 of 1", []string{at("run-4/finished/")}},
	} {
		if got := p.basket(t, name); got != want.value {
			t.Errorf("%s is %s, want %s", name, got, want.value)
		}
		proof, _, err := p.Evidence(t.Context(), name, url.Values{"service": {"basket"}}, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range proof {
			got = append(got, e.Source+" "+e.ID)
		}
		slices.Sort(got)
		if !slices.Equal(got, want.proof) {
			t.Errorf("%s rests on %q, want %q", name, got, want.proof)
		}
	}
	told := p.events(t, client.EventQuery{Source: "https://ci.example.org/basket"})
	if len(told) != 8 {
		t.Errorf("%d events were told", len(told))
	}
	for _, e := range told {
		eventtest.CDEvent(t, event.Event{ID: e.ID, Source: e.Source, Type: e.Type, Time: e.Time, Data: e.Data})
		if e.Team != "payments" || e.Service != "basket" || (e.Environment == "") != strings.HasPrefix(e.ID, "run-4/") {
			t.Errorf("%s is of team %q, service %q in %q", e.ID, e.Team, e.Service, e.Environment)
		}
	}
}

// basket is what a measure says of the service, as "value of n".
func (p *platform) basket(t *testing.T, name string) string {
	t.Helper()
	answer, err := p.Measure(t.Context(), name, url.Values{"service": {"basket"}})
	if err != nil {
		t.Fatal(err)
	}
	point := answer.Points[0]
	if point.Value == nil {
		return fmt.Sprint("none of ", point.N)
	}
	return fmt.Sprintf("%.6g of %d", math.Round(*point.Value*1e6)/1e6, point.N)
}

// What the script cannot tell it says, and tells nothing else.
func TestScriptRefuses(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"git", "curl"} {
		testenv.Need(t, tool)
	}
	repo := &pipeline{t: t, dir: t.TempDir()}
	repo.git(time.Now(), "init", "-q")
	repo.commit(time.Now(), "x")
	p := open(t, "")
	doc := "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments}}\n"
	if _, err := p.Apply(t.Context(), strings.NewReader(doc), "team.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	token := p.tokenOf(t, "ci", "payments")
	post, err := filepath.Abs("../../examples/ci/post-deployment.sh")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		env  string
		ends int
		says string
	}{
		"nothing":               {nil, "", 2, "says deployed"},
		"an odd outcome":        {[]string{"finished", "maybe"}, "", 2, "success, failure"},
		"no incident":           {[]string{"detected"}, "", 2, "the name of the incident"},
		"nowhere":               {[]string{"deployed"}, "STOA_ENVIRONMENT=", 2, "has an environment"},
		"no token":              {[]string{"deployed"}, "STOA_TOKEN=", 2, "scope events"},
		"a token of nobody's":   {[]string{"deployed"}, "STOA_TOKEN=stoa_guess", 1, "unauthenticated"},
		"an odd time":           {[]string{"deployed"}, "STOA_TIME=yesterday", 1, "time"},
		"a source that is ours": {[]string{"deployed"}, "STOA_SOURCE=/stoa/delivery", 1, "forbidden"},
	} {
		cmd := exec.Command("sh", append([]string{post}, c.args...)...)
		cmd.Dir = repo.dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "STOA_SERVER=" + p.url, "STOA_TOKEN=" + token, "STOA_SERVICE=basket"}
		if c.env != "" {
			cmd.Env = append(cmd.Env, c.env)
		}
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.ends || !strings.Contains(string(out), c.says) {
			t.Errorf("%s: %d\n%s", name, got, out)
		}
	}
}
