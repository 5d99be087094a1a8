package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

// What a scorecard is asked for stays the caller's, who may ask for nothing more.
func TestScorecardOfAName(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"name":%q,"title":%q}`, r.URL.Query().Get("name"), r.URL.Query().Get("days"))
	}))
	defer s.Close()
	c, err := New(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	q := url.Values{"days": {"7"}}
	for name, asked := range map[string]url.Values{"ours": nil, "theirs": q, "": q} {
		card, err := c.Scorecard(t.Context(), name, asked)
		if err != nil || card.Name != name || card.Title != asked.Get("days") {
			t.Errorf("%q of %v: %+v, %v", name, asked, card, err)
		}
	}
	if q.Encode() != "days=7" {
		t.Errorf("the caller's query became %s", q.Encode())
	}
}
