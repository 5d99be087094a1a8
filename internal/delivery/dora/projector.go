package dora

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/event"
)

// Projectors gives the projectors of this package.
func Projectors() []event.Projector { return []event.Projector{Projector{}} }

// Projector keeps what the ledger says of deployments, their changes, the
// incidents that they caused, and failed pipelines.
//
// Whatever comes late, such as an incident a month after, is put where it
// belongs in time, and what lies around it is judged anew: the same events in
// any order give the same rows, but for the sequences in them.
type Projector struct{}

// Name is the projection's name.
func (Projector) Name() string { return "delivery" }

// Version grows when the rows that follow from the same events change.
func (Projector) Version() int { return 5 }

// Reset empties the tables.
func (Projector) Reset(ctx context.Context, tx event.SQL) error {
	return tx.Empty(ctx, "deployments", "changes", "commit_times", "incident_facts", "incidents", "incident_links", "failed_pipelines", "delivery_period")
}

// Apply adds what the records say and brings up to date what follows from it.
func (Projector) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	f := collect(records)
	if len(f.deployments)+len(f.commits)+len(f.incidents)+len(f.pipelines) == 0 {
		return nil
	}
	w := &work{SQL: tx, relink: map[int64]bool{}, judge: map[int64]bool{}, repack: map[span]bool{}}
	if err := w.add(ctx, &f); err != nil {
		return err
	}
	return w.follow(ctx)
}

// series is the deployments of a service to an environment.
type series struct{ service, environment int64 }

// work is what one batch leaves to do: which incidents to link anew, which
// deployments to look at for what they mend, to judge, and to pack.
type work struct {
	event.SQL
	relink  map[int64]bool
	recheck []int64
	judge   map[int64]bool
	repack  map[span]bool // whether deployments in it changed, not only came
	// from and to are the sequences of the first and the last new deployment.
	from, to int64
}

// changed says that a deployment that may be packed already has changed.
func (w *work) changed(service, environment, at int64) {
	w.repack[span{series{service, environment}, periodOf(at)}] = true
}

// came says that there is a new deployment.
func (w *work) came(service, environment, at int64) {
	s := span{series{service, environment}, periodOf(at)}
	if _, noted := w.repack[s]; !noted {
		w.repack[s] = false
	}
}

var (
	upsertCommit = event.NewUpsert("commit_times", `ON CONFLICT (change) DO UPDATE SET at = excluded.at, seq = excluded.seq
		WHERE excluded.at < commit_times.at OR (excluded.at = commit_times.at AND excluded.seq < commit_times.seq)`, "change", "at", "seq")

	insertDeployment = event.NewUpsert("deployments", "", "seq", "at", "event", "service", "team", "environment", "path", "cause", "release", "newest", "fixes", "brings")
	insertChange     = event.NewUpsert("changes", "", "deployment", "n", "change", "own", "at")
	insertIncident   = event.NewUpsert("incident_facts", "", "incident", "seq", "at", "event", "resolved", "service", "team", "environment", "caused_by", "name")
	insertPipeline   = event.NewUpsert("failed_pipelines", "", "seq", "at", "service", "team", "environment", "path")

	upsertPeriod = event.NewUpsert("delivery_period", "ON CONFLICT (environment, period, service, team, path) DO UPDATE SET packed = excluded.packed",
		"environment", "period", "service", "team", "path", "packed")
)

// add stores what the batch says by itself.
func (w *work) add(ctx context.Context, f *facts) error {
	var commits, deployments, changes, incidents, pipelines []any
	borrows := false
	for _, c := range slices.Sorted(maps.Keys(f.commits)) {
		commits = append(commits, c, f.commits[c].at, f.commits[c].seq)
	}
	for _, d := range f.deployments {
		deployments = append(deployments, d.seq, d.at, d.event, d.service, d.team, d.environment, d.path, d.cause, d.release, d.newest, d.fixes, d.brings)
		for n, c := range d.changes {
			at := sql.NullInt64{Int64: c.at, Valid: c.known}
			changes = append(changes, d.seq, n, c.key, flag(c.known), at)
			borrows = borrows || !c.known
		}
		w.came(d.service, d.environment, d.at)
	}
	for _, i := range f.incidents {
		incidents = append(incidents, i.incident, i.seq, i.at, i.event, i.says, i.service, i.team, i.environment, i.caused, i.name)
		w.relink[i.incident] = true
	}
	for _, p := range f.pipelines {
		pipelines = append(pipelines, p.seq, p.at, p.service, p.team, p.environment, p.path)
	}
	for _, rows := range []struct {
		into   *event.Upsert
		values []any
	}{
		{upsertCommit, commits}, {insertDeployment, deployments}, {insertChange, changes}, {insertIncident, incidents}, {insertPipeline, pipelines},
	} {
		if err := rows.into.Run(ctx, w, rows.values); err != nil {
			return err
		}
	}
	if len(f.deployments) > 0 {
		w.from, w.to = f.deployments[0].seq, f.deployments[len(f.deployments)-1].seq
		if err := w.arrived(ctx, borrows); err != nil {
			return err
		}
	}
	return w.borrowed(ctx, slices.Sorted(maps.Keys(f.commits)))
}

// askedAtOnce is how many keys one statement asks for: always the same, so that
// it stays prepared; what is missing is filled up with keys that nothing has.
const askedAtOnce = 32

// values gives "($1, $2), ($3, $4)", each placeholder between before and after.
func values(rows, columns int, before, after string) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString(before + "$" + strconv.Itoa(i+1) + after)
	}
	return b.String() + ")"
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// arrived notes what the new deployments mean to what was there: they may come
// between others, be what an incident or a fix names, or come before an incident.
// borrows says that some name commits whose times they do not know. Both ends are
// given so that PostgreSQL, which plans for any numbers, knows them to be few. The
// one that comes next is looked at only if what is before it says something of it:
// it mends, or may be made of the same.
func (w *work) arrived(ctx context.Context, borrows bool) error {
	from, to := w.from, w.to
	if borrows {
		if _, err := w.Exec(ctx, `UPDATE changes SET at = (SELECT t.at FROM commit_times t WHERE t.change = changes.change)
			WHERE deployment >= $1 AND deployment <= $2 AND own = 0`, from, to); err != nil {
			return fmt.Errorf("borrow commit times: %w", err)
		}
	}
	err := w.each(ctx, `SELECT d.seq, d.brings, d.newest, d.cause,
			coalesce((SELECT p.newest FROM deployments p WHERE p.service = d.service AND p.environment = d.environment
				AND (p.at, p.event, p.seq) < (d.at, d.event, d.seq) ORDER BY p.at DESC, p.event DESC, p.seq DESC LIMIT 1), 0),
			coalesce((SELECT CASE WHEN n.cause IN ($3, $4) OR n.newest <> 0 THEN n.seq ELSE 0 END FROM deployments n
				WHERE n.service = d.service AND n.environment = d.environment
				AND (n.at, n.event, n.seq) > (d.at, d.event, d.seq) ORDER BY n.at, n.event, n.seq LIMIT 1), 0)
		FROM deployments d WHERE d.seq >= $1 AND d.seq <= $2`, []any{from, to, causeRollback, causeHotfix}, 6, func(row []int64) {
		seq, brings, newest, cause, before, next := row[0], row[1], row[2], row[3], row[4], row[5]
		if cause == causeRollback || cause == causeHotfix || brings != bringsNothing && newest != 0 && newest == before {
			w.recheck = append(w.recheck, seq)
		}
		if next != 0 && next < from {
			w.recheck = append(w.recheck, next)
		}
	})
	if err != nil {
		return fmt.Errorf("find neighbours: %w", err)
	}
	if err := w.each(ctx, `SELECT 0, i.incident FROM deployments d JOIN incidents i ON i.service = d.service AND i.started >= d.at AND i.started <= d.at + $3
			WHERE d.seq >= $1 AND d.seq <= $2
		UNION ALL SELECT 0, i.incident FROM deployments d JOIN incidents i ON i.caused_by = d.release WHERE d.seq >= $1 AND d.seq <= $2 AND i.caused_by <> 0
		UNION ALL SELECT 0, i.incident FROM deployments d JOIN incidents i ON i.caused_by = d.event WHERE d.seq >= $1 AND d.seq <= $2 AND i.caused_by <> 0
		UNION ALL SELECT 1, x.seq FROM deployments d JOIN deployments x ON x.fixes = d.release WHERE d.seq >= $1 AND d.seq <= $2 AND x.fixes <> 0
		UNION ALL SELECT 1, x.seq FROM deployments d JOIN deployments x ON x.fixes = d.event WHERE d.seq >= $1 AND d.seq <= $2 AND x.fixes <> 0`,
		[]any{from, to, blameFor}, 2, func(row []int64) {
			if row[0] == 0 {
				w.relink[row[1]] = true
			} else {
				w.recheck = append(w.recheck, row[1])
			}
		}); err != nil {
		return fmt.Errorf("find what is about new deployments: %w", err)
	}
	return nil
}

// borrowed gives the times of commits to the deployments that named them
// without one.
func (w *work) borrowed(ctx context.Context, commits []int64) error {
	in := values(1, askedAtOnce, "", "")
	for some := range slices.Chunk(commits, askedAtOnce) {
		args := make([]any, askedAtOnce)
		for i := range args {
			args[i] = int64(0) // who says no time names a commit
			if i < len(some) {
				args[i] = some[i]
			}
		}
		found := false
		if err := w.each(ctx, `SELECT d.service, d.environment, d.at FROM changes c JOIN deployments d ON d.seq = c.deployment
			WHERE c.own = 0 AND c.change IN `+in, args, 3, func(row []int64) {
			w.changed(row[0], row[1], row[2])
			found = true
		}); err != nil {
			return fmt.Errorf("find changes: %w", err)
		}
		if !found {
			continue
		}
		if _, err := w.Exec(ctx, `UPDATE changes SET at = (SELECT t.at FROM commit_times t WHERE t.change = changes.change)
			WHERE own = 0 AND change IN `+in, args...); err != nil {
			return fmt.Errorf("borrow commit times: %w", err)
		}
	}
	return nil
}

// follow does all that is left to do.
func (w *work) follow(ctx context.Context) error {
	for _, i := range slices.Sorted(maps.Keys(w.relink)) {
		if err := w.link(ctx, i); err != nil {
			return fmt.Errorf("link incident: %w", err)
		}
	}
	for len(w.recheck) > 0 {
		seq := w.recheck[len(w.recheck)-1]
		w.recheck = w.recheck[:len(w.recheck)-1]
		if err := w.check(ctx, seq); err != nil {
			return fmt.Errorf("check deployment %d: %w", seq, err)
		}
	}
	for _, seq := range slices.Sorted(maps.Keys(w.judge)) {
		if err := w.verdict(ctx, seq); err != nil {
			return fmt.Errorf("judge deployment %d: %w", seq, err)
		}
	}
	if err := w.pack(ctx); err != nil {
		return fmt.Errorf("pack deployments: %w", err)
	}
	return nil
}

// null stands for NULL among integers.
const null = math.MinInt64

// each calls do with each row of a query whose columns are integers. It must
// not ask for anything else of the transaction meanwhile.
func (w *work) each(ctx context.Context, query string, args []any, columns int, do func(row []int64)) error {
	rows, err := w.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	return eachRow(rows, columns, do)
}

func eachRow(rows *sql.Rows, columns int, do func(row []int64)) error {
	defer rows.Close()
	row, cells, into := make([]int64, columns), make([]sql.NullInt64, columns), make([]any, columns)
	for i := range cells {
		into[i] = &cells[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, c := range cells {
			if row[i] = null; c.Valid {
				row[i] = c.Int64
			}
		}
		do(row)
	}
	return rows.Err()
}

// one gives the first row, nil where there is none.
func (w *work) one(ctx context.Context, query string, args []any, columns int) ([]int64, error) {
	var first []int64
	err := w.each(ctx, query, args, columns, func(row []int64) {
		if first == nil {
			first = slices.Clone(row)
		}
	})
	return first, err
}
