package portal

import (
	"fmt"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/metrics"
	"github.com/stoa-platform/stoa/internal/portal/chart"
	"github.com/stoa-platform/stoa/internal/portal/page"
	"github.com/stoa-platform/stoa/internal/portal/release"
)

// ranges are the spans of time that the chart shows, each with the step of its points.
var ranges = []struct {
	name       string
	span, step time.Duration
}{
	{"15m", 15 * time.Minute, 15 * time.Second}, {"1h", time.Hour, time.Minute}, {"6h", 6 * time.Hour, 5 * time.Minute},
	{"24h", 24 * time.Hour, 20 * time.Minute}, {"7d", 7 * 24 * time.Hour, 2 * time.Hour},
}

// usualRange is what is shown when nothing else is asked for.
const usualRange = 1

// traffic fills in the chart of requests, errors and durations with the releases.
func (p *Portal) traffic(v *visit, show *page.Overview, s catalog.Service, env string, releases []delivery.Release) error {
	at := usualRange
	for i, r := range ranges {
		if r.name == v.URL.Query().Get("range") {
			at = i
		}
	}
	for i, r := range ranges {
		show.Ranges = append(show.Ranges, page.Choice{Label: r.name, Active: i == at,
			Href: page.Link("/services/"+s.Metadata.Name, "env", env, "range", r.name)})
	}
	if env == "" || s.Status.Environments[env].URL == "" {
		show.NoTraffic = "It answers no requests here, so there are none to count."
		return nil
	}
	to := p.Clock().Truncate(time.Second)
	from := to.Add(-ranges[at].span)
	t, err := p.Numbers.Traffic(v.Context(), metrics.TrafficQuery{
		Service: s.Metadata.Name, Environment: env, From: from, To: to, Step: ranges[at].step,
	})
	if err != nil {
		return fmt.Errorf("read traffic of %s: %w", s.Metadata.Name, err)
	}
	if len(t.Requests) == 0 {
		show.NoTraffic = "No request has been counted in this time. Send the first one:"
		return nil
	}
	show.Plot = chart.Plot{From: from, To: to, Step: ranges[at].step, Panels: panels(t)}
	for _, rel := range releases {
		if rel.Status.Phase == delivery.Succeeded {
			show.Plot.Marks = append(show.Plot.Marks, chart.Mark{
				At: release.Finished(rel), Label: rel.Metadata.Name, Href: "/releases/" + rel.Metadata.Name,
				Title: rel.Metadata.Name + " served from " + release.Finished(rel).UTC().Format("15:04:05 UTC"),
			})
		}
	}
	slices.Reverse(show.Plot.Marks)
	show.Table = numbers(t)
	return nil
}

func panels(t metrics.Traffic) []chart.Panel {
	said := func(v *float64, format func(float64) string, words string) string {
		if v == nil {
			return "no data"
		}
		return fmt.Sprintf(words, format(*v))
	}
	requests := "no data"
	if t.Window.Requests != nil {
		requests = page.Plural(int64(*t.Window.Requests+0.5), "request") + " in this time"
	}
	return []chart.Panel{
		{Title: "Requests", Summary: requests, Empty: "no data", Points: points(t.Requests), Format: page.Rate, Floor: 0.01},
		{Title: "Errors", Summary: said(t.Window.ErrorRatio, page.Share, "%s answered with 5xx"),
			Empty: "no data: there was no request", Points: points(t.ErrorRatio), Format: page.Share, Floor: 0.01},
		{Title: "Duration, p95", Summary: said(t.Window.P95, page.Seconds, "95 %% within %s"),
			Empty: "no data: there was no request", Points: points(t.P95), Format: page.Seconds, Floor: 0.001},
	}
}

// numbers are the chart's points in a table, newest first.
func numbers(t metrics.Traffic) []page.TrafficRow {
	lookup := func(from []metrics.Point) map[time.Time]float64 {
		m := map[time.Time]float64{}
		for _, point := range from {
			m[point.Time] = point.Value
		}
		return m
	}
	errors, p95 := lookup(t.ErrorRatio), lookup(t.P95)
	var rows []page.TrafficRow
	for _, point := range slices.Backward(t.Requests) {
		row := page.TrafficRow{At: point.Time, Requests: page.Rate(point.Value), Errors: "no data", P95: "no data"}
		if e, ok := errors[point.Time]; ok {
			row.Errors = page.Share(e)
		}
		if d, ok := p95[point.Time]; ok {
			row.P95 = page.Seconds(d)
		}
		rows = append(rows, row)
	}
	return rows
}
