package dora

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"

	"github.com/stoa-platform/stoa/internal/measure"
)

// Sharing gives a context in which the deployments and incidents of a scope's time
// are read once, for all measures, tables and contrasts of that time or a part of it:
// a page asks for several of them, and reading costs more than what they make of it.
func Sharing(ctx context.Context, s measure.Scope) context.Context {
	return context.WithValue(ctx, sharingKey{}, &sharing{from: s.From, to: s.To})
}

type sharingKey struct{}

// sharing is what was read of a time. All who share ask about the same organisation.
type sharing struct {
	from, to int64 // days

	deployments once[*periodRows]
	incidents   [2]once[[]incidentRow] // without their path, and with it
}

// once is what the first who needs it reads for all.
type once[T any] struct {
	sync.Once
	value T
	err   error
}

func (o *once[T]) read(query func() (T, error)) (T, error) {
	o.Do(func() { o.value, o.err = query() })
	return o.value, o.err
}

// sharingOf gives what is shared in the context, if it has all of a view's time.
func sharingOf(ctx context.Context, v *measure.View) *sharing {
	if s, ok := ctx.Value(sharingKey{}).(*sharing); ok && s.from <= v.From && v.To <= s.to {
		return s
	}
	return nil
}

// periodRows are rows of delivery_period.
type periodRows struct {
	rows   []periodRow
	packed []byte
}

type periodRow struct {
	environment, period, service, team, path int64
	from, to                                 int // of packed
}

// readPeriods gives the rows of the periods that the days lie in, in any order; of
// shared ones there may be more.
func readPeriods(ctx context.Context, v *measure.View, from, to int64) (*periodRows, error) {
	if s := sharingOf(ctx, v); s != nil {
		return s.deployments.read(func() (*periodRows, error) { return queryPeriods(ctx, v, s.from-aliveFor, s.to) })
	}
	return queryPeriods(ctx, v, from, to)
}

func queryPeriods(ctx context.Context, v *measure.View, from, to int64) (*periodRows, error) {
	in, args := production(v, 3)
	rows, err := v.DB.Query(ctx, `SELECT environment, period, service, team, path, packed FROM delivery_period
		WHERE environment IN (0`+in+`) AND period >= $1 AND period <= $2`,
		slices.Concat([]any{periodOf(measure.Micros(from)), periodOf(measure.Micros(to) - 1)}, args)...)
	if err != nil {
		return nil, fmt.Errorf("read deployments: %w", err)
	}
	defer rows.Close()
	read := &periodRows{}
	var r periodRow
	var packed sql.RawBytes
	into := []any{&r.environment, &r.period, &r.service, &r.team, &r.path, &packed}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("read deployments: %w", err)
		}
		r.from = len(read.packed)
		read.packed = append(read.packed, packed...)
		r.to = len(read.packed)
		read.rows = append(read.rows, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read deployments: %w", err)
	}
	return read, nil
}

// Own counts the deployments to production that the view leaves out because their
// team runs the platform.
func Own(ctx context.Context, v *measure.View) (n int, err error) {
	periods, err := readPeriods(ctx, v, v.From, v.To)
	if err != nil {
		return 0, err
	}
	for _, r := range periods.rows {
		cell := measure.Cell{Service: r.service, Team: r.team, Path: pathName(r.path)}
		if r.environment == 0 || !v.OwnTeam(cell) {
			continue
		}
		if err := unpack(r.period, periods.packed[r.from:r.to], func(d *delivered) {
			if day := measure.DayOf(d.at); day >= v.From && day < v.To {
				n++
			}
		}); err != nil {
			return 0, fmt.Errorf("read deployments of service %d: %w", r.service, err)
		}
	}
	return n, nil
}

// incidentRow is an incident in production.
type incidentRow struct {
	id, started, resolved int64 // resolved is null while it is open
	service, team         int64
	attributed            bool
	path                  string // "" where nobody asks for it, or nobody knows
}

// readIncidentRows gives the incidents that began in the view's time, in any order;
// of shared ones there may be more.
func readIncidentRows(ctx context.Context, v *measure.View) ([]incidentRow, error) {
	withPath := v.By == measure.ByPath || v.Only[measure.ByPath] != nil
	s := sharingOf(ctx, v)
	if s == nil {
		return queryIncidents(ctx, v, v.From, v.To, withPath)
	}
	kept := &s.incidents[0]
	if withPath {
		kept = &s.incidents[1]
	}
	return kept.read(func() ([]incidentRow, error) { return queryIncidents(ctx, v, s.from, s.to, withPath) })
}

func queryIncidents(ctx context.Context, v *measure.View, from, to int64, withPath bool) ([]incidentRow, error) {
	in, args := production(v, 3)
	path := "NULL"
	if withPath {
		path = `coalesce((SELECT max(d.path) FROM incident_links l JOIN deployments d ON d.seq = l.deployment WHERE l.incident = i.incident AND l.environment IN (0` + in + `)),
			(SELECT d.path FROM deployments d WHERE d.service = i.service AND d.environment IN (-1` + in + `) AND d.at <= i.started ORDER BY d.at DESC, d.event DESC, d.seq DESC LIMIT 1))`
	}
	rows, err := v.DB.Query(ctx, `SELECT i.incident, i.started, i.resolved, i.service, i.team,
			(SELECT count(*) FROM incident_links l WHERE l.incident = i.incident AND l.environment IN (0`+in+`)), `+path+`
		FROM incidents i WHERE i.started >= $1 AND i.started < $2 AND i.environment IN (0`+in+`)`,
		slices.Concat([]any{measure.Micros(from), measure.Micros(to)}, args)...)
	if err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	var read []incidentRow
	if err := eachRow(rows, 7, func(row []int64) {
		r := incidentRow{id: row[0], started: row[1], resolved: row[2], service: row[3], team: row[4], attributed: row[5] > 0}
		if row[6] != null {
			r.path = pathName(row[6])
		}
		read = append(read, r)
	}); err != nil {
		return nil, fmt.Errorf("read incidents: %w", err)
	}
	return read, nil
}
