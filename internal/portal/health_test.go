package portal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
)

// fragile answers until it is told to break, which what runs of it is not.
var fragile = map[string]string{"func main() {\n": "func main() {\n\tif os.Getenv(\"BREAK\") != \"\" {\n\t\tos.Exit(1)\n\t}\n"}

// The portal says of a service what the API says of it, and the first page says
// that all is well only where it is.
func TestHealthIsToldAlike(t *testing.T) {
	s := empty(t)
	team := `{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: payments}, spec: {owners: [admin]}}`
	if _, err := s.Apply(t.Context(), strings.NewReader(team), "team.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := copyEdited("../../examples/hello", dir, fragile); err != nil {
		t.Fatal(err)
	}
	release := func(set map[string]string) client.Release {
		rel, err := s.release(t.Context(), dir, client.ReleaseSpec{Service: "hello", Environment: "dev", Set: set}, "payments", "")
		if err != nil {
			t.Fatal(err)
		}
		return rel
	}
	if rel := release(nil); rel.Status.Phase != client.PhaseSucceeded {
		t.Fatalf("it was not deployed: %v", rel.Status.Problem)
	}
	c := s.browserless(t, s.code(t))
	if home := get(t, c, s.url+"/"); !strings.Contains(home.text("main"), "runs well") {
		t.Errorf("nothing is wrong, and the first page does not say so: %s", home.text("main"))
	}
	if rel := release(map[string]string{"BREAK": "now"}); rel.Status.Phase != client.PhaseFailed {
		t.Fatalf("it was deployed although it ends: %s", rel.Status.Phase)
	}
	if home := get(t, c, s.url+"/").text("main"); strings.Contains(home, "runs well") || !strings.Contains(home, "1 release failed and no newer one succeeded yet; 1 of 1 deployments run well") {
		t.Errorf("next to a release that failed the first page says: %s", home)
	}
	broken := `{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: hello, owner: payments}, spec: {type: backend, environments: {dev: {replicas: 1, env: {BREAK: again}}}}}`
	if _, err := s.Apply(t.Context(), strings.NewReader(broken), "hello.yaml", "", false); err != nil {
		t.Fatal(err)
	}
	degraded(t, s, "hello", "dev")
	if got := get(t, c, s.url+"/services/hello").text("p#state"); !strings.HasPrefix(got, client.StateDegraded) {
		t.Errorf("the page of the service says %q", got)
	}
	if rows := get(t, c, s.url+"/services?state="+client.StateDegraded).all("a.row-link"); len(rows) != 1 {
		t.Errorf("the list has %d degraded services, want 1", len(rows))
	}
	if home := get(t, c, s.url+"/").text("main"); !strings.Contains(home, "0 of 1 deployments run well; 1 thing waits for you") {
		t.Errorf("next to a degraded service the first page says: %s", home)
	}
	all, err := s.Status(t.Context(), "")
	if err != nil || all.Services != 1 || all.States[client.StateDegraded] != 1 || len(all.Unwell) != 1 || all.Unwell[0].Service != "hello" || all.Unwell[0].Why == "" {
		t.Errorf("the API says of all services %+v (%v)", all, err)
	}
	if release(map[string]string{"BREAK": ""}); !strings.Contains(get(t, c, s.url+"/").text("main"), "Your service runs well") {
		t.Errorf("a newer release succeeded, and the first page says: %s", get(t, c, s.url+"/").text("main"))
	}
}

// A sentence does not begin with the name of a release, which would get a capital
// that it does not have.
func TestReleasesKeepTheirNames(t *testing.T) {
	s := empty(t)
	dir := t.TempDir()
	if err := copyEdited("../../examples/hello", dir, fragile); err != nil {
		t.Fatal(err)
	}
	c := s.browserless(t, s.code(t))
	for _, step := range []struct{ set, want string }{
		{"now", "Release hello-1 did not come up: "}, {"", "hello-2 has served since "}, {"again", " Release hello-3 failed at "},
	} {
		spec := client.ReleaseSpec{Service: "hello", Environment: "dev", Set: map[string]string{"BREAK": step.set}}
		if _, err := s.release(t.Context(), dir, spec, "platform", ""); err != nil {
			t.Fatal(err)
		}
		if got := get(t, c, s.url+"/services/hello").text("p#state"); !strings.Contains(got, step.want) || strings.Contains(got, "Hello-") {
			t.Errorf("the page of the service says %q, want %q", got, step.want)
		}
	}
}

// A process that a Procfile states beside the one that serves counts: where it
// ends again and again the service is degraded, and it is told which and why.
func TestProcessBesideIsTold(t *testing.T) {
	s := empty(t)
	dir := t.TempDir()
	if err := copyEdited("../../examples/hello", dir, nil); err != nil {
		t.Fatal(err)
	}
	procfile := "worker: sh -c 'test -e \"$HOME/was\" && exit 3; touch \"$HOME/was\"; sleep 3'\n" // comes up once
	if err := os.WriteFile(filepath.Join(dir, "Procfile"), []byte(procfile), 0o600); err != nil {
		t.Fatal(err)
	}
	rel, err := s.release(t.Context(), dir, client.ReleaseSpec{Service: "hello", Environment: "dev"}, "platform", "")
	if err != nil || rel.Status.Phase != client.PhaseSucceeded {
		t.Fatalf("it was not deployed: %v, %v", rel.Status.Problem, err)
	}
	degraded(t, s, "hello", "dev")
	status, err := s.ServiceStatus(t.Context(), "hello")
	if err != nil {
		t.Fatal(err)
	}
	at := status.Environments["dev"]
	if !strings.HasPrefix(at.Shortfall, "process worker ") || at.Healthy != 1 || len(at.Instances) != 2 || at.Instances[1].Process != "worker" {
		t.Errorf("the API says %+v", at)
	}
	page := get(t, s.browserless(t, s.code(t)), s.url+"/services/hello")
	if got := page.text("p#state"); !strings.HasPrefix(got, client.StateDegraded) || !strings.Contains(got, "Process worker ") {
		t.Errorf("the page of the service says %q", got)
	}
	if got := page.text("section[aria-labelledby=instances]"); !strings.Contains(got, "1 of 1") || !strings.Contains(got, "process worker") {
		t.Errorf("its instances are told as %q", got)
	}
}

// degraded waits until the API says that a service is.
func degraded(t *testing.T, s *site, service, env string) {
	t.Helper()
	for limit := time.Now().Add(patience / 3); ; {
		status, err := s.ServiceStatus(t.Context(), service)
		if err != nil {
			t.Fatal(err)
		}
		at := status.Environments[env]
		if at.State == client.StateDegraded && at.Message+at.Shortfall != "" {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("the API says %q: %q, %q", at.State, at.Message, at.Shortfall)
		}
		<-time.After(50 * time.Millisecond)
	}
}
