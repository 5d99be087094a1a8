package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cdevents/sdk-go/pkg/api"
	cdevents "github.com/cdevents/sdk-go/pkg/api/v05"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/simulate/holiday"
)

func digest(t testing.TB, o Options) (string, Truth) {
	t.Helper()
	h := sha256.New()
	truth, err := Generate(t.Context(), o, func(line []byte) error { _, err := h.Write(append(line, '\n')); return err }, nil)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil)), truth
}

func TestSameOptionsGiveTheSameEvents(t *testing.T) {
	o := options(t, 10, 4, 3)
	first, truth := digest(t, o)
	second, again := digest(t, o)
	if first != second {
		t.Error("two runs give different events")
	}
	if diff := cmp.Diff(truth, again); diff != "" {
		t.Errorf("two runs give different truths: %s", diff)
	}
	for name, change := range map[string]func(*Options){
		"seed": func(o *Options) { o.Seed++ }, "teams": func(o *Options) { o.Teams++ }, "months": func(o *Options) { o.Months++ },
		"end": func(o *Options) { o.End = o.End.AddDate(0, 0, -1) }, "activity": func(o *Options) { o.Activity = 2 },
	} {
		other := o
		change(&other)
		if got, _ := digest(t, other); got == first || other.Name() == o.Name() {
			t.Errorf("another %s gives the same organisation", name)
		}
	}
}

// Whatever the options, the stream keeps its promises.
func TestStreamKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := Options{
			Teams: rapid.IntRange(1, 9).Draw(rt, "teams"), Months: rapid.IntRange(1, 5).Draw(rt, "months"), Seed: rapid.Uint64().Draw(rt, "seed"),
			End: ending().AddDate(0, 0, -rapid.IntRange(0, 800).Draw(rt, "days")), Activity: rapid.Float64Range(0.1, 3).Draw(rt, "activity"),
		}
		o, err := o.WithDefaults(ending())
		if err != nil {
			rt.Fatal(err)
		}
		var late int
		latest := o.start()
		_, truth := each(rt, o, func(e told, line []byte) {
			switch {
			case e.Time.Before(o.start()) || !e.Time.Before(o.End):
				rt.Fatalf("it happened outside of the time: %s", line)
			case e.Simulated != "true":
				rt.Fatalf("it does not say that it is simulated: %s", line)
			case strings.HasPrefix(e.Source, "/") || strings.Contains(e.Source, "stoa.dev/stoa"):
				rt.Fatalf("its source could be Stoa's own: %s", line)
			case e.Team == "" || e.Actor == "":
				rt.Fatalf("nobody is said to have done it: %s", line)
			case latest.Sub(e.Time) > 32*24*time.Hour:
				rt.Fatalf("it comes later than a month: %s", line)
			case latest.Sub(e.Time) > 2*24*time.Hour:
				late++
			}
			if e.Time.After(latest) {
				latest = e.Time
			}
		})
		if truth.Counts.Lines > 1000 && float64(late)/float64(truth.Counts.Lines) > 0.05 {
			rt.Errorf("%d of %d events come very late", late, truth.Counts.Lines)
		}
		if _, err := json.Marshal(truth); err != nil {
			rt.Errorf("the truth cannot be written: %v", err)
		}
	})
}

// People who leave before anybody opens a ticket were active in the window,
// but on none of the days that tickets are counted over.
func TestTicketsOfNobodyAreNoNumber(t *testing.T) {
	_, truth := digest(t, options(t, 3, 2, 15))
	if _, err := json.Marshal(truth); err != nil {
		t.Errorf("the truth cannot be written: %v", err)
	}
	unknown := 0
	for _, m := range truth.Measures {
		if m.Name != "tickets-per-100-users" {
			continue
		}
		for _, v := range m.Values {
			if v.Value == nil {
				unknown++
			} else if math.IsNaN(*v.Value) || math.IsInf(*v.Value, 0) {
				t.Errorf("%s of %s: %v", v.Window, v.Cut, *v.Value)
			}
		}
	}
	if unknown == 0 {
		t.Error("no cut is without a value, so that nothing is tried")
	}
}

func TestPeopleKeepOfficeHours(t *testing.T) {
	o := options(t, 40, 12, 2)
	w, err := newWorld(o, DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	people := map[string]*person{}
	for _, p := range w.people {
		people[p.principal()] = p
	}
	zones := map[string]*time.Location{}
	for _, o := range offices {
		if zones[o.zone], err = time.LoadLocation(o.zone); err != nil {
			t.Fatal(err)
		}
	}
	seen, changed := map[string]int{}, map[string]int{}
	each(t, o, func(e told, line []byte) {
		p := people[e.Actor]
		if p == nil || e.Type != typeUsage || e.Capability == "deploy" || p.members[0].team.lead().person == p {
			return // machines, rollbacks at night, and first steps that a lead takes for the team
		}
		office := offices[p.office]
		local := e.Time.In(zones[office.zone])
		date := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
		clock := time.Duration(local.Hour())*time.Hour + time.Duration(local.Minute())*time.Minute
		if d := local.Weekday(); d == time.Saturday || d == time.Sunday || holiday.On(office.country, date) || clock < 8*time.Hour || clock >= 18*time.Hour {
			t.Fatalf("%s is at work on %s: %s", e.Actor, local, line)
		}
		if n := int(date.Sub(o.start()).Hours() / 24); !p.works(n) {
			t.Fatalf("%s is away, or not there, on %s", e.Actor, local)
		}
		seen[office.zone]++
		_, offset := local.Zone()
		if _, before := local.AddDate(0, 0, -3).Zone(); before != offset {
			changed[office.zone]++ // the Monday after the clocks changed
		}
	})
	for _, o := range offices {
		if seen[o.zone] == 0 {
			t.Errorf("nobody works in %s", o.zone)
		}
	}
	if len(changed) < 4 {
		t.Errorf("days after the clocks changed: %v", changed)
	}
}

// What is waiting to be sent is that of a few days, however long the time is.
func TestMemoryIsBounded(t *testing.T) {
	peak := func(months int) (most, all int) {
		o := options(t, 12, months, 5)
		w, err := newWorld(o, DefaultModel())
		if err != nil {
			t.Fatal(err)
		}
		g := w.generator(func(line []byte) error { all += len(line); return nil })
		if _, err := g.live(t.Context(), func(Progress) {
			most = max(most, g.out.held())
		}); err != nil {
			t.Fatal(err)
		}
		return most, all
	}
	short, _ := peak(12)
	long, all := peak(48)
	if long > 3*short || long > all/50 {
		t.Errorf("at most %d bytes are held of %d in four years, %d in one", long, all, short)
	}
}

func TestPayloadsAreCDEvents(t *testing.T) {
	kinds := map[string]int{}
	each(t, options(t, 30, 6, 4), func(e told, line []byte) {
		if !strings.HasPrefix(e.Type, "dev.cdevents.") || kinds[e.Type] > 40 {
			return
		}
		kinds[e.Type]++
		var raw struct{ Data json.RawMessage }
		if err := json.Unmarshal(line, &raw); err != nil {
			t.Fatal(err)
		}
		read, err := cdevents.NewFromJsonBytes(raw.Data)
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		_, schema, err := read.GetSchema()
		if err != nil {
			t.Fatal(err)
		}
		var document any
		if err := json.Unmarshal(raw.Data, &document); err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("%s is not what its schema says: %v\n%s", e.Type, err, raw.Data)
		}
		if err := api.Validate(read); err != nil {
			t.Errorf("%s is not valid: %v\n%s", e.Type, err, raw.Data)
		}
		if read.GetId() != e.ID || read.GetSource() != e.Source || read.GetType().String() != e.Type || !read.GetTimestamp().Equal(e.Time) {
			t.Errorf("envelope and payload differ: %s", line)
		}
	})
	if len(kinds) < 10 {
		t.Errorf("only %v were checked", kinds)
	}
}

// What is drawn has the parameters that the truth names.
func TestDistributionsHaveTheirParameters(t *testing.T) {
	o := options(t, 500, 6, 11)
	o.Activity = 0.05 // it is not about usage
	w, err := newWorld(o, DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	g := w.generator(func([]byte) error { return nil })
	truth, err := g.live(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	m, b := w.model, g.book
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if math.Abs(got-want) > tolerance {
			t.Errorf("%s is %.4f, want %.4f ± %.4f", what, got, want, tolerance)
		}
	}
	// A share of n is within four standard deviations.
	share := func(what string, part, n int, want float64) {
		t.Helper()
		near(what, float64(part)/float64(n), want, 4*math.Sqrt(want*(1-want)/float64(n)))
	}
	var asked, granted, deployed, queried, alerted, noGrant, noDeployment, noQuery, noAlert int
	var waits []ms
	quantiles := map[int]int{}
	for _, one := range w.teams {
		if one.asked < w.end {
			asked++
			quantiles[int((one.asked-w.start)/monthOf(w))]++
		}
		count(one.asked < w.end, one.granted, &granted, &noGrant)
		count(one.granted < w.end, one.deployed, &deployed, &noDeployment)
		count(one.deployed < w.end, one.queried, &queried, &noQuery)
		count(one.queried < w.end, one.alerted, &alerted, &noAlert)
		if one.granted < never {
			waits = append(waits, one.granted-one.asked)
		}
	}
	share("stuck at access", noGrant, granted+noGrant, m.StuckAtAccess)
	share("stuck at the first deployment", noDeployment, deployed+noDeployment, m.StuckAtDeployment)
	share("stuck at the first log query", noQuery, queried+noQuery, m.StuckAtLogQuery)
	share("stuck at the first alert", noAlert, alerted+noAlert, m.StuckAtAlert)
	near("median wait for access in hours", median(waits).value/3600, m.AccessWaitHours, 0.6)
	came := 0
	for month := range 5 {
		came += quantiles[month]
		e := math.Exp(-(m.BassP + m.BassQ) * float64(month+1))
		f := (1 - e) / (1 + m.BassQ/m.BassP*e)
		near("share of teams that asked", float64(came)/float64(o.Teams), f*(1-m.NeverShare), 0.04)
	}

	silent := 0
	plans, failures, how := map[bool]int{}, map[bool]int{}, map[failure]int{}
	leads, mends := map[bool][]ms{}, map[bool][]ms{}
	for _, d := range b.deployments {
		if d.cause != planned {
			continue
		}
		plans[d.path]++
		if d.silent {
			silent++
		}
		leads[d.path] = append(leads[d.path], d.leads...)
		if d.failed != worked {
			failures[d.path]++
			how[d.failed]++
			if d.mended < never {
				mends[d.path] = append(mends[d.path], d.mended-d.broke)
			}
		}
	}
	if plans[true] < 5_000 || plans[false] < 5_000 {
		t.Fatalf("too few deployments: %v", plans)
	}
	share("releases of which nobody knows the commit", silent, plans[true]+plans[false], m.NoCommitShare)
	share("failures on the path", failures[true], plans[true], m.FailureOn)
	share("failures off the path", failures[false], plans[false], m.FailureOff)
	failed := failures[true] + failures[false]
	share("failures with an incident", how[followed], failed, m.FailureByIncident)
	share("failures that an incident names", how[linked], failed, m.FailureByLink)
	share("failures rolled back", how[rolledBack], failed, m.FailureByRollback)
	near("lead time on the path in hours", median(leads[true]).value/3600, m.LeadHoursOn, 0.15)
	near("lead time off the path in hours", median(leads[false]).value/3600, m.LeadHoursOff, 0.7)
	near("recovery on the path in minutes", median(mends[true]).value/60, m.RecoveryMinutesOn, 6)
	near("recovery off the path in minutes", median(mends[false]).value/60, m.RecoveryMinutesOff, 8)
	share("late events", int(truth.Counts.Late), int(truth.Counts.Events), m.LateShare+m.MonthLateShare)
	share("duplicates", int(truth.Counts.Duplicates), int(truth.Counts.Events), m.DuplicateShare)
}

// count counts a team that has taken one step, by whether it ever takes the next.
func count(ready bool, next ms, taken, not *int) {
	switch {
	case !ready:
	case next < never:
		*taken++
	default:
		*not++
	}
}

func TestActivityIsWhatTheModelSays(t *testing.T) {
	o := options(t, 90, 12, 12)
	w, err := newWorld(o, DefaultModel())
	if err != nil {
		t.Fatal(err)
	}
	g := w.generator(func([]byte) error { return nil })
	if _, err := g.live(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	// Days of use over days at work, of people who release nothing, where a day
	// of the office is one of UTC.
	used, atWork := 0, 0
	for _, p := range w.people {
		of := p.members[0]
		if p.persona != quality || len(p.members) > 1 || of.team.granted >= w.end || !strings.HasPrefix(offices[p.office].zone, "Europe/") {
			continue
		}
		for n := w.calendar.date(of.begins) + 1; n < w.calendar.days && w.start+ms(n+1)*day < of.team.leaves; n++ {
			if w.calendar.opening(p.office, n) == 0 || !p.works(n) {
				continue
			}
			atWork++
			if bits := g.book.presence[of.id]; bits != nil && days(bits).has(n) {
				used++
			}
		}
	}
	if got := float64(used) / float64(atWork); atWork < 1000 || math.Abs(got-w.model.ActiveQA) > 4*math.Sqrt(0.25/float64(atWork)) {
		t.Errorf("people use the platform on %.3f of %d days at work, want %.3f", got, atWork, w.model.ActiveQA)
	}
}

// held is how much memory events take that have not been handed on.
func (s *stream) held() int {
	n := 0
	for _, some := range [][]*arrivals{slices.Collect(maps.Values(s.waiting)), slices.Collect(maps.Values(s.later)), s.spare} {
		for _, a := range some {
			n += cap(a.text) + cap(a.lines)*lineSize
		}
	}
	return n
}
