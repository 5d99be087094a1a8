package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"time"
)

// window is a time that a scorecard is of; it ends where the year does.
type window struct {
	what, query string
	from, to    time.Time
	target      time.Duration
}

func windows() []window {
	end, err := time.Parse(time.DateOnly, yearEnd)
	if err != nil {
		panic(err) // a constant
	}
	make := func(what string, days int, target time.Duration) window {
		from := end.AddDate(0, 0, -days)
		return window{what, "from=" + from.Format(time.DateOnly) + "&to=" + yearEnd, from, end, target}
	}
	return []window{make("30 days", 30, monthTarget), make("a year", 365, wholeTarget)}
}

// measureScorecards asks both platforms for the same scorecard in turn, and the
// larger one's database for the same by plain SQL.
func measureScorecards(ctx context.Context, l *lab, big, small *year) (_ []line, err error) {
	pool, err := big.db.open(big.address, false)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(1)
	var lines []line
	for _, w := range windows() {
		var ours, less, plain []time.Duration
		for run := range l.runs {
			for _, y := range []struct {
				*year
				into *[]time.Duration
			}{{small, &less}, {big, &ours}} {
				took, err := y.scorecard(ctx, w)
				if err != nil {
					return nil, err
				}
				*y.into = append(*y.into, took)
			}
			if run == 0 || medianTime(plain) < time.Minute/time.Duration(l.runs) { // minutes of waiting tell no more
				took, err := plainScorecard(ctx, big.db, pool, w)
				if err != nil {
					return nil, err
				}
				plain = append(plain, took)
			}
		}
		took, growth := medianTime(ours), medianRatio(seconds(ours), seconds(less))
		lines = append(lines, line{
			what: "scorecard of " + w.what + " with the time before, " + big.what() + "; plain SQL over them", ours: millis(took),
			theirs: millis(medianTime(plain)), ratio: fmt.Sprintf("1/%.0f", medianTime(plain).Seconds()/took.Seconds()),
			target: "≤ " + millis(w.target), met: took <= w.target,
			note: fmt.Sprintf("over HTTP; plain SQL is of 8 of its rows, median of %d", len(plain)),
		}, line{
			what: fmt.Sprintf("– the same of %s events", thousands(float64(small.events))), ours: millis(took),
			theirs: millis(medianTime(less)), ratio: times(growth), target: "≤ 1.5×", met: growth <= growthTarget,
		})
	}
	return lines, nil
}

// scorecard is how long the platform takes to answer with it, the median of a few.
func (y *year) scorecard(ctx context.Context, w window) (time.Duration, error) {
	var all []time.Duration
	for range scorecardTries {
		began := time.Now()
		raw, err := y.request(ctx, http.MethodGet, "/api/v1/scorecard?"+w.query, "", nil)
		if err != nil {
			return 0, err
		}
		all = append(all, time.Since(began))
		var card struct {
			Rows []struct {
				Value *float64 `json:"value"`
			} `json:"rows"`
		}
		if err := json.Unmarshal(raw, &card); err != nil {
			return 0, err
		}
		known := 0
		for _, row := range card.Rows {
			if row.Value != nil {
				known++
			}
		}
		if known < 8 {
			return 0, fmt.Errorf("%d of %d rows of the scorecard have a value: %.500s", known, len(card.Rows), raw)
		}
	}
	return medianTime(all), nil
}

// visits are pages of the portal over such a year, which knows the service, the
// team and the event.
func visits(service, team string, event int64) []string {
	w := windows()
	month, whole := w[0].query, w[1].query
	return []string{
		"/", "/services", "/teams", "/me", "/audit", "/audit?type=dev.cdevents.service.deployed.0.3.0",
		"/overview?" + month, "/overview?" + whole, "/scorecard?" + month, "/scorecard?" + whole,
		"/adoption?" + month, "/adoption?" + whole, "/delivery?" + month, "/delivery?" + whole, "/journeys?" + month, "/journeys?" + whole,
		"/measures/lead-time?" + whole + "&by=team", "/measures/mau?" + whole, "/measures/adoption-rate?" + whole + "&by=segment",
		"/measures/deployment-frequency?" + whole + "&by=service", "/measures/change-failure-rate?" + month,
		"/scorecard/later?" + month, "/scorecard/later?" + whole, "/scorecard/targets", "/search?q=" + team,
		"/services/" + service, "/services/" + service + "/history", "/teams/" + team, fmt.Sprintf("/audit/%d", event),
	}
}

// pagesOf are the visits to a year's pages: those of one thing are of its first
// service, of the team that owns it and of an event in the middle.
func (y *year) pagesOf(ctx context.Context) ([]string, error) {
	services, err := y.someServices(ctx, 1)
	if err != nil {
		return nil, err
	}
	return visits(services[0].Name, services[0].Owner, y.events/2), nil
}

// measurePages opens each page a number of times on both platforms in turn.
func measurePages(ctx context.Context, l *lab, big, small *year) ([]line, error) {
	browsers := map[*year]*http.Client{}
	for _, y := range []*year{small, big} {
		var err error
		if browsers[y], err = y.signIn(ctx); err != nil {
			return nil, err
		}
	}
	paths, err := small.pagesOf(ctx) // which the larger year has too
	if err != nil {
		return nil, err
	}
	var slowest, less time.Duration
	var which string
	for _, path := range paths {
		took := map[*year][]time.Duration{}
		for range pageVisits {
			for y, browser := range browsers {
				began := time.Now()
				if err := y.visit(ctx, browser, path); err != nil {
					return nil, err
				}
				took[y] = append(took[y], time.Since(began))
			}
		}
		p95 := percentile(took[big], 0.95)
		fmt.Fprintf(l.progress, "  %-70s p95 %7s, median %7s, of the smaller year %s\n", path, millis(p95), millis(medianTime(took[big])), millis(medianTime(took[small])))
		if p95 > slowest {
			slowest, which, less = p95, path, percentile(took[small], 0.95)
		}
	}
	growth := slowest.Seconds() / less.Seconds()
	return []line{{
		what: "– the slowest of " + fmt.Sprint(len(paths)) + " pages, p95; of " + thousands(float64(small.events)) + " events", ours: millis(slowest), theirs: millis(less),
		ratio: times(growth), target: "≤ 250 ms", met: slowest <= pageTarget,
		note: fmt.Sprintf("%s, each page %d times", which, pageVisits),
	}}, nil
}

// signIn gives a browser with a session of the admin.
func (y *year) signIn(ctx context.Context) (*http.Client, error) {
	raw, err := y.request(ctx, http.MethodPost, "/api/v1/codes", "application/json", nil)
	if err != nil {
		return nil, err
	}
	var out struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	browser := &http.Client{Jar: jar}
	answer, err := browser.PostForm("http://"+y.platform.address+"/signin", url.Values{"code": {out.Code}})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.Request.URL.Path != "/" {
		return nil, fmt.Errorf("sign-in led to %s: %s", answer.Request.URL, answer.Status)
	}
	return browser, nil
}

func (y *year) visit(ctx context.Context, browser *http.Client, path string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+y.platform.address+path, nil)
	if err != nil {
		return err
	}
	answer, err := browser.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %.500s", path, answer.Status, body)
	}
	return err
}

// percentile by the nearest rank: of 20 values, the 19th is the 95th percentile.
func percentile(values []time.Duration, p float64) time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, min(len(sorted)-1, int(p*float64(len(sorted))+0.999999)-1))]
}
