package chart

import (
	"context"
	"strconv"
	"strings"
	"testing"
)

func known(v float64) *float64 { return &v }

func trend(buckets ...Bucket) Trend {
	return Trend{Label: "t", Empty: "nothing", Buckets: buckets, Format: func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }}
}

func TestTrendKeepsGapsAndExpectations(t *testing.T) {
	chart := trend(
		Bucket{Value: known(0.2)}, Bucket{Value: known(0.4)}, Bucket{}, Bucket{Value: known(0.5), Low: known(0.4), High: known(0.6)},
		Bucket{Value: known(0.8), Expected: true},
	)
	chart.Most = 1
	if got, want := chart.path(false), "M100 80L300 60M700 50"; got != want {
		t.Errorf("what happened is %s, want %s", got, want)
	}
	if got, want := chart.path(true), "M700 50L900 20"; got != want {
		t.Errorf("what is expected is %s, want %s", got, want)
	}
	if got := chart.band(); strings.Count(got, "Z") != 1 {
		t.Errorf("the band is %s", got)
	}
}

// What is usual is a line of its own, within the scale.
func TestTrendShowsWhatIsUsual(t *testing.T) {
	chart := trend(Bucket{Value: known(1), Usual: known(2)}, Bucket{Value: known(1), Usual: known(8)}, Bucket{Value: known(2)})
	if got, want := chart.usual(), "M166.7 75L500 0"; got != want {
		t.Errorf("what is usual is %s, want %s", got, want)
	}
	if _, top := chart.scale(); top != 8 {
		t.Errorf("the scale ends at %v", top)
	}
	if got := trend(Bucket{Value: known(1)}).usual(); got != "" {
		t.Errorf("a usual line from nothing: %s", got)
	}
}

func TestTrendScale(t *testing.T) {
	for name, c := range map[string]struct {
		chart       Trend
		bottom, top float64
	}{
		"a share":                {Trend{Most: 1, Buckets: []Bucket{{Value: known(0.3)}}}, 0, 1},
		"a target above":         {Trend{Target: known(7), Buckets: []Bucket{{Value: known(3)}}}, 0, 8},
		"below nothing":          {Trend{Buckets: []Bucket{{Value: known(-31)}, {Value: known(20)}}}, -40, 20},
		"a wild interval is cut": {Trend{Buckets: []Bucket{{Value: known(4), Low: known(0), High: known(9000)}}}, 0, 8},
		"nothing but zero":       {Trend{Buckets: []Bucket{{Value: known(0)}}}, 0, 1},
	} {
		if bottom, top := c.chart.scale(); bottom != c.bottom || top != c.top {
			t.Errorf("%s: from %v to %v, want %v to %v", name, bottom, top, c.bottom, c.top)
		}
	}
}

func TestTrendIsDrawn(t *testing.T) {
	draw := func(chart Trend) string {
		var b strings.Builder
		if err := DrawTrend(chart).Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got := draw(trend(Bucket{}, Bucket{})); !strings.Contains(got, "nothing") || strings.Contains(got, "<svg") {
		t.Errorf("without data: %s", got)
	}
	chart := trend(Bucket{Label: "Oct", Title: "Oct: 3", Value: known(3), Href: "/audit?x=1"}, Bucket{Label: "Nov", Title: "Nov: no data"})
	chart.Target = known(5)
	for _, want := range []string{`href="/audit?x=1"`, "target 5", ">Oct<", "Nov: no data"} {
		if got := draw(chart); !strings.Contains(got, want) {
			t.Errorf("%q is not in %s", want, got)
		}
	}
}

// An axis of more than a year names each year that begins on it, and on a narrow
// screen every other label makes room for the rest.
func TestTrendNamesYears(t *testing.T) {
	axis := func(from, months, room int) (all string) {
		chart := Trend{Labels: room}
		for n := from; n < from+months; n++ {
			b := Bucket{Label: []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}[n%12]}
			if n%12 == 0 {
				b.Label, b.Year = strconv.Itoa(2025+n/12), true
			}
			chart.Buckets = append(chart.Buckets, b)
		}
		for _, l := range chart.labels() {
			all += chart.Buckets[l.bucket].Label
			if l.spare {
				all += "-"
			}
			all += " "
		}
		return all
	}
	for want, got := range map[string]string{
		"2026 Apr- Jul Oct- 2027 Apr- Jul Oct- ":   axis(11, 23, 0), // from December
		"Nov- 2026 Mar- May Jul- Sep Nov- ":        axis(10, 13, 0),
		"Oct- 2026 Apr- Jul Oct- ":                 axis(9, 14, 5),
		"Mar May- Jul Sep- ":                       axis(2, 8, 4),
		"2025 May- Sep 2026 May Sep- 2027 May- ":   axis(0, 30, 0),
		"2025 Jul- 2026 Jul- 2027 Jul- 2028 Jul- ": axis(0, 43, 0),
	} {
		if got != want {
			t.Errorf("the axis is %q, want %q", got, want)
		}
	}
}
