package portal_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/portal"
)

// Pages tell a token no more than the API does: whatever the table has, one that
// was made to post events sees none of it and is told why, and one for reading does.
func TestPagesHeedScopesOfTokens(t *testing.T) {
	s := empty(t)
	if _, err := s.Apply(t.Context(), strings.NewReader(imported), "", "", false); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{}
	for _, scope := range []string{"events", "read"} {
		_, token, err := s.CreateToken(t.Context(), client.NewToken{Name: scope, Principal: "user/admin", Scopes: []string{scope}})
		if err != nil {
			t.Fatal(err)
		}
		tokens[scope] = token
	}
	ask := func(scope, method, path string) answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+tokens[scope])
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode == http.StatusOK && strings.Contains(response.Header.Get("Content-Type"), "event-stream") {
			_ = response.Body.Close() // it has no end
			return answer{Response: response, root: new(html.Node)}
		}
		return read(t, response, time.Now())
	}
	about := strings.NewReplacer("/releases/{name}", "/releases/none", "/teams/{name}", "/teams/payments", "/services/{name}", "/services/ledger",
		"/measures/{name}", "/measures/lead-time", "{seq}", "1", "{path...}", "policies", "{$}", "")
	for _, pattern := range append(portal.Pages, portal.Streams...) {
		method, path, _ := strings.Cut(about.Replace(pattern), " ")
		a := ask("events", method, path)
		if a.StatusCode != http.StatusForbidden || !strings.Contains(a.text("main"), "its scopes are events") {
			t.Errorf("%s tells a token for events %s: %.200s", pattern, a.Status, a.text("main"))
		}
	}
	for _, path := range []string{"/", "/services/ledger/settings", "/services/ledger/releases", "/services/ledger/history", "/teams", "/adoption", "/me"} {
		if a := ask("read", http.MethodGet, path); a.StatusCode != http.StatusOK {
			t.Errorf("%s tells a token for reading %s: %.200s", path, a.Status, a.text("main"))
		}
	}
}
