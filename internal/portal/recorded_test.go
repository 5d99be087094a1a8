package portal_test

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/portal"
)

// use is what a look at a page or a form that was sent is recorded as.
type use struct{ Capability, Service, Environment string }

// uses counts what is recorded of a person's visits.
func (s *site) uses(t *testing.T, person string) (counted map[use]int, all int) {
	t.Helper()
	events, _, err := s.Events(t.Context(), client.EventQuery{Actor: "user/" + person, Types: []string{"dev.stoa.usage.recorded"}, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	counted = map[use]int{}
	for _, e := range events {
		n, err := strconv.Atoi(e.Extensions["count"])
		if err != nil || e.Extensions["surface"] != "portal" {
			t.Errorf("a use with the extensions %v", e.Extensions)
		}
		counted[use{e.Capability, e.Service, e.Environment}] += n
		all += n
	}
	return counted, all
}

// TestEveryPageIsRecorded walks the portal's own table: whatever page is looked at
// and whatever form is sent is one use, also of a page that is yet to be written.
func TestEveryPageIsRecorded(t *testing.T) {
	s := seeded(t)
	const person = "vera"
	if _, err := s.Apply(t.Context(), strings.NewReader(`{apiVersion: stoa.dev/v1, kind: User, metadata: {name: vera}, spec: {role: platform-member}}`), "", "", false); err != nil {
		t.Fatal(err)
	}
	if err := s.CreateAccount(t.Context(), person, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.SetPassword(t.Context(), person, "", password); err != nil {
		t.Fatal(err)
	}
	c := s.browserless(t, url.Values{"name": {person}, "password": {password}})
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	about := strings.NewReplacer("/services/{name}", "/services/hello", "/releases/{name}", "/releases/hello-1", "/teams/{name}", "/teams/payments",
		"/measures/{name}", "/measures/lead-time", "{seq}", "12", "{path...}", "policies", "{$}", "")
	// Forms with what they send; most are wrong, and then shown again.
	forms := map[string]url.Values{
		"POST /services/{name}/detected": {"env": {"dev"}, "do": {"override"}, "field": {"health"}, "value": {"livez"}},
		"POST /services/{name}/settings": {"env": {"dev"}, "value": {"of nothing"}},
		"POST /services/{name}/scale":    {"env": {"dev"}, "replicas": {"1"}}, // as it is
		"POST /services/{name}/rollback": {"env": {"dev"}},
		"POST /services/{name}/cancel":   {"env": {"dev"}},
		"POST /services/{name}/promote":  {"env": {"dev"}},
		"POST /services/{name}/restart":  {"env": {"dev"}},
		"POST /teams/{name}/access":      {"reason": {"to look around"}},
		"POST /scorecard/targets":        {"value.lead-time": {"soon"}},
	}
	// What is more than a look.
	capabilities := map[string]string{
		"GET /services/{name}/logs": "logs", "GET /audit": "audit", "GET /audit/{seq}": "audit",
		"POST /services/{name}/scale": "deploy", "POST /services/{name}/restart": "deploy", "POST /teams/{name}/access": "catalog",
	}
	want := map[use]int{{Capability: "portal"}: 1} // signing in leads to the first page
	for _, pattern := range portal.Pages {
		method, path, _ := strings.Cut(about.Replace(pattern), " ")
		if method == http.MethodPost && forms[pattern] == nil {
			t.Errorf("%s: no form is sent there", pattern)
			continue
		}
		status := send(t, c, method, s.url+path+"?env=dev", forms[pattern])
		if status != http.StatusOK && (method == http.MethodGet || status != http.StatusSeeOther && status != http.StatusUnprocessableEntity) {
			t.Errorf("%s answers %d", pattern, status)
			continue
		}
		is := use{Capability: "portal"}
		if more := capabilities[pattern]; more != "" {
			is.Capability = more
		}
		if strings.HasPrefix(path, "/services/") || strings.HasPrefix(path, "/releases/") {
			is.Service, is.Environment = "hello", "dev"
		}
		want[is]++
	}
	// What is live on a page that is open, what is asked for while somebody types,
	// and what there is not, is no look at a page.
	for _, pattern := range portal.Streams {
		_, path, _ := strings.Cut(about.Replace(pattern), " ")
		if status := send(t, c, http.MethodGet, s.url+path+"?env=dev", nil); status != http.StatusOK {
			t.Errorf("%s answers %d", pattern, status)
		}
	}
	for path, answers := range map[string]int{"/search?q=he&format=json": 200, "/services/nowhere": 404, "/nowhere": 404, "/audit/999999": 404} {
		if status := send(t, c, http.MethodGet, s.url+path, nil); status != answers {
			t.Errorf("%s answers %d", path, status)
		}
	}

	sum := 0
	for n := range maps.Values(want) {
		sum += n
	}
	for deadline := time.Now().Add(patience); ; {
		counted, all := s.uses(t, person)
		if maps.Equal(counted, want) {
			return
		}
		if all >= sum || time.Now().After(deadline) {
			t.Fatalf("recorded is more and less than was looked at:\n%s", cmp.Diff(want, counted))
		}
		<-time.After(500 * time.Millisecond)
	}
}

// send makes a request and gives the status of its answer, of which no more is read.
func send(t *testing.T, c *http.Client, method, address string, form url.Values) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close() // of a stream it is left
	return response.StatusCode
}
