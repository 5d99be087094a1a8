package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// All objects come once, from however many pages; an error comes last.
func TestAll(t *testing.T) {
	fail := false
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch after := r.URL.Query().Get("after"); {
		case after == "":
			fmt.Fprint(w, `{"items":[1,2],"next":"two"}`)
		case fail:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			fmt.Fprint(w, `{"items":[3],"next":""}`)
		}
	}))
	defer s.Close()
	c, err := New(s.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	read := func() (got []string, last error) {
		for raw, err := range c.All(t.Context(), "services") {
			if last = err; err == nil {
				got = append(got, string(raw))
			}
		}
		return got, last
	}
	if got, err := read(); err != nil || !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("%v, %v", got, err)
	}
	fail = true
	if got, err := read(); err == nil || !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("with a page that fails: %v, %v", got, err)
	}
}
