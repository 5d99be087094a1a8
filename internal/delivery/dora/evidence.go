package dora

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/stoa-platform/stoa/internal/measure"
)

// deployments calls do with the sequence of each deployment to production in
// the view for which a condition holds.
func deployments(ctx context.Context, v *measure.View, condition string, do func(seq int64)) error {
	in, args := production(v, 3)
	rows, err := v.DB.Query(ctx, `SELECT seq, at, service, team, path FROM deployments
		WHERE environment IN (`+trim(in)+`) AND at >= $1 AND at < $2`+condition,
		slices.Concat([]any{measure.Micros(v.From), measure.Micros(v.To)}, args)...)
	if err != nil {
		return fmt.Errorf("read deployments: %w", err)
	}
	return inView(rows, v, func(seq int64, in bool) {
		if in {
			do(seq)
		}
	})
}

// inView calls do with the sequence of each deployment, and whether it is in the
// view. The columns are seq, at, service, team and path.
func inView(rows *sql.Rows, v *measure.View, do func(seq int64, in bool)) error {
	if err := eachRow(rows, 5, func(row []int64) {
		_, in := v.Key(cellOf(row))
		do(row[0], in)
	}); err != nil {
		return fmt.Errorf("read deployments: %w", err)
	}
	return nil
}

// cellOf gives the cell of a row whose columns begin as those of inView.
func cellOf(row []int64) measure.Cell {
	return measure.Cell{Day: measure.DayOf(row[1]), Service: row[2], Team: row[3], Path: pathName(row[4])}
}

// trim makes a list of what production gives, with -1, which no environment has.
func trim(in string) string { return "-1" + in }

type evidenceFunc = func(context.Context, *measure.View, int64, int) ([]int64, error)

// evidenceAtOnce is how many deployments are read for a page of evidence until it
// is full: some of them may be of others than the view's.
const evidenceAtOnce = 500

// deploymentEvidence gives a page of the deployments for which a condition holds,
// without reading all that are of the time: the signs keep SQLite from sorting
// those first.
func deploymentEvidence(condition string) evidenceFunc {
	return func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		in, args := production(v, 4)
		query := `SELECT seq, at, service, team, path FROM deployments
			WHERE seq > $1 AND +at >= $2 AND +at < $3 AND +environment IN (` + trim(in) + `)` + condition + ` ORDER BY seq LIMIT ` + strconv.Itoa(evidenceAtOnce)
		page := []int64{}
		for read := evidenceAtOnce; len(page) < limit && read == evidenceAtOnce; {
			rows, err := v.DB.Query(ctx, query, slices.Concat([]any{after, measure.Micros(v.From), measure.Micros(v.To)}, args)...)
			if err != nil {
				return nil, fmt.Errorf("read deployments: %w", err)
			}
			read = 0
			if err := inView(rows, v, func(seq int64, in bool) {
				read, after = read+1, seq
				if in && len(page) < limit {
					page = append(page, seq)
				}
			}); err != nil {
				return nil, err
			}
		}
		return page, nil
	}
}

// commitEvidence gives a page of what says when the commits were made whose deployments
// did not say it themselves, as deploymentEvidence reads. One event may say it for many
// deployments: where a reading ended is a deployment too.
func commitEvidence(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
	in, args := production(v, 5)
	query := `SELECT DISTINCT t.seq, d.at, d.service, d.team, d.path, d.seq FROM deployments d JOIN changes c ON c.deployment = d.seq JOIN commit_times t ON t.change = c.change
		WHERE d.environment IN (` + trim(in) + `) AND d.at >= $1 AND d.at < $2 AND d.brings <> 0 AND d.repeated = 0 AND c.own = 0 AND c.at IS NOT NULL
		AND (t.seq > $3 OR t.seq = $3 AND d.seq > $4) ORDER BY t.seq, d.seq LIMIT ` + strconv.Itoa(evidenceAtOnce)
	page, of := []int64{}, int64(math.MaxInt64)
	for read := evidenceAtOnce; len(page) < limit && read == evidenceAtOnce; {
		rows, err := v.DB.Query(ctx, query, slices.Concat([]any{measure.Micros(v.From), measure.Micros(v.To), after, of}, args)...)
		if err != nil {
			return nil, fmt.Errorf("read when commits were made: %w", err)
		}
		read = 0
		if err := eachRow(rows, 6, func(row []int64) {
			read, after, of = read+1, row[0], row[5]
			if _, in := v.Key(cellOf(row)); in && len(page) < limit && !slices.Contains(page[max(0, len(page)-1):], after) {
				page = append(page, after)
			}
		}); err != nil {
			return nil, fmt.Errorf("read when commits were made: %w", err)
		}
	}
	return page, nil
}

// failureEvidence gives failed deployments with what says that they failed:
// what mended them, and all that was told of their incidents.
func failureEvidence(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
	return evidence(func(ctx context.Context, v *measure.View, do func(int64)) error {
		failed := map[int64]bool{}
		if err := deployments(ctx, v, " AND failed <> 0", func(seq int64) {
			failed[seq] = true
			do(seq)
		}); err != nil {
			return err
		}
		for _, query := range []string{
			"SELECT mends, seq FROM deployments WHERE mends <> 0",
			"SELECT l.deployment, f.seq FROM incident_links l JOIN incident_facts f ON f.incident = l.incident",
		} {
			rows, err := v.DB.Query(ctx, query)
			if err != nil {
				return fmt.Errorf("read what says that deployments failed: %w", err)
			}
			if err := eachRow(rows, 2, func(row []int64) {
				if failed[row[0]] {
					do(row[1])
				}
			}); err != nil {
				return fmt.Errorf("read what says that deployments failed: %w", err)
			}
		}
		return nil
	})(ctx, v, after, limit)
}

// bothEvidence gives what is behind a part of a number and behind the whole of it.
func bothEvidence(a, b evidenceFunc) evidenceFunc {
	return func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		some, err := a(ctx, v, after, limit)
		if err != nil {
			return nil, err
		}
		more, err := b(ctx, v, after, limit)
		return measure.Page(slices.Concat(some, more), after, limit), err
	}
}

// incidentEvidence gives all that was told of the incidents.
func incidentEvidence(unattributedOnly bool) evidenceFunc {
	return evidence(func(ctx context.Context, v *measure.View, do func(int64)) error {
		in := map[int64]bool{}
		if err := incidents(ctx, v, func(_ measure.Key, id, _, _ int64, attributed bool) {
			if !unattributedOnly || !attributed {
				in[id] = true
			}
		}, nil); err != nil {
			return err
		}
		rows, err := v.DB.Query(ctx, "SELECT f.incident, f.seq FROM incidents i JOIN incident_facts f ON f.incident = i.incident WHERE i.started >= $1 AND i.started < $2",
			measure.Micros(v.From), measure.Micros(v.To))
		if err != nil {
			return fmt.Errorf("read incidents: %w", err)
		}
		return eachRow(rows, 2, func(row []int64) {
			if in[row[0]] {
				do(row[1])
			}
		})
	})
}

func pipelineEvidence(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
	return evidence(func(ctx context.Context, v *measure.View, do func(int64)) error {
		return pipelines(ctx, v, func(_ measure.Key, seq int64) { do(seq) }, nil)
	})(ctx, v, after, limit)
}
