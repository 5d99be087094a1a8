package client

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A release whose platform is gone is waited for, and not without end.
func TestWatchOfAPlatformThatIsGone(t *testing.T) {
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "event: release\ndata: {\"status\":{\"phase\":\"building\"}}\n\n")
	}))
	waited := 0
	c, err := New(platform.URL, "", WithWaiting(func(time.Duration) { waited++ }))
	if err != nil {
		t.Fatal(err)
	}
	c.away = time.Second
	seen := 0
	_, err = c.Watch(t.Context(), "shop-1", func(Release) {
		if seen++; seen == 2 { // an answer that ended is no silence
			go platform.Close()
		}
	}, nil)
	var p *Problem
	if !errors.As(err, &p) || p.Kind != Unavailable || !strings.Contains(p.Title, "no platform has answered at "+platform.URL+" for 1s") ||
		!strings.Contains(strings.Join(p.Why, "\n"), "nothing of shop-1 is lost") || len(p.Next) == 0 {
		t.Errorf("told %+v", err)
	}
	if waited != 1 {
		t.Errorf("told to wait %d times", waited)
	}
}
