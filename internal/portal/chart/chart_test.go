package chart

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(minute int, value float64) Point {
	return Point{noon.Add(time.Duration(minute) * time.Minute), value}
}

func TestRound(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, -3: 1, 0.3: 0.4, 1: 1, 1.01: 2, 2.3: 4, 6: 6, 6.1: 8, 9: 10, 10: 10, 130: 200, math.Inf(1): 1} {
		if got := Round(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("Round(%v) = %v, want %v", v, got, want)
		}
	}
}

func TestRoundTime(t *testing.T) {
	const hour, day = 3600, 24 * 3600
	for v, want := range map[float64]float64{
		0: 1, -1: 1, 0.3: 0.4, 1.2: 2, 3: 4, 59: 60, 61: 120, 3600: hour, 3601: 2 * hour, 5.1 * hour: 6 * hour, 24 * hour: day, 25 * hour: 2 * day,
		2.2 * day: 4 * day, 5 * day: 6 * day, 6.5 * day: 8 * day, 40 * day: 40 * day, 41 * day: 60 * day, math.Inf(1): day,
	} {
		if got := RoundTime(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("RoundTime(%v) = %v, want %v", v, got, want)
		}
	}
}

// What is not known is a gap: the line ends and begins again.
func TestGapsStayGaps(t *testing.T) {
	p := Plot{From: noon, To: noon.Add(10 * time.Minute), Step: time.Minute}
	line, area := p.line(Panel{Points: []Point{at(1, 1), at(2, 1), at(6, 0), at(7, 0.5), at(10, 1)}})
	if got := strings.Count(line, "M"); got != 3 {
		t.Errorf("%d lines in %s, want 3", got, line)
	}
	if got := strings.Count(area, "Z"); got != 3 {
		t.Errorf("%d areas in %s, want 3", got, area)
	}
	if !strings.HasSuffix(line, "M900 0L1000 0") {
		t.Errorf("a point alone is not as wide as its step: %s", line)
	}
	if got := Spark([]Point{at(1, 0), at(2, 4)}, p.From, p.To, p.Step); got != "M10 22L20 2" {
		t.Errorf("spark %s", got)
	}
	if got := Spark([]Point{at(1, 0)}, p.From, p.To, p.Step); got != "" {
		t.Errorf("a spark of one point: %s", got)
	}
}

func TestTicksAreFew(t *testing.T) {
	for _, span := range []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
		p := Plot{From: noon.Add(17 * time.Second), To: noon.Add(17*time.Second + span)}
		if n := len(p.ticks()); n < 2 || n > 7 {
			t.Errorf("%v has %d ticks", span, n)
		}
	}
}

// Of releases that lie close together the newest keeps its label; all keep
// their line.
func TestMarks(t *testing.T) {
	p := Plot{From: noon, To: noon.Add(100 * time.Minute)}
	for i, minute := range []int{-5, 10, 80, 81, 82, 120} {
		p.Marks = append(p.Marks, Mark{At: noon.Add(time.Duration(minute) * time.Minute), Label: fmt.Sprint("r", i)})
	}
	if got := len(p.inside()); got != 4 {
		t.Errorf("%d marks inside, want 4", got)
	}
	var labels []string
	for _, m := range p.labelled() {
		labels = append(labels, m.Label)
	}
	if got := strings.Join(labels, " "); got != "r4 r1" {
		t.Errorf("labels %q, want r4 and r1", got)
	}
}

func TestDrawSaysNoDataInWords(t *testing.T) {
	var b strings.Builder
	p := Plot{From: noon, To: noon.Add(time.Hour), Step: time.Minute, Panels: []Panel{
		{Title: "Requests", Points: []Point{at(5, 2)}, Format: func(v float64) string { return fmt.Sprint(v, "/s") }},
		{Title: "Errors", Empty: "no data: there was no request"},
	}}
	if err := Draw(p).Render(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); !strings.Contains(got, "no data: there was no request") || strings.Count(got, `class="chart-plot"`) != 1 || !strings.Contains(got, "12:05:00 UTC · 2/s") {
		t.Errorf("drawn: %s", got)
	}
}
