package stat_test

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

func cohort(of int, active ...int) []stat.Kept {
	months := make([]stat.Kept, len(active))
	for i, a := range active {
		months[i] = stat.Kept{Active: a, Of: of}
	}
	return months
}

func TestRetention(t *testing.T) {
	for what, c := range map[string]struct {
		months  []stat.Kept
		trend   stat.Trend
		leaking bool
	}{
		"began":                   {cohort(40, 40), stat.TooShort, false},
		"one month on":            {cohort(40, 40, 10), stat.TooShort, false},
		"settled above half":      {cohort(40, 40, 34, 32, 31, 31, 30), stat.Flat, false},
		"settled below half":      {cohort(40, 40, 20, 17, 16, 16, 16), stat.Flat, true},
		"falls, and below half":   {cohort(100, 100, 90, 75, 60, 45), stat.Falling, true},
		"falls, but above half":   {cohort(200, 200, 190, 170, 150, 130), stat.Falling, false},
		"comes back":              {cohort(100, 100, 20, 25, 35, 45), stat.Rising, false},
		"fell long ago":           {cohort(40, 40, 38, 12, 12, 12, 12, 12), stat.Flat, true},
		"too few to call falling": {cohort(10, 10, 9, 8, 7, 6), stat.Flat, false},
	} {
		curve, ok := stat.Retention(c.months)
		if !ok || curve.Trend != c.trend || curve.Leaking != c.leaking || len(curve.Months) != len(c.months) {
			t.Errorf("%s: %+v", what, curve)
		}
		for i, m := range curve.Months {
			if want, _ := stat.Proportion(c.months[i].Active, c.months[i].Of); m != want {
				t.Errorf("%s, month %d: %v, want %v", what, i, m, want)
			}
		}
	}
}

// The change is over three months where there are so many, and never from
// month 0.
func TestRetentionChange(t *testing.T) {
	curve, _ := stat.Retention(cohort(100, 100, 80, 70, 60))
	if want, _ := stat.ProportionDifference(60, 100, 80, 100); curve.Change != want {
		t.Errorf("%+v, want %+v", curve.Change, want)
	}
	curve, _ = stat.Retention(cohort(100, 100, 80, 70, 60, 55))
	if want, _ := stat.ProportionDifference(55, 100, 80, 100); curve.Change != want {
		t.Errorf("%+v, want %+v", curve.Change, want)
	}
	curve, _ = stat.Retention(cohort(100, 100, 80))
	if curve.Change != (stat.Comparison{}) {
		t.Errorf("too short for a change: %+v", curve.Change)
	}
}

func TestRetentionsThatAreNone(t *testing.T) {
	for _, months := range [][]stat.Kept{nil, {{5, 5}, {6, 5}}, {{5, 5}, {0, 0}}, {{-1, 5}}} {
		if curve, ok := stat.Retention(months); ok || curve.Months != nil {
			t.Errorf("%v: %+v", months, curve)
		}
	}
}
