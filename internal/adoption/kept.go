package adoption

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// actorMonth is a row of actor_month.
type actorMonth struct{ month, actor, kind, team, days int64 }

// readActorMonths reads the rows of some months, both included.
func readActorMonths(ctx context.Context, db Querier, first, last int64) ([]actorMonth, error) {
	rows, err := db.Query(ctx, "SELECT month, actor, kind, team, days FROM actor_month WHERE month >= $1 AND month <= $2", first, last)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []actorMonth
	for rows.Next() {
		var r actorMonth
		if err := rows.Scan(&r.month, &r.actor, &r.kind, &r.team, &r.days); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// maxKept bounds the rows that are kept, to some 20 MB.
const maxKept = 500_000

// keptDays keeps the rows that were read until the projection has gone on: a page
// asks for several measures of the same people, over the same time and the one
// before it.
type keptDays struct {
	mu          sync.Mutex
	watermark   int64
	first, last int64
	rows        []actorMonth
}

// read gives the rows of some months, both included. Nobody may change them.
func (k *keptDays) read(ctx context.Context, db Querier, first, last int64) ([]actorMonth, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var watermark int64
	err := db.QueryRow(ctx, "SELECT watermark FROM projections WHERE name = $1", Usage{}.Name()).Scan(&watermark)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	if k.rows == nil || watermark != k.watermark {
		k.watermark, k.first, k.last, k.rows = watermark, first, last, nil
	}
	if k.rows == nil || first < k.first || last > k.last {
		from, to := min(first, k.first), max(last, k.last)
		rows, err := readActorMonths(ctx, db, from, to)
		if err != nil {
			return nil, err
		}
		if len(rows) > maxKept {
			k.rows = nil
			return between(rows, first, last), nil
		}
		k.first, k.last, k.rows = from, to, rows
	}
	if first == k.first && last == k.last {
		return k.rows, nil
	}
	return between(k.rows, first, last), nil
}

// between gives the rows of some months, both included, in the order in which
// they are.
func between(rows []actorMonth, first, last int64) []actorMonth {
	some := make([]actorMonth, 0, len(rows))
	for _, r := range rows {
		if r.month >= first && r.month <= last {
			some = append(some, r)
		}
	}
	return some
}
