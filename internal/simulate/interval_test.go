package simulate_test

import (
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/simulate"
)

// An interval of 95 % holds what the generator draws with, not only what it happened to
// draw: of the intervals of several organisations about so many do. One that held
// whatever there is would too: most tell the parameter from its double and its half.
func TestIntervalsHoldTheParameters(t *testing.T) {
	const seeds = 12
	const least, tell = 0.88, 0.65 // by chance a few less than 95 % of so few; of the rarest events some are wide
	var (
		mu       sync.Mutex
		held, of int
		missed   []string
		told     = map[float64]int{2: 0, 0.5: 0}
	)
	t.Run("seeds", func(t *testing.T) {
		for seed := uint64(1); seed <= seeds; seed++ {
			t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
				t.Parallel()
				for _, p := range intervalsOf(t, seed) {
					mu.Lock()
					for by := range told {
						if !holds(p.is, by*p.drawn) {
							told[by]++
						}
					}
					if of++; holds(p.is, p.drawn) {
						held++
					} else {
						missed = append(missed, fmt.Sprintf("%s %s of seed %d: %s to %s, drawn with %g", p.measure, p.path, seed, text(p.is[0]), text(p.is[1]), p.drawn))
					}
					mu.Unlock()
				}
			})
		}
	})
	slices.Sort(missed)
	t.Logf("%d of %d intervals hold what is drawn with; not %q", held, of, missed)
	if of == 0 || float64(held) < least*float64(of) {
		t.Errorf("%d of %d intervals hold what is drawn with: of 95 %% it should be more", held, of)
	}
	for by, n := range told {
		t.Logf("%d of %d intervals do not hold %g times what is drawn with", n, of, by)
		if float64(n) < tell*float64(of) {
			t.Errorf("%d of %d intervals do not hold %g times what is drawn with: they are too wide to tell anything", n, of, by)
		}
	}
}

// parameter is what a measure should be of, and the interval that it has.
type parameter struct {
	measure, path string
	drawn         float64
	is            client.Interval
}

// intervalsOf brings an organisation to a platform and asks it.
func intervalsOf(t *testing.T, seed uint64) []parameter {
	end := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	o, err := simulate.Options{Teams: 9, Months: 5, Seed: seed, End: end}.WithDefaults(end)
	if err != nil {
		t.Fatal(err)
	}
	c := platform(t, filepath.Join(t.TempDir(), "stoa.db"))
	_, truth, err := simulate.Run(t.Context(), c, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := truth.Parameters
	// Of a planned release that fails, so many more deployments only mend.
	mends := m.FailureByRollback + m.FailureByHotfix + m.FailureByIncident/2
	all := []parameter{
		{measure: "lead-time", path: "on", drawn: leadDrawn(m, m.LeadHoursOn, m.FailureOn)},
		{measure: "lead-time", path: "off", drawn: leadDrawn(m, m.LeadHoursOff, m.FailureOff)},
		{measure: "change-failure-rate", path: "on", drawn: m.FailureOn / (1 + m.FailureOn*mends)},
		{measure: "change-failure-rate", path: "off", drawn: m.FailureOff / (1 + m.FailureOff*mends)},
		{measure: "recovery-time", path: "on", drawn: 60 * m.RecoveryMinutesOn},
		{measure: "recovery-time", path: "off", drawn: 60 * m.RecoveryMinutesOff},
		{measure: "time-to-access", drawn: 3600 * m.AccessWaitHours},
	}
	for i, p := range all {
		q := url.Values{"from": {truth.From.Format(time.DateOnly)}, "to": {truth.To.Format(time.DateOnly)}}
		if p.path != "" {
			q.Set("path", p.path)
		}
		all[i].is = settled(t, c, p.measure, q, truth)
	}
	return all
}

// holds reports whether a value lies in an interval; an end that is not known bounds nothing.
func holds(i client.Interval, value float64) bool {
	return (i[0] == nil || *i[0] <= value) && (i[1] == nil || value <= *i[1])
}

// leadDrawn is the median of all changes in seconds: those of planned releases with the
// median that they are drawn with, and those of hot-fixes, which take next to nothing.
func leadDrawn(m simulate.Model, hours, failing float64) float64 {
	fixes := failing * (m.FailureByHotfix + m.FailureByIncident/2)
	quick := fixes / (fixes + m.ChangesPerRelease*(1-m.NoCommitShare))
	planned := (0.5 - quick) / (1 - quick) // of the planned ones so many are below it
	return 3600 * hours * math.Exp(m.LeadSigma*math.Sqrt2*math.Erfinv(2*planned-1))
}

// settled gives the interval of a measure once the platform has counted all that it rests on.
func settled(t *testing.T, c *client.Client, name string, q url.Values, truth simulate.Truth) client.Interval {
	t.Helper()
	cut := "all"
	if path := q.Get("path"); path != "" {
		cut = "path=" + path
	}
	of := truth.Measures[slices.IndexFunc(truth.Measures, func(m simulate.Measure) bool { return m.Name == name })]
	want := of.Values[slices.IndexFunc(of.Values, func(v simulate.Value) bool { return v.Window == "whole" && v.Cut == cut })]
	for deadline := time.Now().Add(time.Minute); ; <-time.After(50 * time.Millisecond) {
		answer, err := c.Measure(t.Context(), name, q)
		if err != nil {
			t.Fatal(err)
		}
		p := answer.Points[0]
		if p.Value != nil && math.Abs(*p.Value-*want.Value) <= 1e-5*max(1, *want.Value) && p.N == int64(want.N) {
			if p.Interval == nil {
				t.Fatalf("%s has no interval: %+v", name, p)
			}
			return *p.Interval
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is %+v, true is %g of %d", name, p, *want.Value, want.N)
		}
	}
}
