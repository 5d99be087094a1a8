package dora

import (
	"context"
	"fmt"
	"maps"
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
	days     int64 // the length of its time
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
}

// serviceTally is the deployments of one service, and on which days they were.
type serviceTally struct {
	n    int
	days map[int64]bool
}

func (t *tally) failures() int { return t.n - t.failed[notFailed] }

// open is how many failures nobody has mended yet.
func (t *tally) open() int {
	n := 0
	for _, w := range t.waits {
		if !w.Event {
			n++
		}
	}
	return n
}

// reading says what to take from the summaries beside the counts.
type reading struct{ leads, waits, unattributed bool }

// tallies brings the deployments to production of the view into groups.
func (r reading) tallies(ctx context.Context, v *measure.View) (map[measure.Key]*tally, error) {
	all := map[measure.Key]*tally{}
	buckets := v.Buckets()
	known := int64(0)
	if r.waits {
		var err error
		if known, err = knownUntil(ctx, v); err != nil {
			return nil, err
		}
	}
	in, args := production(v, 3)
	rows, err := v.DB.Query(ctx, `SELECT environment, period, service, team, path, packed FROM delivery_period
		WHERE environment IN (0`+in+`) AND period >= $1 AND period <= $2`,
		slices.Concat([]any{periodOf(measure.Micros(v.From)), periodOf(measure.Micros(v.To) - 1)}, args)...)
	if err != nil {
		return nil, fmt.Errorf("read deployments: %w", err)
	}
	defer rows.Close()
	bucketOf := bucketsOfDays(v, buckets)
	of := make([]*tally, len(buckets)) // those of the row's group
	var group string
	for first := true; rows.Next(); first = false {
		var environment, period int64
		var cell measure.Cell
		var path int64
		var packed []byte
		if err := rows.Scan(&environment, &period, &cell.Service, &cell.Team, &path, &packed); err != nil {
			return nil, fmt.Errorf("read deployments: %w", err)
		}
		cell.Path = pathName(path)
		name, ok := v.Group(cell)
		if !ok {
			continue
		}
		if name != group || first {
			clear(of)
			group = name
		}
		service := serviceName(v.Org, cell.Service)
		if err := unpack(period, packed, func(d *delivered) {
			day := dayOf(d.at)
			if day < v.From || day >= v.To {
				return
			}
			b := bucketOf[day-v.From]
			t := of[b]
			if t == nil {
				if t = all[measure.Key{Group: group, Bucket: b}]; t == nil {
					t = &tally{days: buckets[b].To - buckets[b].From, services: map[string]*serviceTally{}}
					all[measure.Key{Group: group, Bucket: b}] = t
				}
				of[b] = t
			}
			if environment == 0 {
				t.nowhere++
				return
			}
			t.add(service, day, d, r, known)
		}); err != nil {
			return nil, fmt.Errorf("read deployments of service %d: %w", cell.Service, err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read deployments: %w", err)
	}
	if r.unattributed {
		err = r.addUnattributed(ctx, v, all)
	}
	return all, err
}

func (t *tally) add(service string, day int64, d *delivered, r reading, known int64) {
	t.n++
	t.failed[d.failed]++
	if d.rework {
		t.rework++
	}
	s := t.services[service]
	if s == nil {
		s = &serviceTally{days: map[int64]bool{}}
		t.services[service] = s
	}
	s.n++
	s.days[day] = true
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

// knownUntil is up to when the ledger knows what happened: what is open then
// has lasted at least so long.
func knownUntil(ctx context.Context, v *measure.View) (int64, error) {
	var known int64
	err := v.DB.QueryRow(ctx, "SELECT coalesce(max(e.received), 0) FROM ledger_head h JOIN events e ON e.seq = h.seq").Scan(&known)
	if err != nil {
		return 0, fmt.Errorf("read the ledger's last event: %w", err)
	}
	return known, nil
}

func bucketsOfDays(v *measure.View, buckets []measure.Bucket) []int {
	of := make([]int, v.Days())
	for i, b := range buckets {
		for day := b.From; day < b.To; day++ {
			of[day-v.From] = i
		}
	}
	return of
}

func dayOf(at int64) int64 {
	day := at / dayMicros
	if at%dayMicros < 0 {
		day--
	}
	return day
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
