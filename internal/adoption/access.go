package adoption

import (
	"context"
	"fmt"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

func timeToAccess() measure.Measure {
	return measure.New(measure.Definition{
		Name: "time-to-access", Title: "Wait for access", Question: "How long does somebody wait who asks for access?",
		Formula: "From a request for access to a team until it is granted to that person: median by Kaplan and Meier over the requests made in the time. " +
			"Asking again while waiting is no new request. Who still waits counts as waiting until the end of the time.",
		Unit: measure.Seconds, Better: measure.Lower, Version: 1, Cuts: byTeams(),
	}, readAccess, func(d waiting) measure.Estimate {
		if len(d.waits) == 0 {
			return measure.None("nobody asked in this time")
		}
		return waitEstimate(d)
	}, func(ctx context.Context, v *measure.View, after int64, limit int) ([]int64, error) {
		whole := *v
		whole.By = ""
		groups, err := readAccess(ctx, &whole)
		if err != nil {
			return nil, fmt.Errorf("evidence of access: %w", err)
		}
		var all []int64
		for _, d := range groups {
			all = append(all, d.evidence...)
		}
		return measure.Page(all, after, limit), nil
	})
}

// request is one for access, with its grant if there was one.
type request struct {
	team          int64
	asked, answer moment
	answered      bool
}

// readRequests gives all requests for access in the order in which they were made.
// A grant answers who is named in it, and all who had asked if it names nobody.
func readRequests(ctx context.Context, v *measure.View) ([]*request, error) {
	rows, err := v.DB.Query(ctx, "SELECT team, person, at, seq, what FROM access WHERE at < $1 ORDER BY at, seq, person", measure.Micros(v.To))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []*request
	type asked struct {
		team *measure.Team
		id   int64 // of a team that nobody declared
	}
	open := map[asked]map[string]*request{}
	for rows.Next() {
		var id int64
		var person, what string
		var m moment
		if err := rows.Scan(&id, &person, &m.at, &m.seq, &what); err != nil {
			return nil, err
		}
		of := asked{team: v.Org.TeamOf(id)}
		if of.team == nil {
			of.id = id
		}
		if open[of] == nil {
			open[of] = map[string]*request{}
		}
		waiting := open[of]
		switch {
		case what == "asked" && waiting[person] == nil:
			waiting[person] = &request{team: id, asked: m}
			all = append(all, waiting[person])
		case what == "granted" && person == "":
			for _, r := range waiting {
				r.answer, r.answered = m, true
			}
			clear(waiting)
		case what == "granted" && waiting[person] != nil:
			waiting[person].answer, waiting[person].answered = m, true
			delete(waiting, person)
		}
	}
	return all, rows.Err()
}

func readAccess(ctx context.Context, v *measure.View) (map[measure.Key]waiting, error) {
	requests, err := readRequests(ctx, v)
	if err != nil {
		return nil, err
	}
	until, err := knownUntil(ctx, v.DB, Milestones{}, measure.Micros(v.To))
	if err != nil {
		return nil, err
	}
	buckets, found := v.Buckets(), map[measure.Key]waiting{}
	for _, r := range requests {
		key, in := v.Key(measure.Cell{Day: measure.DayOf(r.asked.at), Team: r.team})
		if !in {
			continue
		}
		d, end := found[key], min(until, measure.Micros(buckets[key.Bucket].To))
		if r.answered && r.answer.at < end {
			d.waits = append(d.waits, stat.Wait{Duration: seconds(r.answer.at - r.asked.at), Event: true})
			d.evidence = append(d.evidence, r.asked.seq, r.answer.seq)
		} else {
			d.waits = append(d.waits, stat.Wait{Duration: seconds(max(0, end-r.asked.at))})
			d.evidence = append(d.evidence, r.asked.seq)
		}
		found[key] = d
	}
	return found, nil
}
