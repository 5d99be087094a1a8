package adoption

import (
	"context"
	"errors"
	"fmt"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// MonthCount is how many teams had started to use the platform by the end of a
// month, of those that could.
type MonthCount struct {
	Month string  `json:"month"` // "2026-03"
	Teams float64 `json:"teams"`
	// Interval is that of a month to come; nil for one that was counted.
	Interval *measure.Interval `json:"interval,omitempty"`
}

// Forecasted is how adoption went and how it may go on.
type Forecasted struct {
	// Market is how many teams can adopt.
	Market int `json:"market"`
	// Counted are the months that are over, from the first in which a team started.
	Counted []MonthCount `json:"counted"`
	// Coming are the months to come, without any when there is no forecast.
	Coming []MonthCount `json:"coming"`
	// Reference is how such platforms usually go: shares of the market by the end of
	// a month, counted from the first.
	Reference map[int]float64 `json:"reference"`
	// P and Q are those of the curve: what teams do by their own choice, and by the
	// example of others.
	P float64 `json:"p,omitempty"`
	Q float64 `json:"q,omitempty"`
	// Note says why there is no forecast, or what it supposes.
	Note string `json:"note"`
}

// reference is the course that platforms take that do well. What is said of 18 to 24
// months is 70 to 80 %: with the 75 % of a year, the upper end at the latest.
func reference() map[int]float64 {
	return map[int]float64{1: 0.10, 3: 0.25, 6: 0.50, 12: 0.75, 24: 0.80}
}

// monthsAhead is how far a forecast goes.
const monthsAhead = 12

// Forecast fits Bass's curve to the months, until the end of the scope, in which
// teams first used the platform.
func Forecast(ctx context.Context, v *measure.View) (Forecasted, error) {
	adopters, err := readAdopters(ctx, v)
	if err != nil {
		return Forecasted{}, fmt.Errorf("forecast: %w", err)
	}
	return adopters.forecast(v.To), nil
}

// adopters are the teams of a scope: when each started and which are there.
type adopters struct {
	teams  []*measure.Team // that could use it, or do
	starts map[*measure.Team]moment
	over   int64 // the first month that is not over
}

func readAdopters(ctx context.Context, v *measure.View) (adopters, error) {
	a := adopters{}
	var err error
	if a.starts, err = readStarts(ctx, v); err != nil {
		return a, err
	}
	if a.over, err = monthsOver(ctx, v); err != nil {
		return a, err
	}
	for _, team := range v.Teams() {
		if _, started := a.starts[team]; started || offered(v, team) {
			a.teams = append(a.teams, team)
		}
	}
	return a, nil
}

// offered reports whether a team could use anything of the scope.
func offered(v *measure.View, team *measure.Team) bool {
	for _, c := range v.Capabilities() {
		if c.Offered(team, v.To-1) {
			return true
		}
	}
	return false
}

// forecast looks ahead from the last month that is over at the end of the day
// before to.
func (a adopters) forecast(to int64) Forecasted {
	f := Forecasted{Counted: []MonthCount{}, Coming: []MonthCount{}, Reference: reference()}
	over, _, _ := monthAround(to)
	over = min(over, a.over)
	first, by := over, map[int64]int{}
	for _, team := range a.teams {
		start, started := a.starts[team]
		started = started && start.at < measure.Micros(to)
		if !started && !team.There(to-1, to) {
			continue
		}
		f.Market++
		if month, _, _ := monthAround(measure.DayOf(start.at)); started && month < over {
			by[month]++
			first = min(first, month)
		}
	}
	var cumulative []float64
	sum := 0.0
	for month := first; month < over; month++ {
		sum += float64(by[month])
		cumulative = append(cumulative, sum)
		f.Counted = append(f.Counted, MonthCount{Month: monthText(month), Teams: sum})
	}
	fit, err := stat.FitBass(cumulative, float64(f.Market))
	if err != nil {
		f.Note = noForecast(err, len(cumulative))
		return f
	}
	f.P, f.Q = fit.P, fit.Q
	f.Note = "supposes that the coming months are as the past ones"
	for k := 1; k <= monthsAhead; k++ {
		e, ok := fit.Forecast(float64(len(cumulative) + k))
		if !ok {
			break
		}
		f.Coming = append(f.Coming, MonthCount{Month: monthText(over + int64(k) - 1), Teams: e.Value, Interval: &measure.Interval{Low: e.Interval.Low, High: e.Interval.High}})
	}
	return f
}

func monthText(month int64) string { return measure.Date(firstOf(month)).Format("2006-01") }

func noForecast(err error, months int) string {
	switch {
	case errors.Is(err, stat.ErrTooFewMonths):
		return fmt.Sprintf("%d months are over since the first team started; a forecast needs %d", months, stat.MinMonths)
	case errors.Is(err, stat.ErrNoFit):
		return "the months so far fit no adoption curve"
	}
	return "no team started yet"
}

// ahead is how many months the measure of the forecast looks ahead.
const ahead = 3

func forecastMeasure() measure.Measure {
	def := measure.Definition{
		Name: "adoption-forecast-3-months", Title: "Teams in three months", Question: "How many teams will have started to use the platform in three months?",
		Formula: "The share of the teams that could use the platform that will have started to three months after the last month that is over, " +
			"by Bass's curve through the months in which teams started. It supposes that the coming months are as the past ones.",
		Unit: measure.Ratio, Better: measure.Higher, Version: 1, Cuts: []measure.Dimension{measure.BySegment, measure.ByWave},
	}
	return measure.New(def, func(ctx context.Context, v *measure.View) (map[measure.Key]Forecasted, error) {
		all, err := readAdopters(ctx, v)
		if err != nil {
			return nil, err
		}
		groups := map[string]adopters{}
		for _, team := range all.teams {
			group, _ := v.TeamGroup(team)
			of := groups[group]
			groups[group] = adopters{append(of.teams, team), all.starts, all.over}
		}
		found := map[measure.Key]Forecasted{}
		for group, of := range groups {
			for i, b := range v.Buckets() {
				found[measure.Key{Group: group, Bucket: i}] = of.forecast(b.To)
			}
		}
		return found, nil
	}, func(f Forecasted) measure.Estimate {
		if len(f.Coming) < ahead {
			return measure.None(f.Note)
		}
		then, market := f.Coming[ahead-1], float64(f.Market)
		return measure.Of(then.Teams/market, int64(len(f.Counted))).Within(stat.Interval{Low: then.Interval.Low / market, High: then.Interval.High / market}).
			Noted("%s", f.Note).With("teams", then.Teams).With("market", market)
	}, func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		all, err := readAdopters(ctx, v)
		if err != nil {
			return nil, fmt.Errorf("evidence of the forecast: %w", err)
		}
		var sequences []int64
		for _, team := range all.teams {
			if start, started := all.starts[team]; started && start.at < measure.Micros(firstOf(all.over)) {
				sequences = append(sequences, start.seq)
			}
		}
		return measure.Page(sequences, after, limit), nil
	})
}
