package dora

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/measure"
)

// Failure says how it is known that a deployment failed.
type Failure string

// The ways, in the order in which they count.
const (
	FailedLinked     Failure = "linked"      // an incident or a fix names it
	FailedRolledBack Failure = "rolled-back" // the next deployment went back
	FailedHotfixed   Failure = "hot-fixed"   // the next deployment was a hot-fix
	FailedIncident   Failure = "incident"    // an incident followed within 24 hours
)

// Deployment is a deployment to production with what became of it.
type Deployment struct {
	Seq     int64     `json:"seq"` // its event
	At      time.Time `json:"at"`
	Service string    `json:"service"`
	Team    string    `json:"team,omitempty"`
	OnPath  bool      `json:"onPath"`
	Rework  bool      `json:"rework"`
	// Changes is how many commits it brought whose time is known, and Lead the
	// longest that one of them took.
	Changes int           `json:"changes"`
	Lead    time.Duration `json:"lead"`

	Failure     Failure    `json:"failure,omitempty"`
	FailedAt    *time.Time `json:"failedAt,omitempty"`
	RecoveredAt *time.Time `json:"recoveredAt,omitempty"`
	// Proof are the events that say that it failed and was mended.
	Proof []int64 `json:"proof,omitempty"`
}

// Before is where a page of deployments ends and the next one begins.
type Before struct{ At, Seq int64 }

// pageOf is how many rows are read at once to fill a page.
const pageOf = 500

// Deployments lists those of the view, newest first, failed ones only if asked,
// that lie before a place (the zero value: all). The second result is where to
// go on, nil at the end.
func Deployments(ctx context.Context, v *measure.View, failedOnly bool, before Before, limit int) ([]Deployment, *Before, error) {
	if before == (Before{}) {
		before = Before{At: measure.Micros(v.To)}
	}
	condition := ""
	if failedOnly {
		condition = " AND failed <> 0"
	}
	in, args := production(v, 5)
	list := []Deployment{}
	for {
		var page [][]int64
		rows, err := v.DB.Query(ctx, `SELECT seq, at, service, team, path, cause, failed, failed_at, recovered_at FROM deployments
			WHERE environment IN (-1`+in+`) AND at >= $1 AND at <= $2 AND (at < $2 OR seq < $3)`+condition+` ORDER BY at DESC, seq DESC LIMIT $4`,
			slices.Concat([]any{measure.Micros(v.From), before.At, before.Seq, pageOf}, args)...)
		if err == nil {
			err = eachRow(rows, 9, func(row []int64) { page = append(page, slices.Clone(row)) })
		}
		if err != nil {
			return nil, nil, fmt.Errorf("list deployments: %w", err)
		}
		for _, row := range page {
			if len(list) == limit {
				return list, &before, addDetails(ctx, v, list)
			}
			before = Before{At: row[1], Seq: row[0]}
			cell := measure.Cell{Day: measure.DayOf(row[1]), Service: row[2], Team: row[3], Path: pathName(row[4])}
			if _, ok := v.Key(cell); ok {
				list = append(list, listed(v.Org, row))
			}
		}
		if len(page) < pageOf {
			return list, nil, addDetails(ctx, v, list)
		}
	}
}

func listed(org *measure.Org, row []int64) Deployment {
	d := Deployment{
		Seq: row[0], At: time.UnixMicro(row[1]).UTC(), Service: org.Services[row[2]], OnPath: row[4] == 1,
		Rework: row[5] == causeRollback || row[5] == causeHotfix, FailedAt: timeOf(row[7]), RecoveredAt: timeOf(row[8]),
		Failure: []Failure{"", FailedLinked, FailedRolledBack, FailedHotfixed, FailedIncident}[row[6]],
	}
	if team := org.TeamOf(row[3]); team != nil {
		d.Team = team.Name
	}
	return d
}

func timeOf(at int64) *time.Time {
	if at == null {
		return nil
	}
	t := time.UnixMicro(at).UTC()
	return &t
}

// addDetails adds what the deployments brought and what proves their failures.
func addDetails(ctx context.Context, v *measure.View, list []Deployment) error {
	if len(list) == 0 {
		return nil
	}
	var in strings.Builder
	args := make([]any, len(list))
	place := map[int64]*Deployment{}
	for i := range list {
		in.WriteString(", $" + strconv.Itoa(i+1))
		args[i], place[list[i].Seq] = list[i].Seq, &list[i]
	}
	for _, q := range []struct {
		query string
		add   func(*Deployment, int64)
	}{
		{"SELECT c.deployment, d.at - c.at FROM changes c JOIN deployments d ON d.seq = c.deployment WHERE c.at IS NOT NULL AND d.brings <> 0 AND d.repeated = 0 AND c.deployment IN (",
			func(d *Deployment, lead int64) {
				d.Changes++
				d.Lead = max(d.Lead, time.Duration(lead)*time.Microsecond)
			}},
		{"SELECT mends, seq FROM deployments WHERE mends <> 0 AND mends IN (", func(d *Deployment, seq int64) { d.Proof = append(d.Proof, seq) }},
		{"SELECT l.deployment, f.seq FROM incident_links l JOIN incident_facts f ON f.incident = l.incident WHERE l.deployment IN (",
			func(d *Deployment, seq int64) { d.Proof = append(d.Proof, seq) }},
	} {
		rows, err := v.DB.Query(ctx, q.query+strings.TrimPrefix(in.String(), ", ")+")", args...)
		if err == nil {
			err = eachRow(rows, 2, func(row []int64) { q.add(place[row[0]], row[1]) })
		}
		if err != nil {
			return fmt.Errorf("list deployments: %w", err)
		}
	}
	for i := range list {
		slices.Sort(list[i].Proof)
	}
	return nil
}
