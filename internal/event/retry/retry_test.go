package retry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

func TestPace(t *testing.T) {
	full, gone := errors.New("the disk is full"), problem.New(problem.Unavailable, "the database is away")
	var log bytes.Buffer
	pace := Pace{Logger: slog.New(slog.NewTextHandler(&log, nil)), Failed: "it fails", Again: "it succeeds again", First: time.Second, Longest: 40 * time.Second}
	for i, step := range []struct {
		err  error
		wait time.Duration
		logs string // "" is nothing
	}{
		{nil, 0, ""},
		{full, time.Second, "it fails"},
		{full, 2 * time.Second, ""},
		{gone, 4 * time.Second, "the database is away"},
		{gone, 8 * time.Second, ""},
		{gone, 15 * time.Second, ""},
		{full, 30 * time.Second, "the disk is full"},
		{full, 40 * time.Second, ""},
		{nil, 0, "it succeeds again"},
		{nil, 0, ""},
		{full, time.Second, "the disk is full"},
	} {
		log.Reset()
		if wait := pace.Next(t.Context(), step.err); wait != step.wait {
			t.Errorf("%d: after %v the wait is %v, want %v", i, step.err, wait, step.wait)
		}
		if said := log.String(); (said == "") != (step.logs == "") || !strings.Contains(said, step.logs) {
			t.Errorf("%d: after %v it logs %q, want %q", i, step.err, said, step.logs)
		}
	}
}
