package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
)

// tellsNothing are what any token may ask: who it is and which tokens there are of
// its owner, what the platform is made of, and what proves its ledger.
var tellsNothing = []string{
	"whoami", "list-tokens", "version", "list-kinds", "find-kind", "list-measures", "checkpoint", "consistency",
}

// A token that was made to post events reads nothing, though its owner may read
// all: whatever the API's own description says can be had is asked for with it,
// and with a token without scopes, so that the refusal is the scope's.
func TestATokenForEventsReadsNothing(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	p.declare(t, "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: there}, spec: {owners: [admin]}}\n---\n"+
		"{apiVersion: stoa.dev/v1, kind: Service, metadata: {name: there, owner: there}}")
	tokens := map[string]string{}
	for name, scopes := range map[string][]string{"events": {"events"}, "all": nil} {
		_, token, err := p.CreateToken(t.Context(), client.NewToken{Name: name, Principal: "user/admin", Scopes: scopes})
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = token
	}
	asked := 0
	for _, at := range p.readings(t) {
		status, body := p.ask(t, tokens["events"], at.address)
		switch {
		case slices.Contains(tellsNothing, at.operation):
			if status != http.StatusOK && status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d, want it answered: %s", at.address, status, body)
			}
			continue
		case status != http.StatusForbidden || !strings.Contains(body, "its scopes are events"):
			t.Errorf("%s (%s) tells a token for events %d: %.200s", at.address, at.operation, status, body)
		}
		if status, body := p.ask(t, tokens["all"], at.address); status == http.StatusForbidden {
			t.Errorf("%s is refused to who may read it: %s", at.address, body)
		}
		asked++
	}
	if asked < 20 {
		t.Errorf("only %d things were asked for", asked)
	}
}

type reading struct{ operation, address string }

// readings are what the platform says can be read, as addresses to ask.
func (p *platform) readings(t *testing.T) []reading {
	t.Helper()
	_, text := p.ask(t, "", "/openapi.json")
	var described struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &described); err != nil {
		t.Fatal(err)
	}
	fill := strings.NewReplacer("{name}", "there", "{word}", "service", "{seq}", "1")
	var found []reading
	for path, methods := range described.Paths {
		var get struct {
			OperationID string `json:"operationId"`
			Parameters  []struct {
				Name, In string
				Required bool
			} `json:"parameters"`
		}
		if methods["get"] == nil {
			continue
		}
		if err := json.Unmarshal(methods["get"], &get); err != nil {
			t.Fatal(err)
		}
		address := fill.Replace(path)
		for _, parameter := range get.Parameters {
			if parameter.In == "query" && parameter.Required {
				address += fmt.Sprintf("?%s=%s", parameter.Name, map[string]string{"environment": "dev"}[parameter.Name])
			}
		}
		found = append(found, reading{get.OperationID, address})
	}
	return found
}

// ask gets an address of the platform. Of what goes on for ever only the
// beginning is read.
func (p *platform) ask(t *testing.T, token, address string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(p.url, "localhost", "127.0.0.1", 1)+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if strings.Contains(response.Header.Get("Content-Type"), "stream") {
		return response.StatusCode, ""
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
