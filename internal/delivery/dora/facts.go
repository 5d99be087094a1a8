// Package dora tells how fast and how safely changes reach production: the
// measures of the DORA research programme, computed from the deployments,
// changes and incidents in the ledger, whoever deployed and with what.
package dora

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
)

// The values of deployments.cause.
const (
	causePlain = iota
	causeRollback
	causeHotfix
	causePromotion
)

// The values of incident_facts.resolved: what a word on an incident says.
const (
	saysDetected = iota
	saysResolved
	saysReported
)

// The values of deployments.brings.
const (
	bringsNothing = iota
	bringsCommit
	bringsList
)

// deployment is what a deployment's event says by itself.
type deployment struct {
	seq, at, event                   int64
	service, team, environment, path int64
	cause, release, newest, fixes    int64
	brings                           int64
	changes                          []change
}

// change is a commit that a deployment brought. at is in microseconds.
type change struct {
	key   int64
	at    int64
	known bool // at was said
}

// made is when a commit was made, and the event that says so.
type made struct{ at, seq int64 }

type incidentFact struct {
	incident, name, seq, at, event     int64
	says                               int64
	service, team, environment, caused int64
}

type pipelineFact struct{ seq, at, service, team, environment, path int64 }

// facts are what a batch of records says about delivery.
type facts struct {
	deployments []deployment
	commits     map[int64]made // by key, the earliest word on each
	incidents   []incidentFact
	pipelines   []pipelineFact
}

// payload is what of a CDEvent's payload is read. Fields of another type than
// expected are taken as absent: the event still counts.
type payload struct {
	Subject struct {
		ID      string `json:"id"`
		Content struct {
			Outcome string `json:"outcome"`
		} `json:"content"`
	} `json:"subject"`
	CustomData struct {
		Release         string          `json:"release"`
		Cause           string          `json:"cause"`
		Commit          string          `json:"commit"`
		CommitTime      string          `json:"commitTime"`
		Changes         json.RawMessage `json:"changes"`
		Fixes           string          `json:"fixes"`
		Deployment      string          `json:"deployment"`
		FirstCommitTime string          `json:"firstCommitTime"`
	} `json:"customData"`
}

type commit struct {
	Commit string `json:"commit"`
	Time   string `json:"time"`
}

func decode(r *event.Record) payload {
	var p payload
	if len(r.Data) > 0 {
		_ = json.Unmarshal(r.Data, &p) // goes on behind a field of a wrong type
	}
	return p
}

// collect picks out of records what tells of delivery.
func collect(records []event.Record) facts {
	f := facts{commits: map[int64]made{}}
	for i := range records {
		r := &records[i]
		subject, predicate, ok := event.CDEvent(r.Type)
		if !ok {
			continue
		}
		switch subject + "." + predicate {
		case "service.deployed", "service.upgraded":
			f.deployments = append(f.deployments, deploymentOf(r, decode(r), false))
		case "service.rolledback":
			f.deployments = append(f.deployments, deploymentOf(r, decode(r), true))
		case "change.merged":
			f.merged(r, decode(r))
		case "change.updated": // who reads the history of a change may know how old it is
			if p := decode(r); p.CustomData.FirstCommitTime != "" {
				f.merged(r, p)
			}
		case "incident.detected":
			f.incidents = append(f.incidents, incidentOf(r, decode(r), saysDetected))
		case "incident.reported":
			f.incidents = append(f.incidents, incidentOf(r, decode(r), saysReported))
		case "incident.resolved":
			f.incidents = append(f.incidents, incidentOf(r, decode(r), saysResolved))
		case "pipelinerun.finished":
			if outcome := decode(r).Subject.Content.Outcome; outcome == "failure" || outcome == "error" {
				f.pipelines = append(f.pipelines, pipelineFact{r.Seq, r.Time.UnixMicro(), r.IDs.Service, r.IDs.Team, r.IDs.Environment, path(r)})
			}
		}
	}
	return f
}

func deploymentOf(r *event.Record, p payload, rollback bool) deployment {
	said := p.CustomData
	d := deployment{
		seq: r.Seq, at: r.Time.UnixMicro(), event: key(r.ID), service: r.IDs.Service, team: r.IDs.Team, environment: r.IDs.Environment,
		path: path(r), release: key(said.Release), newest: commitKey(said.Commit), fixes: key(said.Fixes), brings: bringsCommit,
	}
	switch {
	case rollback || said.Cause == "rollback":
		d.cause = causeRollback
	case said.Cause == "hotfix" || d.fixes != 0:
		d.cause = causeHotfix
	case said.Cause == "promote":
		d.cause = causePromotion
	}
	var list []commit
	listed := len(said.Changes) > 0 && said.Changes[0] == '['
	if listed {
		_ = json.Unmarshal(said.Changes, &list) // as in decode
	}
	switch {
	case d.cause == causeRollback: // what it brings was there before
		d.brings = bringsNothing
	case !listed:
		if c, ok := changeOf(said.Commit, said.CommitTime); ok {
			d.changes = append(d.changes, c)
		}
	case len(list) == 0:
		d.brings = bringsNothing
	default:
		d.brings = bringsList
		seen := map[int64]bool{}
		for _, each := range list {
			if c, ok := changeOf(each.Commit, each.Time); ok && !seen[c.key] {
				d.changes = append(d.changes, c)
				seen[c.key] = c.key != 0
			}
		}
	}
	return d
}

// changeOf is ok for what says which commit it is, or when it was made.
func changeOf(id, at string) (change, bool) {
	c := change{key: commitKey(id)}
	c.at, c.known = moment(at)
	return c, c.key != 0 || c.known
}

// moment reads a time. One before 1970 is that of a clock that was not set, or
// of a program that writes no time as the year 1.
func moment(text string) (micros int64, ok bool) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Unix() <= 0 {
		return 0, false
	}
	return at.UnixMicro(), true
}

// merged notes when a commit was made: what came first of several words on it.
func (f *facts) merged(r *event.Record, p payload) {
	id, at := commitKey(cmp.Or(p.CustomData.Commit, p.Subject.ID)), r.Time.UnixMicro()
	if id == 0 {
		return
	}
	if first, ok := moment(p.CustomData.FirstCommitTime); ok {
		at = first
	}
	if known, ok := f.commits[id]; !ok || at < known.at {
		f.commits[id] = made{at, r.Seq}
	}
}

// incidentOf reads an incident. Its id is unique within the source that the
// ledger has bound to its sender, not within one that the payload names: nobody
// resolves another's incident.
func incidentOf(r *event.Record, p payload, says int64) incidentFact {
	id := cmp.Or(p.Subject.ID, r.Subject, r.ID)
	return incidentFact{
		incident: key(r.Source + "\x00" + id), name: key(id), seq: r.Seq, at: r.Time.UnixMicro(), event: key(r.ID), says: says,
		service: r.IDs.Service, team: r.IDs.Team, environment: r.IDs.Environment, caused: key(p.CustomData.Deployment),
	}
}

// path is 1 for what came over the golden path.
func path(r *event.Record) int64 {
	if r.Capability == event.CapabilityDeploy {
		return 1
	}
	return 0
}

// key stands for a name in the tables.
func key(name string) int64 { return event.NameKey(name) }

func commitKey(id string) int64 { return key(strings.ToLower(strings.TrimSpace(id))) }
