package client

import (
	"encoding/json"
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

// Logs that broke off go on with the very next line: those of one write stand a
// nanosecond apart.
func TestLogsGoOnAfterTheLastLine(t *testing.T) {
	began := time.Date(2026, 11, 22, 10, 0, 0, 123_456_789, time.UTC)
	platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		since, err := time.Parse(time.RFC3339Nano, r.URL.Query().Get("since"))
		if err != nil {
			t.Error(err)
		}
		for n := range 5 {
			if at := began.Add(time.Duration(n)); !at.Before(since) { // and the connection is gone
				_ = json.NewEncoder(w).Encode(LogEntry{Time: at, Line: fmt.Sprint(n)})
				return
			}
		}
		_ = json.NewEncoder(w).Encode(LogEntry{Line: "4"}) // nothing is left
	}))
	defer platform.Close()
	c, err := New(platform.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	enough, seen := errors.New("enough"), ""
	err = c.Logs(t.Context(), "shop", LogQuery{Follow: true, Since: began}, func(e LogEntry) error {
		if seen += e.Line; e.Line == "4" {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || seen != "01234" {
		t.Errorf("seen %s, %v", seen, err)
	}
}
