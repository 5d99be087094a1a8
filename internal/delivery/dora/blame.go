package dora

import (
	"context"
	"maps"
	"slices"
)

// blameFor is how long after a deployment an incident of its service is laid to
// it, in microseconds.
const blameFor = int64(24 * 60 * 60 * 1_000_000)

// The values of deployments.failed: how it is known that it failed.
const (
	notFailed = iota
	failedLinked
	failedRolledBack
	failedHotfixed
	failedIncident
)

// incident is what follows from all that was said of one.
type incident struct {
	name, seq                          int64
	started, resolved                  int64 // null for none
	service, team, environment, caused int64
}

// fold takes the facts in the order of time. An incident began when it was
// first told of, and ended when it was last said to be over; one that is detected
// after that is open again, while a report may well be written when all is over.
// Of where it was, the first word counts.
func fold(facts [][]int64) incident {
	i := incident{started: null, resolved: null}
	first := func(into *int64, value int64) {
		if *into == 0 {
			*into = value
		}
	}
	for _, f := range facts {
		seq, at, says := f[0], f[1], f[2]
		first(&i.seq, seq)
		switch {
		case says == saysResolved:
			i.resolved = at
		case i.started == null:
			i.started = at
		case says == saysDetected && i.resolved != null && i.resolved >= i.started && at > i.resolved:
			i.resolved = null
		}
		first(&i.service, f[3])
		first(&i.team, f[4])
		first(&i.environment, f[5])
		first(&i.caused, f[6])
		first(&i.name, f[7])
	}
	return i
}

// link is the deployment that an incident is laid to in an environment.
type link struct{ deployment, named int64 }

// link brings an incident up to date: what it is by now, and which deployments
// are behind it. Those it lets go of and those it takes hold of are judged.
func (w *work) link(ctx context.Context, id int64) error {
	var facts [][]int64
	err := w.each(ctx, `SELECT seq, at, resolved, service, team, environment, caused_by, name FROM incident_facts
		WHERE incident = $1 ORDER BY at, event, seq`, []any{id}, 8, func(row []int64) { facts = append(facts, slices.Clone(row)) })
	if err != nil {
		return err
	}
	i := fold(facts)
	links, err := w.causes(ctx, &i)
	if err != nil {
		return err
	}
	before := map[int64]link{}
	if err := w.each(ctx, "SELECT environment, deployment, named FROM incident_links WHERE incident = $1", []any{id}, 3, func(row []int64) {
		before[row[0]] = link{row[1], row[2]}
	}); err != nil {
		return err
	}
	old, err := w.one(ctx, "SELECT started, resolved FROM incidents WHERE incident = $1", []any{id}, 2)
	if err != nil {
		return err
	}
	if _, err := w.Exec(ctx, `INSERT INTO incidents (incident, name, seq, started, resolved, service, team, environment, caused_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (incident) DO UPDATE SET name = excluded.name, seq = excluded.seq, started = excluded.started,
		resolved = excluded.resolved, service = excluded.service, team = excluded.team, environment = excluded.environment, caused_by = excluded.caused_by`,
		id, i.name, i.seq, orNull(i.started), orNull(i.resolved), i.service, i.team, i.environment, i.caused); err != nil {
		return err
	}
	moved := !maps.Equal(before, links)
	if moved || old == nil || old[0] != i.started || old[1] != i.resolved {
		for _, all := range []map[int64]link{before, links} {
			for _, l := range all {
				w.judge[l.deployment] = true
			}
		}
	}
	if !moved {
		return nil
	}
	if _, err := w.Exec(ctx, "DELETE FROM incident_links WHERE incident = $1", id); err != nil {
		return err
	}
	for _, environment := range slices.Sorted(maps.Keys(links)) {
		if _, err := w.Exec(ctx, "INSERT INTO incident_links (incident, environment, deployment, named) VALUES ($1, $2, $3, $4)",
			id, environment, links[environment].deployment, links[environment].named); err != nil {
			return err
		}
	}
	return w.each(ctx, "SELECT seq FROM deployments WHERE fixes = $1 AND fixes <> 0", []any{i.name}, 1, func(row []int64) {
		w.recheck = append(w.recheck, row[0])
	})
}

func orNull(n int64) any {
	if n == null {
		return nil
	}
	return n
}

// causes finds the deployments behind an incident, one in each environment that
// it may be about: the one it names, else the latest of its service within a
// day before. An incident of no service takes that of the deployment it names.
func (w *work) causes(ctx context.Context, i *incident) (map[int64]link, error) {
	links := map[int64]link{}
	if i.started == null {
		return links, nil
	}
	if i.caused != 0 {
		if err := w.named(ctx, i, links); err != nil || len(links) > 0 {
			return links, err
		}
	}
	if i.service == 0 {
		return links, nil
	}
	environment := i.environment
	if environment == 0 { // the first one looked at is that of deployments without one
		environment = -1
	}
	for {
		if i.environment == 0 {
			next, err := w.one(ctx, "SELECT min(environment) FROM deployments WHERE service = $1 AND environment > $2", []any{i.service, environment}, 1)
			if err != nil || next[0] == null {
				return links, err
			}
			environment = next[0]
		}
		latest, err := w.one(ctx, `SELECT seq FROM deployments WHERE service = $1 AND environment = $2 AND at <= $3 AND at >= $4
			ORDER BY at DESC, event DESC, seq DESC LIMIT 1`, []any{i.service, environment, i.started, i.started - blameFor}, 1)
		if err != nil {
			return nil, err
		}
		if latest != nil {
			links[environment] = link{deployment: latest[0]}
		}
		if i.environment != 0 {
			return links, nil
		}
	}
}

// named finds the deployments of the release or event that an incident names:
// the last one before it began, or else the first one after. Without a service of
// its own, which says whose it is, it names those of its team alone: others may not
// say that they failed.
func (w *work) named(ctx context.Context, i *incident, links map[int64]link) error {
	services := map[int64]bool{}
	for _, column := range []string{"release", "event"} {
		if err := w.each(ctx, "SELECT seq, service, environment, at, team FROM deployments WHERE "+column+" = $1 AND "+column+" <> 0 ORDER BY at, event, seq",
			[]any{i.caused}, 5, func(row []int64) {
				seq, service, environment, at, team := row[0], row[1], row[2], row[3], row[4]
				foreign := i.service == 0 && i.team != 0 && i.team != team
				if foreign || i.service != 0 && i.service != service || i.environment != 0 && i.environment != environment {
					return
				}
				services[service] = true
				if _, ok := links[environment]; !ok || at <= i.started {
					links[environment] = link{seq, 1}
				}
			}); err != nil {
			return err
		}
		if len(links) > 0 {
			break
		}
	}
	if i.service == 0 && len(services) == 1 {
		for service := range services {
			i.service = service
		}
	}
	if len(services) > 1 { // releases of several services have that name
		clear(links)
	}
	return nil
}

// series of a deployment, and its place in it.
const placed = "service = $1 AND environment = $2 AND (at, event, seq) "

// check looks at what a deployment has to do with the one before it: whether it
// is made of the same commit, and whether it mends one.
func (w *work) check(ctx context.Context, seq int64) error {
	d, err := w.one(ctx, "SELECT service, environment, at, event, cause, newest, fixes, brings, repeated, mends, named FROM deployments WHERE seq = $1",
		[]any{seq}, 11)
	if err != nil || d == nil {
		return err
	}
	service, environment, at, cause, newest, fixes, brings := d[0], d[1], d[2], d[4], d[5], d[6], d[7]
	place := []any{service, environment, at, d[3], seq}
	prev, err := w.one(ctx, "SELECT seq, cause, newest, mends FROM deployments WHERE "+placed+`< ($3, $4, $5)
		ORDER BY at DESC, event DESC, seq DESC LIMIT 1`, place, 4)
	if err != nil {
		return err
	}
	repeated := flag(brings != bringsNothing && newest != 0 && prev != nil && prev[2] == newest)
	var mends, named int64
	if cause == causeRollback || cause == causeHotfix {
		if fixes != 0 {
			if mends, named, err = w.fixed(ctx, place, fixes); err != nil {
				return err
			}
		}
		switch {
		case mends != 0 || prev == nil:
		case cause == causeHotfix && prev[1] == causeRollback: // both mend the same
			mends = prev[3]
		default:
			mends = prev[0]
		}
	}
	if repeated == d[8] && mends == d[9] && named == d[10] {
		return nil
	}
	if repeated != d[8] {
		w.changed(service, environment, at)
	}
	if mends != d[9] || named != d[10] {
		w.judge[mends], w.judge[d[9]] = true, true
	}
	if _, err = w.Exec(ctx, "UPDATE deployments SET repeated = $2, mends = $3, named = $4 WHERE seq = $1", seq, repeated, mends, named); err != nil {
		return err
	}
	if cause == causeRollback && mends != d[9] {
		next, err := w.one(ctx, "SELECT seq FROM deployments WHERE "+placed+"> ($3, $4, $5) ORDER BY at, event, seq LIMIT 1", place, 1)
		if err != nil {
			return err
		}
		if next != nil {
			w.recheck = append(w.recheck, next[0])
		}
	}
	return nil
}

// fixed finds the deployment, earlier in the same series, that is named as
// mended, or that a named incident is laid to.
func (w *work) fixed(ctx context.Context, place []any, fixes int64) (mends, named int64, err error) {
	args := append(slices.Clone(place), fixes)
	// The signs keep SQLite, which has no statistics here, from walking through all
	// deployments of the service instead of taking the few that are named so.
	const before = "+service = $1 AND +environment = $2 AND (at, event, seq) < ($3, $4, $5) ORDER BY at DESC, event DESC, seq DESC LIMIT 1"
	for _, column := range []string{"release", "event"} {
		found, err := w.one(ctx, "SELECT seq FROM deployments WHERE "+column+" = $6 AND "+column+" <> 0 AND "+before, args, 1)
		if err != nil || found != nil {
			return first(found), 1, err
		}
	}
	found, err := w.one(ctx, `SELECT d.seq FROM incidents i JOIN incident_links l ON l.incident = i.incident JOIN deployments d ON d.seq = l.deployment
		WHERE i.name = $6 AND +d.service = $1 AND +d.environment = $2 AND (d.at, d.event, d.seq) < ($3, $4, $5)
		ORDER BY d.at DESC, d.event DESC, d.seq DESC LIMIT 1`, args, 1)
	return first(found), 0, err
}

func first(row []int64) int64 {
	if row == nil {
		return 0
	}
	return row[0]
}

// verdict says whether a deployment failed, when that began, and when it was
// mended. What is known of it is what mends it and the incidents laid to it.
func (w *work) verdict(ctx context.Context, seq int64) error {
	if seq == 0 {
		return nil
	}
	d, err := w.one(ctx, "SELECT service, environment, at, failed, failed_at, recovered_at FROM deployments WHERE seq = $1", []any{seq}, 6)
	if err != nil || d == nil {
		return err
	}
	var mends, incidents [][]int64
	if err := w.each(ctx, "SELECT at, cause, named FROM deployments WHERE mends = $1 AND mends <> 0 ORDER BY at, event, seq", []any{seq}, 3,
		func(row []int64) { mends = append(mends, slices.Clone(row)) }); err != nil {
		return err
	}
	if err := w.each(ctx, `SELECT i.started, i.resolved, l.named FROM incident_links l JOIN incidents i ON i.incident = l.incident
		WHERE l.deployment = $1`, []any{seq}, 3, func(row []int64) { incidents = append(incidents, slices.Clone(row)) }); err != nil {
		return err
	}
	failed, failedAt, recoveredAt := judged(d[2], mends, incidents)
	if failed == d[3] && failedAt == d[4] && recoveredAt == d[5] {
		return nil
	}
	w.changed(d[0], d[1], d[2])
	_, err = w.Exec(ctx, "UPDATE deployments SET failed = $2, failed_at = $3, recovered_at = $4 WHERE seq = $1",
		seq, failed, orNull(failedAt), orNull(recoveredAt))
	return err
}

// judged weighs what mends a deployment (at, cause, named), in the order of
// time, and its incidents (started, resolved, named). The failure begins with
// the first incident, else with the deployment; it ends when all incidents are
// over, and one of which that was never said with what mended the deployment.
func judged(at int64, mends, incidents [][]int64) (failed, failedAt, recoveredAt int64) {
	reason := func(r int64) {
		if failed == notFailed || r < failed {
			failed = r
		}
	}
	failedAt, recoveredAt = null, null
	for _, m := range mends {
		switch {
		case m[2] == 1:
			reason(failedLinked)
		case m[1] == causeRollback:
			reason(failedRolledBack)
		default:
			reason(failedHotfixed)
		}
	}
	if len(incidents) == 0 && len(mends) > 0 {
		return failed, at, mends[0][0]
	}
	open := false
	for _, i := range incidents {
		started, over := i[0], i[1]
		if i[2] == 1 {
			reason(failedLinked)
		} else {
			reason(failedIncident)
		}
		if failedAt == null || started < failedAt {
			failedAt = started
		}
		for _, m := range mends {
			if over == null && m[0] >= started {
				over = m[0]
			}
		}
		open = open || over == null
		recoveredAt = max(recoveredAt, over)
	}
	if open {
		recoveredAt = null
	}
	return failed, failedAt, recoveredAt
}
