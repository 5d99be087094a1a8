package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/humatest"
)

// What the framework refuses is told in the words of the house: what, the limit,
// what was given, what next.
func TestWrongValues(t *testing.T) {
	useProblems()
	_, api := humatest.New(t)
	huma.Register(api, huma.Operation{OperationID: "try", Method: http.MethodPost, Path: "/try"}, func(context.Context, *struct {
		Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
		Path  string `query:"path" enum:"on,off,"`
		Body  struct {
			Replicas int    `json:"replicas" minimum:"0" maximum:"100"`
			Reason   string `json:"reason,omitempty" maxLength:"5"`
		}
	}) (*struct{}, error) {
		return nil, nil
	})
	for address, want := range map[string][2]string{
		"/try?limit=5000":    {`{"replicas":1}`, `"path":"query.limit","message":"must be at most 1000, not 5000"`},
		"/try?limit=0":       {`{"replicas":1}`, `"path":"query.limit","message":"must be at least 1, not 0"`},
		"/try?limit=x":       {`{"replicas":1}`, `"path":"query.limit","message":"must be a whole number, not \"x\""`},
		"/try?path=sideways": {`{"replicas":1}`, `"path":"query.path","message":"must be one of on, off, not \"sideways\""`},
		"/try":               {`{"replicas":100000}`, `"path":"body.replicas","message":"must be at most 100, not 100000"`},
		"/try?limit=1":       {`{"replicas":1,"reason":"because"}`, `"message":"must have at most 5 characters"`},
		"/try?limit=2":       {`{"replicas":"many"}`, `"message":"must be a whole number, not \"many\""`},
		"/try?limit=3":       {`{}`, `"message":"replicas is missing"`},
		"/try?limit=4":       {`{"replicas":1,"b":2}`, `"message":"unknown field"`},
	} {
		got := api.Post(address, "Content-Type: application/json", strings.NewReader(want[0]))
		body := got.Body.String()
		if got.Code != http.StatusUnprocessableEntity || !strings.Contains(body, want[1]) || !strings.Contains(body, `"kind":"invalid"`) ||
			!strings.Contains(body, "cannot be taken") || strings.Contains(body, "expected") {
			t.Errorf("%s %s is told %d %s", address, want[0], got.Code, body)
		}
	}
}
