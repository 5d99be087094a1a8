package dora_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// What follows computes straight from the list of all events what became of
// each deployment and incident, looking at everything for each.

type naiveDeployment struct {
	said
	mends                 *naiveDeployment
	named                 bool
	failed                int
	failedAt, recoveredAt time.Time
	repeated              bool
	leads                 []time.Duration
}

type naiveIncident struct {
	source, id           string
	facts                []said
	started, resolved    time.Time
	service, environment string
	team                 string
	links                map[string]*naiveDeployment // by environment
	named                bool
}

func hashed(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(sum[:8]) >> 1)
}

func byTime(a, b said) int {
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(hashed(a.id), hashed(b.id)))
}

func (d *naiveDeployment) text(field string) string {
	text, _ := d.custom[field].(string)
	return text
}

func (d *naiveDeployment) isRollback() bool {
	return d.kind == "service.rolledback" || d.text("cause") == "rollback"
}

func (d *naiveDeployment) isFix() bool {
	return d.isRollback() || d.text("cause") == "hotfix" || d.text("fixes") != ""
}

func (d *naiveDeployment) sameSeries(o *naiveDeployment) bool {
	return d.service == o.service && d.environment == o.environment
}

// naive gives deployments and incidents in the order of time.
func naive(all []said) ([]*naiveDeployment, []*naiveIncident) {
	all = slices.Clone(all)
	slices.SortFunc(all, byTime)
	var deployments []*naiveDeployment
	var incidents []*naiveIncident
	commits := map[string]time.Time{}
	for _, e := range all {
		switch {
		case strings.HasPrefix(e.kind, "service."):
			deployments = append(deployments, &naiveDeployment{said: e})
		case strings.HasPrefix(e.kind, "incident."):
			i := slices.IndexFunc(incidents, func(i *naiveIncident) bool { return i.source == e.source && i.id == e.subject })
			if i < 0 {
				incidents = append(incidents, &naiveIncident{source: e.source, id: e.subject, links: map[string]*naiveDeployment{}})
				i = len(incidents) - 1
			}
			incidents[i].facts = append(incidents[i].facts, e)
		case e.kind == "change.merged":
			if known, ok := commits[e.subject]; !ok || e.at.Before(known) {
				commits[e.subject] = e.at
			}
		}
	}
	for _, i := range incidents {
		i.read()
		i.attribute(deployments)
	}
	for n, d := range deployments {
		d.look(n, deployments, incidents, commits)
	}
	for _, d := range deployments {
		d.judge(deployments, incidents)
	}
	return deployments, incidents
}

func (i *naiveIncident) read() {
	for _, f := range i.facts {
		switch {
		case f.kind == "incident.resolved":
			i.resolved = f.at
		case i.started.IsZero():
			i.started = f.at
		case f.kind == "incident.detected" && f.at.After(i.resolved) && !i.resolved.Before(i.started):
			i.resolved = time.Time{} // opened again
		}
		i.service, i.environment, i.team = cmp.Or(i.service, f.service), cmp.Or(i.environment, f.environment), cmp.Or(i.team, f.team)
	}
}

func (i *naiveIncident) cause() string {
	for _, f := range i.facts {
		if name, _ := f.custom["deployment"].(string); name != "" {
			return name
		}
	}
	return ""
}

func (i *naiveIncident) attribute(deployments []*naiveDeployment) {
	if i.started.IsZero() {
		return
	}
	mine := func(d *naiveDeployment) bool {
		foreign := i.service == "" && i.team != "" && i.team != d.team
		return !foreign && (i.service == "" || i.service == d.service) && (i.environment == "" || i.environment == d.environment)
	}
	// The deployment that it names: of releases of that name, else the event.
	for _, called := range []func(*naiveDeployment) bool{
		func(d *naiveDeployment) bool { return d.text("release") == i.cause() }, func(d *naiveDeployment) bool { return d.id == i.cause() },
	} {
		services := map[string]bool{}
		for _, d := range deployments {
			if i.cause() == "" || !mine(d) || !called(d) {
				continue
			}
			services[d.service] = true
			if before := i.links[d.environment]; before == nil || !d.at.After(i.started) {
				i.links[d.environment] = d
				i.named = true
			}
		}
		if len(services) > 1 {
			clear(i.links)
			i.named = false
			break
		}
		if i.named {
			i.service = cmp.Or(i.service, slices.Collect(func(yield func(string) bool) {
				for s := range services {
					yield(s)
				}
			})[0])
			return
		}
	}
	for _, d := range deployments {
		if i.service != "" && mine(d) && !d.at.After(i.started) && i.started.Sub(d.at) <= 24*time.Hour {
			i.links[d.environment] = d
		}
	}
}

func (d *naiveDeployment) look(n int, deployments []*naiveDeployment, incidents []*naiveIncident, commits map[string]time.Time) {
	var previous *naiveDeployment
	for _, o := range deployments[:n] {
		if o.sameSeries(d) {
			previous = o
		}
	}
	list, listed := d.custom["changes"].([]map[string]string)
	commit := d.text("commit")
	d.repeated = (!listed || len(list) > 0) && !d.isRollback() && commit != "" && previous != nil && previous.text("commit") == commit
	if !listed && commit != "" || d.text("commitTime") != "" && !listed {
		list = []map[string]string{{"commit": commit, "time": d.text("commitTime")}}
	}
	if !d.isRollback() && !d.repeated {
		for _, c := range list {
			made, err := time.Parse(time.RFC3339, c["time"])
			if err != nil {
				made = commits[c["commit"]]
			}
			if !made.IsZero() {
				d.leads = append(d.leads, d.at.Sub(made))
			}
		}
	}
	if !d.isFix() {
		return
	}
	if fixes := d.text("fixes"); fixes != "" {
		var named *naiveDeployment
		for _, called := range []func(*naiveDeployment) bool{
			func(o *naiveDeployment) bool { return o.text("release") == fixes }, func(o *naiveDeployment) bool { return o.id == fixes },
		} {
			for _, o := range deployments[:n] {
				if o.sameSeries(d) && called(o) {
					named = o
				}
			}
			if named != nil {
				d.mends, d.named = named, true
				return
			}
		}
		for _, i := range incidents {
			if o := i.links[d.environment]; i.id == fixes && o != nil && o.sameSeries(d) && slices.Contains(deployments[:n], o) &&
				(named == nil || byTime(o.said, named.said) > 0) {
				named = o
			}
		}
		if d.mends = named; named != nil {
			return
		}
	}
	d.mends = previous
	if previous != nil && !d.isRollback() && previous.isRollback() {
		d.mends = previous.mends
	}
}

func (d *naiveDeployment) judge(deployments []*naiveDeployment, incidents []*naiveIncident) {
	reasons := map[int]bool{}
	var mending []time.Time
	for _, x := range deployments {
		if x.mends == d {
			mending = append(mending, x.at)
			switch {
			case x.named:
				reasons[1] = true
			case x.isRollback():
				reasons[2] = true
			default:
				reasons[3] = true
			}
		}
	}
	var starts, ends []time.Time
	for _, i := range incidents {
		if i.links[d.environment] != d {
			continue
		}
		reasons[4], reasons[1] = true, reasons[1] || i.named
		end := i.resolved
		if end.IsZero() {
			if m := slices.IndexFunc(mending, func(m time.Time) bool { return !m.Before(i.started) }); m >= 0 {
				end = mending[m]
			}
		}
		starts, ends = append(starts, i.started), append(ends, end)
	}
	for reason := 4; reason > 0; reason-- {
		if reasons[reason] {
			d.failed = reason
		}
	}
	switch {
	case d.failed == 0:
	case len(starts) == 0:
		d.failedAt, d.recoveredAt = d.at, mending[0]
	default:
		d.failedAt = slices.MinFunc(starts, time.Time.Compare)
		if !slices.ContainsFunc(ends, time.Time.IsZero) {
			d.recoveredAt = slices.MaxFunc(ends, time.Time.Compare)
		}
	}
}
