package dora

import (
	"context"
	"fmt"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// incidentTally is what the incidents in production of one group come to.
type incidentTally struct {
	n            int
	unattributed int
	waits        []stat.Wait
	backward     int // said to be over before they began
	own          int // incidents of teams that run the platform, which are in none of the others
}

// incidentsAt is the tally of a group in a bucket.
func incidentsAt(all map[measure.Key]*incidentTally, key measure.Key) *incidentTally {
	t := all[key]
	if t == nil {
		t = &incidentTally{}
		all[key] = t
	}
	return t
}

// incidents calls do with each incident in production that began in the view's
// time. One that names no environment is taken to be in production: it hurt. It
// is on the path if the deployment that it is laid to is, else the last one of
// its service before it. Those that are left out for being of a team that runs the
// platform go to own, unless it is nil.
func incidents(ctx context.Context, v *measure.View, do func(key measure.Key, id, started, resolved int64, attributed bool), own func(key measure.Key)) error {
	rows, err := readIncidentRows(ctx, v)
	if err != nil {
		return err
	}
	for _, r := range rows {
		cell := measure.Cell{Day: measure.DayOf(r.started), Service: r.service, Team: r.team, Path: r.path}
		if key, ok := v.Key(cell); ok {
			do(key, r.id, r.started, r.resolved, r.attributed)
		} else if key, ok := v.Own(cell); ok && own != nil {
			own(key)
		}
	}
	return nil
}

// incidentTallies brings the incidents in production into groups, which several
// measures of a view share.
func incidentTallies(ctx context.Context, v *measure.View) (map[measure.Key]*incidentTally, error) {
	return measure.Once(v, sharedIncidents{}, func() (map[measure.Key]*incidentTally, error) { return readIncidents(ctx, v) })
}

func readIncidents(ctx context.Context, v *measure.View) (map[measure.Key]*incidentTally, error) {
	known, err := measure.KnownUntil(ctx, v.DB, Projector{}.Name())
	if err != nil {
		return nil, err
	}
	all := map[measure.Key]*incidentTally{}
	return all, incidents(ctx, v, func(key measure.Key, _, started, resolved int64, attributed bool) {
		t := incidentsAt(all, key)
		t.n++
		if !attributed {
			t.unattributed++
		}
		wait := stat.Wait{Event: resolved != null}
		if resolved == null {
			resolved = max(known, started)
		}
		if resolved < started {
			t.backward++
			return
		}
		wait.Duration = float64(resolved-started) / secondMicros
		t.waits = append(t.waits, wait)
	}, func(key measure.Key) { incidentsAt(all, key).own++ })
}

// addUnattributed adds the incidents that are laid to no deployment to the
// groups that deployed.
func addUnattributed(ctx context.Context, v *measure.View, all map[measure.Key]*tally) error {
	of, err := incidentTallies(ctx, v)
	for key, incidents := range of {
		if t := all[key]; t != nil {
			t.unattributed = incidents.unattributed
		}
	}
	return err
}

// pipelineTally is how many pipeline runs of one group failed, and how many more of
// teams that run the platform.
type pipelineTally struct{ n, own int }

// pipelineTallies counts failed pipelines, in whatever environment: one that
// failed has often reached none.
func pipelineTallies(ctx context.Context, v *measure.View) (map[measure.Key]pipelineTally, error) {
	all := map[measure.Key]pipelineTally{}
	return all, pipelines(ctx, v, func(key measure.Key, _ int64) {
		t := all[key]
		t.n++
		all[key] = t
	}, func(key measure.Key) {
		t := all[key]
		t.own++
		all[key] = t
	})
}

// pipelines calls do with each failed pipeline of the view's time; own is as that of
// incidents.
func pipelines(ctx context.Context, v *measure.View, do func(measure.Key, int64), own func(measure.Key)) error {
	rows, err := v.DB.Query(ctx, "SELECT seq, at, service, team, path FROM failed_pipelines WHERE at >= $1 AND at < $2",
		measure.Micros(v.From), measure.Micros(v.To))
	if err != nil {
		return fmt.Errorf("read failed pipelines: %w", err)
	}
	if err := eachRow(rows, 5, func(row []int64) {
		cell := cellOf(row)
		if key, ok := v.Key(cell); ok {
			do(key, row[0])
		} else if key, ok := v.Own(cell); ok && own != nil {
			own(key)
		}
	}); err != nil {
		return fmt.Errorf("read failed pipelines: %w", err)
	}
	return nil
}
