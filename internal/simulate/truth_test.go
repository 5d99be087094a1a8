package simulate

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/simulate/naming"
)

// ending is a fixed end, so that tests see the same year for ever. Clocks change
// in it in all three ways.
func ending() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }

func options(t testing.TB, teams, months int, seed uint64) Options {
	t.Helper()
	o, err := Options{Teams: teams, Months: months, Seed: seed, End: ending()}.WithDefaults(ending())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// What the generator says is true is what anybody finds who reads the events.
func TestTruthIsWhatTheEventsSay(t *testing.T) {
	for _, o := range []Options{options(t, 24, 6, 1), options(t, 6, 3, 7)} {
		r, truth := simulated(t, o)
		if truth.Counts.Lines != int64(r.lines) || truth.Counts.Events != int64(len(r.events)) || truth.Counts.Duplicates != int64(r.duplicates) {
			t.Errorf("counted %d lines, %d events, %d duplicates; the truth is %+v", r.lines, len(r.events), r.duplicates, truth.Counts)
		}
		for name, w := range truth.Windows {
			segments := map[string]string{"all": ""}
			for _, s := range segmentNames() {
				segments["segment="+s] = s
			}
			for cut, segment := range segments {
				checkUse(t, r, truth, name, w, cut, segment)
				checkSteps(t, r, truth, name, w, cut, segment)
				checkSupport(t, r, truth, name, w, cut, segment)
			}
			checkDelivery(t, r, truth, name, w, segments)
		}
	}
}

func segmentNames() []string {
	var names []string
	for _, s := range naming.Segments {
		names = append(names, s.Name)
	}
	return names
}

func checkUse(t *testing.T, r *recount, truth Truth, window string, w Window, cut, segment string) {
	t.Helper()
	uses := r.in(w, segment, told.used)
	teams := 0
	for name, now := range r.team {
		if name == now && (segment == "" || r.segment[name] == segment) {
			teams++
		}
	}
	person := func(e told) string { return e.Actor }
	users := distinct(uses, person)
	truth.agrees(t, "active-users", window, cut, float64(users), true)
	for _, persona := range personas {
		are := distinct(r.in(w, segment, func(e told) bool { return e.used() && r.persona[e.Actor] == persona }), person)
		truth.agrees(t, "personas", window, strings.TrimSuffix("persona="+persona+","+cut, ",all"), float64(are), true)
	}
	adopted := func(keep func(told) bool) float64 {
		return float64(distinct(r.in(w, segment, keep), func(e told) string { return r.team[e.Team] })) / float64(teams)
	}
	truth.agrees(t, "adoption-rate", window, cut, adopted(told.used), teams > 0)
	if segment == "" {
		for _, capability := range []string{"deploy", "logs"} {
			rate := adopted(func(e told) bool { return e.used() && e.Capability == capability })
			truth.agrees(t, "adoption-rate", window, "capability="+capability, rate, true)
		}
	}
	checkRetention(t, r, truth, window, w, cut, segment)
	if !strings.HasSuffix(window, "30-days") {
		return
	}
	daily, workdays := 0, 0
	for day := w.From; day.Before(w.To); day = day.AddDate(0, 0, 1) {
		if day.Weekday() != time.Saturday && day.Weekday() != time.Sunday {
			workdays++
			daily += distinct(r.in(Window{day, day.AddDate(0, 0, 1)}, segment, told.used), person)
		}
	}
	dau := float64(daily) / float64(workdays)
	truth.agrees(t, "dau", window, cut, dau, true)
	truth.agrees(t, "wau", window, cut, float64(distinct(r.in(Window{w.To.AddDate(0, 0, -7), w.To}, segment, told.used), person)), true)
	truth.agrees(t, "mau", window, cut, float64(users), true)
	truth.agrees(t, "stickiness", window, cut, dau/float64(users), users > 0)
}

func checkRetention(t *testing.T, r *recount, truth Truth, window string, w Window, cut, segment string) {
	t.Helper()
	first := r.first(told.used)
	using := map[string]map[string]bool{} // by month, the teams
	for _, e := range r.events {
		if month := e.Time.Format("2006-01"); e.used() {
			if using[month] == nil {
				using[month] = map[string]bool{}
			}
			using[month][r.team[e.Team]] = true
		}
	}
	still, all := 0, 0
	for team, at := range first {
		third := time.Date(at.Year(), at.Month()+3, 1, 0, 0, 0, 0, time.UTC)
		last := third.AddDate(0, 1, -1)
		if (segment == "" || r.segment[team] == segment) && !last.Before(w.From) && last.Before(w.To) {
			all++
			if using[third.Format("2006-01")][team] {
				still++
			}
		}
	}
	truth.agrees(t, "retention-3-months", window, cut, float64(still)/float64(all), all > 0)
}

// first gives the first time of an event for each team that is one.
func (r *recount) first(is func(told) bool) map[string]time.Time {
	found := map[string]time.Time{}
	for _, e := range r.events {
		if team := r.team[e.Team]; is(e) {
			if at, ok := found[team]; !ok || e.Time.Before(at) {
				found[team] = e.Time
			}
		}
	}
	return found
}

func checkSteps(t *testing.T, r *recount, truth Truth, window string, w Window, cut, segment string) {
	t.Helper()
	asked := r.first(func(e told) bool { return e.Type == typeAccessAsked })
	steps := map[string]map[string]time.Time{
		"time-to-access": r.first(func(e told) bool { return e.Type == typeAccessGranted }),
		"time-to-first-deployment": r.first(func(e told) bool {
			return strings.HasPrefix(e.Type, "dev.cdevents.service.") && e.Capability == "deploy" && e.Environment == production
		}),
		"time-to-first-log-query": r.first(func(e told) bool { return e.used() && e.Capability == "logs" }),
		"time-to-first-alert":     r.first(func(e told) bool { return e.Type == typeAlert }),
	}
	for name, done := range steps {
		spans, open := map[time.Duration]int{}, []time.Duration{}
		for team, at := range asked {
			if at.Before(w.From) || !at.Before(w.To) || (segment != "" && r.segment[team] != segment) {
				continue
			}
			if end, ok := done[team]; ok && end.Before(w.To) {
				spans[end.Sub(at)]++
			} else {
				open = append(open, w.To.Sub(at))
			}
		}
		value, known := halfway(spans, open)
		truth.agrees(t, name, window, cut, value, known)
	}
}

func checkSupport(t *testing.T, r *recount, truth Truth, window string, w Window, cut, segment string) {
	t.Helper()
	opened := func(e told) bool {
		return e.Type == typeTicketCreated && e.Data.Subject.Content.TicketType != "feature"
	}
	wished := func(e told) bool {
		return e.Type == typeTicketCreated && e.Data.Subject.Content.TicketType == "feature"
	}
	tickets := len(r.in(w, segment, opened))
	users := distinct(r.in(w, segment, told.used), func(e told) string { return e.Actor })
	first := w.To // day of the first ticket of all
	for _, e := range r.events {
		if e.Type == typeTicketCreated && e.Time.Before(first) {
			first = e.Time.Truncate(24 * time.Hour)
		}
	}
	since := w.From
	if first.After(since) {
		since = first
	}
	months := 30 / max(1, w.To.Sub(since).Hours()/24)
	truth.agrees(t, "tickets-opened", window, cut, float64(tickets), true)
	if segment == "" {
		for _, capability := range []string{"logs", "deploy", ""} {
			n := len(r.in(w, "", func(e told) bool { return opened(e) && e.Capability == capability }))
			truth.agrees(t, "tickets-opened", window, "capability="+cmp.Or(capability, "none"), float64(n), true)
		}
	}
	personDays := 0.0
	for end := w.To; end.After(since); end = end.AddDate(0, 0, -30) {
		piece := end.AddDate(0, 0, -30)
		active := distinct(r.in(Window{piece, end}, segment, told.used), func(e told) string { return e.Actor })
		if piece.Before(since) {
			piece = since
		}
		personDays += float64(active) * end.Sub(piece).Hours() / 24
	}
	truth.agrees(t, "tickets-per-100-users", window, cut, 100*float64(tickets)/personDays*30, users > 0)
	wishes := r.in(w, segment, wished)
	truth.agrees(t, "feature-requests", window, cut, months*float64(distinct(wishes, func(e told) string { return e.Actor + e.Time.UTC().Format(" 2006-01") })), true)
	closed := map[string]time.Time{}
	for _, e := range r.events {
		if e.Type == typeTicketClosed {
			closed[e.Data.Subject.ID] = e.Time
		}
	}
	waiting := 0
	for _, e := range r.in(Window{time.Time{}, w.To}, segment, opened) {
		if end, ok := closed[e.Data.Subject.ID]; !ok || !end.Before(w.To) {
			waiting++
		}
	}
	truth.agrees(t, "tickets-open", window, cut, float64(waiting), true)
	spans, open := map[time.Duration]int{}, []time.Duration{}
	for _, e := range r.in(w, segment, opened) {
		if end, ok := closed[e.Data.Subject.ID]; ok {
			spans[end.Sub(e.Time)]++
		} else {
			open = append(open, truth.To.Sub(e.Time))
		}
	}
	value, known := halfway(spans, open)
	truth.agrees(t, "ticket-resolution-time", window, cut, value, known)
	asked := len(r.in(w, segment, func(e told) bool { return e.Type == typeQuestion }))
	truth.agrees(t, "questions", window, cut, float64(asked), true)
	truth.agrees(t, "refusals", window, cut, float64(len(r.in(w, segment, func(e told) bool { return e.Type == typeRefused }))), true)
	if segment == "" {
		refusals, questions := map[string]float64{}, map[string]float64{}
		for _, e := range r.in(w, "", func(told) bool { return true }) {
			switch e.Type {
			case typeRefused:
				refusals[e.Service]++
			case typeQuestion:
				questions[e.Service]++
			}
		}
		for service, n := range refusals {
			truth.agrees(t, "refusals", window, "service="+service, n, true)
		}
		for service, n := range questions {
			truth.agrees(t, "questions", window, "service="+service, n, true)
		}
	}
	onPath := len(r.in(w, segment, func(e told) bool {
		return (e.Type == typeDeployed || e.Type == typeUpgraded) && e.Capability == "deploy"
	}))
	truth.agrees(t, "input-friction", window, cut, float64(asked)/float64(onPath), onPath > 0)
	// A wish within two months of another one is not told of: a month's are by
	// distinct people.
	if strings.HasSuffix(window, "30-days") && len(wishes) != distinct(wishes, func(e told) string { return e.Actor }) {
		t.Errorf("somebody requested two features in %s", window)
	}
}

func checkDelivery(t *testing.T, r *recount, truth Truth, window string, w Window, segments map[string]string) {
	t.Helper()
	deployments, incidents := r.delivery()
	on, off := true, false
	type cutting struct {
		segment string
		path    *bool
	}
	cuts := map[string]cutting{"path=on": {"", &on}, "path=off": {"", &off}}
	for cut, segment := range segments {
		cuts[cut] = cutting{segment: segment}
	}
	inside := func(at time.Time) bool { return !at.Before(w.From) && at.Before(w.To) }
	firsts, begun := map[string]*served{}, time.Time{}
	for _, d := range deployments {
		if firsts[d.Service] == nil {
			firsts[d.Service] = d
		}
		if begun.IsZero() || d.Time.Before(begun) {
			begun = d.Time
		}
	}
	watched := begun.UTC().Truncate(24*time.Hour).AddDate(0, 0, 30)
	for cut, c := range cuts {
		of := func(d *served) bool {
			return (c.segment == "" || r.segment[d.Team] == c.segment) && (c.path == nil || *c.path == d.on)
		}
		var all, failed, back, fix, born, bornOn, skewed, silent int
		var leads, frequency []float64
		perService, spans, open := map[string]int{}, map[time.Duration]int{}, []time.Duration{}
		for _, d := range deployments {
			if !of(d) {
				continue
			}
			if !inside(d.Time) {
				continue
			}
			all++
			perService[d.Service]++
			if d.failed {
				failed++
				if d.mended.IsZero() {
					open = append(open, truth.To.Sub(d.broke))
				} else {
					spans[d.mended.Sub(d.broke)]++
				}
			}
			switch d.Data.CustomData.Cause {
			case "rollback":
				back++
			case "hotfix":
				fix++
			}
			if d.Data.CustomData.Cause != "rollback" {
				if d.Data.CustomData.Changes == nil { // an empty list would say that it brings none
					silent++
				}
				for _, change := range d.Data.CustomData.Changes {
					if lead := d.Time.Sub(change.Time); lead >= 0 {
						leads = append(leads, lead.Seconds())
					} else {
						skewed++
					}
				}
			}
			if firsts[d.Service] == d && c.path == nil && !d.Time.Before(watched) {
				born++
				if d.on {
					bornOn++
				}
			}
		}
		for name, days := range daysThere(deployments, of, w.From, w.To) {
			frequency = append(frequency, float64(perService[name])/days)
		}
		truth.agrees(t, "deployments", window, cut, float64(all), true)
		truth.agrees(t, "deployments-failed", window, cut, float64(failed), true)
		truth.agrees(t, "deployments-rolled-back", window, cut, float64(back), true)
		truth.agrees(t, "deployments-hotfix", window, cut, float64(fix), true)
		truth.agrees(t, "change-failure-rate", window, cut, float64(failed)/float64(all), all > 0)
		truth.agrees(t, "rework-rate", window, cut, float64(back+fix)/float64(all), all > 0)
		truth.agrees(t, "lead-time-dropped", window, cut, float64(skewed), true)
		truth.agrees(t, "lead-time-without-commit", window, cut, float64(silent), true)
		if len(leads) > 0 {
			truth.agrees(t, "lead-time", window, cut, middleOf(leads), true)
		}
		if len(frequency) > 0 {
			truth.agrees(t, "deployment-frequency", window, cut, middleOf(frequency), true)
		}
		value, known := halfway(spans, open)
		truth.agrees(t, "recovery-time", window, cut, value, known)
		if c.path == nil {
			truth.agrees(t, "share-new-services-on-path", window, cut, float64(bornOn)/float64(born), born > 0)
			truth.agrees(t, "new-services", window, cut, float64(born), true)
		}
		var began, unattributed, stillOpen int
		spans, open = map[time.Duration]int{}, nil
		for _, i := range incidents {
			if !of(i) || !inside(i.Time) {
				continue
			}
			began++
			if !i.failed {
				unattributed++
			}
			if i.mended.IsZero() {
				stillOpen++
				open = append(open, truth.To.Sub(i.Time))
			} else {
				spans[i.mended.Sub(i.Time)]++
			}
		}
		truth.agrees(t, "incidents", window, cut, float64(began), true)
		truth.agrees(t, "unattributed-incidents", window, cut, float64(unattributed), true)
		truth.agrees(t, "incidents-open", window, cut, float64(stillOpen), true)
		value, known = halfway(spans, open)
		truth.agrees(t, "mttr", window, cut, value, known)
	}
}

// daysThere looks at each day for each service: at the deployments of that day, else
// at the last one before, for a quarter.
func daysThere(deployments []*served, of func(*served) bool, from, to time.Time) map[string]float64 {
	byService := map[string][]*served{}
	for _, d := range deployments { // in the order of time
		byService[d.Service] = append(byService[d.Service], d)
	}
	there := map[string]float64{}
	for name, all := range byService {
		next := 0
		var last *served
		for at := from.AddDate(0, 0, -91); at.Before(to); at = at.AddDate(0, 0, 1) {
			in := last != nil && of(last) && at.Sub(last.Time.Truncate(24*time.Hour)) < 90*24*time.Hour
			first := true
			for ; next < len(all) && all[next].Time.Before(at.AddDate(0, 0, 1)); next++ {
				last = all[next]
				if !last.Time.Before(at) {
					in = !first && in || of(last)
					first = false
				}
			}
			if in && !at.Before(from) {
				there[name]++
			}
		}
	}
	return there
}
