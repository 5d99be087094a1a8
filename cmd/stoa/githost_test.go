package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// written is when the answers of the hosts were written.
var written = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

var moment = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// githost VARIABLE github|gitlab TOKEN: serves what such a host answers who
// shows the token, as if it had been written today, and puts its address into
// a variable. The 21st request it refuses for a day.
func gitHost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: githost VARIABLE github|gitlab TOKEN")
	}
	raw, err := os.ReadFile("../../internal/history/testdata/" + args[1] + ".json")
	ts.Check(err)
	shift := time.Since(written).Truncate(time.Second)
	raw = moment.ReplaceAllFunc(raw, func(at []byte) []byte {
		t, err := time.Parse(time.RFC3339, string(at))
		ts.Check(err)
		return []byte(t.Add(shift).Format(time.RFC3339))
	})
	var answers map[string]json.RawMessage
	ts.Check(json.Unmarshal(raw, &answers))
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, found := answers[strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/api/v4"), "/")]
		if r.Header.Get("Authorization") != "Bearer "+args[2] {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if requests++; requests == 21 {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		if !found {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = w.Write(body)
	}))
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
}
