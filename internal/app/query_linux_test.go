package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnknownParameters asks every operation with a parameter that it does not have:
// a filter that is misspelt is never answered as if nothing had been asked.
func TestUnknownParameters(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	token, err := os.ReadFile(filepath.Join(p.data, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	asked, meant := 0, 0
	for path, methods := range p.openAPI(t)["paths"].(map[string]any) {
		for method, described := range methods.(map[string]any) {
			name, want := "nonsense", ""
			parameters, _ := described.(map[string]any)["parameters"].([]any)
			for _, one := range parameters {
				parameter := one.(map[string]any)
				if known := parameter["name"].(string); parameter["in"] == "query" && len(known) > 4 {
					name, want = known+"x", "did you mean "+known // one letter too much
					meant++
					break
				}
			}
			asked++
			address := strings.Replace(p.url, "localhost", "127.0.0.1", 1) + inPath.ReplaceAllString(path, "some")
			request, err := http.NewRequestWithContext(t.Context(), strings.ToUpper(method), address+"?"+name+"=some", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != http.StatusUnprocessableEntity || response.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %s?%s: %s, %s", method, path, name, response.Status, response.Header.Get("Content-Type"))
				continue
			}
			if method == "head" { // which has no body
				continue
			}
			var told struct {
				Fields []struct{ Path, Message string }
				Next   []string
			}
			if err := json.Unmarshal(raw, &told); err != nil {
				t.Fatal(err)
			}
			if len(told.Fields) != 1 || told.Fields[0].Path != "query."+name || !strings.Contains(told.Fields[0].Message, "unknown parameter; "+want) || len(told.Next) == 0 {
				t.Errorf("%s %s?%s is told %s", method, path, name, raw)
			}
		}
	}
	if asked < 100 || meant < 50 {
		t.Errorf("only %d operations were asked, %d of them with what they have almost", asked, meant)
	}
}
