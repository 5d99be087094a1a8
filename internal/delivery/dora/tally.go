package dora

import (
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

const (
	dayMicros    = int64(24*60*60) * 1_000_000
	secondMicros = 1e6
)

// tally is what the deployments to production of one group come to.
type tally struct {
	n        int
	failed   [failedIncident + 1]int // by reason
	rework   int
	services map[string]*serviceTally
	leads    []float64 // in seconds
	backward int       // changes that were made after they were deployed
	silent   int       // deployments of which nobody said when their changes were made
	waits    []stat.Wait
	mendless int // failures that ended before they began
	nowhere  int // deployments without an environment
	// unattributed is how many incidents are laid to no deployment.
	unattributed int
	own          int // deployments of teams that run the platform, which are in none of the others
}

// serviceTally is the deployments of one service, on which days they were, a bit
// for each day from that of the first bucket on, and on how many it was there.
type serviceTally struct {
	n     int
	days  []uint64
	there int64
}

func (s *serviceTally) on(day int64) {
	s.n++
	for int(day/64) >= len(s.days) {
		s.days = append(s.days, 0)
	}
	s.days[day/64] |= 1 << (day % 64)
}

func (s *serviceTally) distinctDays() int {
	n := 0
	for _, w := range s.days {
		n += bits.OnesCount64(w)
	}
	return n
}

// merge adds another group of the same time.
func (t *tally) merge(o *tally) {
	t.n, t.rework = t.n+o.n, t.rework+o.rework
	for reason, n := range o.failed {
		t.failed[reason] += n
	}
	if t.services == nil {
		t.services = map[string]*serviceTally{}
	}
	for name, s := range o.services {
		if t.services[name] == nil {
			t.services[name] = &serviceTally{}
		}
		t.services[name].merge(s)
	}
	t.leads, t.waits = append(t.leads, o.leads...), append(t.waits, o.waits...)
	t.backward, t.silent, t.mendless = t.backward+o.backward, t.silent+o.silent, t.mendless+o.mendless
	t.nowhere, t.unattributed = t.nowhere+o.nowhere, t.unattributed+o.unattributed
}

func (s *serviceTally) merge(o *serviceTally) {
	s.n, s.there = s.n+o.n, s.there+o.there
	if missing := len(o.days) - len(s.days); missing > 0 {
		s.days = append(s.days, make([]uint64, missing)...)
	}
	for i, days := range o.days {
		s.days[i] |= days
	}
}

func (t *tally) failures() int { return t.n - t.failed[notFailed] }

// reading says what to take from the summaries beside the counts.
type reading struct {
	services, leads, waits, unattributed bool
	// each, if there is one, gives for a row what hears of its deployments that count.
	each func(of measure.Cell) func(day int64)
}

// everything is what any measure of deployments takes.
var everything = reading{services: true, leads: true, waits: true, unattributed: true}

// sharedDeployments and sharedIncidents are what measures of a view share.
type (
	sharedDeployments struct{}
	sharedIncidents   struct{}
)

// tallies brings the deployments to production of the view into groups, which
// several measures of it share.
func (r reading) tallies(ctx context.Context, v *measure.View) (map[measure.Key]*tally, error) {
	if v.Shared() {
		r = everything
	}
	return measure.Once(v, sharedDeployments{}, func() (map[measure.Key]*tally, error) { return r.read(ctx, v, v.Group) })
}

// deployed are the tallies of groups with a deployment in the time, for measures
// that say nothing of services that are only there.
func (r reading) deployed(ctx context.Context, v *measure.View) (map[measure.Key]*tally, error) {
	all, err := r.tallies(ctx, v)
	if err != nil {
		return nil, err
	}
	deployed := make(map[measure.Key]*tally, len(all))
	for key, t := range all {
		if t.n > 0 || t.nowhere > 0 || t.own > 0 {
			deployed[key] = t
		}
	}
	return deployed, nil
}

// read reads them, into groups of which a cell's is ok to be in.
func (r reading) read(ctx context.Context, v *measure.View, groupOf func(measure.Cell) (group string, ok bool)) (map[measure.Key]*tally, error) {
	g := gatherer{reading: r, v: v, groupOf: groupOf, buckets: v.Buckets(), all: map[measure.Key]*tally{}}
	g.inGroup = make([]*tally, len(g.buckets))
	if r.waits || r.services {
		var err error
		if g.known, err = measure.KnownUntil(ctx, v.DB, Projector{}.Name()); err != nil {
			return nil, err
		}
	}
	from := v.From
	if r.services {
		from, g.presence = from-aliveFor, presence{}
	}
	periods, err := readPeriods(ctx, v, from, v.To)
	if err != nil {
		return nil, err
	}
	first, last := periodOf(measure.Micros(from)), periodOf(measure.Micros(v.To)-1)
	for _, r := range periods.rows {
		if r.period < first || r.period > last || !g.enter(measure.Cell{Service: r.service, Team: r.team, Path: pathName(r.path)}, r.environment) {
			continue
		}
		if err := unpack(r.period, periods.packed[r.from:r.to], g.add); err != nil {
			return nil, fmt.Errorf("read deployments of service %d: %w", r.service, err)
		}
	}
	g.presence.eachStay(v, measure.DayOf(g.known)+1, func(service, group string, bucket int, days int64) {
		g.at(measure.Key{Group: group, Bucket: bucket}).of(service).there += days
	})
	if r.unattributed {
		err = addUnattributed(ctx, v, g.all)
	}
	return g.all, err
}

// gatherer adds one packed row of deployments after the other.
type gatherer struct {
	reading
	v       *measure.View
	groupOf func(measure.Cell) (group string, ok bool)
	buckets []measure.Bucket
	known   int64
	all     map[measure.Key]*tally
	presence

	// What the row at hand belongs to, and the tallies of its group by bucket.
	outside     bool // of the view: it says only where the service was
	own         bool // and is of a team that runs the platform
	served      *served
	stay        int
	group       string
	service     string
	environment int64
	hears       func(day int64)
	inGroup     []*tally
	// The bucket of the deployment before, and that of the service in it.
	tally *tally
	of    *serviceTally
}

// enter begins a row; it is false for one that says nothing of the view.
func (g *gatherer) enter(cell measure.Cell, environment int64) bool {
	group, ok := g.groupOf(cell)
	g.own = !ok && environment != 0 && g.v.By == "" && g.v.OwnTeam(cell)
	if !ok && !g.own && (g.presence == nil || environment == 0) {
		return false
	}
	if group != g.group {
		clear(g.inGroup)
	}
	g.outside, g.served = !ok, nil
	g.group, g.service, g.environment, g.tally, g.of = group, serviceName(g.v.Org, cell.Service), environment, nil, nil
	if g.presence != nil && environment != 0 {
		g.served, g.stay = g.presence.of(g.service, group, !ok)
	}
	if ok && g.each != nil {
		g.hears = g.each(cell)
	}
	return true
}

// at is the tally of a group in a bucket.
func (g *gatherer) at(key measure.Key) *tally {
	t := g.all[key]
	if t == nil {
		t = &tally{services: map[string]*serviceTally{}}
		g.all[key] = t
	}
	return t
}

// of is the part of a service.
func (t *tally) of(service string) *serviceTally {
	s := t.services[service]
	if s == nil {
		s = &serviceTally{}
		t.services[service] = s
	}
	return s
}

func (g *gatherer) add(d *delivered) {
	day := measure.DayOf(d.at)
	if g.served != nil && day < g.v.To && day >= g.v.From-aliveFor {
		g.served.touches = append(g.served.touches, touch{d.at, g.stay})
	}
	if day < g.v.From || day >= g.v.To || g.outside && !g.own {
		return
	}
	b := g.v.BucketOf(day)
	if g.own {
		g.at(measure.Key{Bucket: b}).own++
		return
	}
	t := g.inGroup[b]
	if t == nil {
		t = g.at(measure.Key{Group: g.group, Bucket: b})
		g.inGroup[b] = t
	}
	if g.environment == 0 {
		t.nowhere++
		return
	}
	if g.hears != nil {
		g.hears(day)
	}
	if g.services {
		if t != g.tally {
			g.of, g.tally = t.of(g.service), t
		}
		g.of.on(day - g.buckets[b].From)
	}
	t.add(d, g.reading, g.known)
}

func (t *tally) add(d *delivered, r reading, known int64) {
	t.n++
	t.failed[d.failed]++
	if d.rework {
		t.rework++
	}
	if r.leads {
		if d.silent {
			t.silent++
		}
		for _, lead := range d.leads {
			if lead < 0 {
				t.backward++
				continue
			}
			t.leads = append(t.leads, float64(lead)/secondMicros)
		}
	}
	if r.waits && d.failed != notFailed {
		until := d.recoveredAt
		if until == null {
			until = max(known, d.failedAt)
		}
		if until < d.failedAt {
			t.mendless++
			return
		}
		t.waits = append(t.waits, stat.Wait{Duration: float64(until-d.failedAt) / secondMicros, Event: d.recoveredAt != null})
	}
}

// production gives ", $3, $4" for the environments that count, numbered from
// first, and the arguments.
func production(v *measure.View, first int) (string, []any) {
	var b strings.Builder
	var args []any
	for _, id := range slices.Sorted(maps.Keys(v.Org.Production)) {
		if v.Org.Production[id] && id != 0 {
			b.WriteString(", $" + strconv.Itoa(first+len(args)))
			args = append(args, id)
		}
	}
	return b.String(), args
}

func pathName(path int64) string {
	if path == 1 {
		return measure.OnPath
	}
	return measure.OffPath
}

// serviceName is a service's name now: one that was renamed has several numbers.
func serviceName(org *measure.Org, id int64) string {
	if name := org.Services[id]; name != "" {
		return name
	}
	return "#" + strconv.FormatInt(id, 10)
}
