package portal_test

import (
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
