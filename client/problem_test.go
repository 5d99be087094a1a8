package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// What answers HEAD has no body: who is not signed in is told so all the same,
// and what says nothing gives no empty reason.
func TestProblemWithoutBody(t *testing.T) {
	status := 0
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(platform.Close)
	for _, c := range []struct {
		status       int
		token, title string
		next         []string
	}{
		{http.StatusUnauthorized, "", "nobody is signed in", []string{"stoa login"}},
		{http.StatusUnauthorized, "stoa_old", "the token is not valid here: it is unknown, revoked or has expired", []string{"stoa login"}},
		{http.StatusTeapot, "", "HEAD /api/v1/sources/sha256:1 answered 418 I'm a teapot", nil},
	} {
		status = c.status
		cl, err := New(platform.URL, c.token)
		if err != nil {
			t.Fatal(err)
		}
		var p *Problem
		if err := cl.Upload(t.Context(), "sha256:1", nil); !errors.As(err, &p) || p.Title != c.title || len(p.Why) != 0 || !slices.Equal(p.Next, c.next) {
			t.Errorf("%d with token %q is told as %+v", c.status, c.token, err)
		}
	}
}
