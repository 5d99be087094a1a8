package simulate

import (
	"slices"
	"strconv"
)

// releases lets a service be released as often as chance says on a working day
// of its team's office.
func (g *generator) releases(s *service, opens ms) {
	closes := opens + openFor
	rate := s.rate
	if s.on(opens) {
		rate *= g.model.ReleasesOnPath
	}
	var times []ms
	for range s.dice.poisson(rate) {
		times = append(times, s.dice.between(opens, closes))
	}
	for _, due := range s.due {
		if due < opens { // it was put off
			due = s.dice.between(opens, closes)
		}
		if due < closes {
			times = append(times, due)
		}
	}
	slices.Sort(times)
	for _, t := range times {
		must := len(s.due) > 0 && t >= s.due[0]
		if t < s.blocked || (s.now.release == "" && !must) {
			continue
		}
		who := s.team.lead()
		switch {
		case s.on(t):
			if found := g.onDuty(s.team, t, s.dice); found != nil {
				who = found
			} else if !must {
				continue
			}
		case !s.off(t):
			continue
		}
		if must {
			s.due = s.due[1:]
		}
		g.release(s, t, who)
	}
}

// onDuty finds somebody in a team who is at work and releases software; nil if
// there is nobody.
func (g *generator) onDuty(t *team, when ms, d dice) *member {
	var found []*member
	for _, m := range t.members {
		p := m.person
		if date, open := g.calendar.openAt(p.office, when); open && p.persona != quality && p.works(date) {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return found[d.IntN(len(found))]
}

// change is one commit that a release brings.
type change struct {
	commit string
	dated  ms
}

// release brings new software to production.
func (g *generator) release(s *service, t ms, who *member) {
	on, d, m := s.on(t), s.dice, g.model
	first := on && !s.onPath
	s.onPath = on
	failedRuns, failing, leadHours := m.FailedPipelinesOff, m.FailureOff, m.LeadHoursOff
	if on {
		failedRuns, failing, leadHours = m.FailedPipelinesOn, m.FailureOn, m.LeadHoursOn
		g.asking(s, t, who, first)
	}
	if d.chance(failedRuns) {
		g.pipelineFailed(s, t-d.between(5*minute, 40*minute), on, who)
	}
	var changes []change
	if !d.chance(m.NoCommitShare) {
		var leads []ms
		for range 1 + d.poisson(m.ChangesPerRelease-1) {
			leads = append(leads, d.logNormal(leadHours, m.LeadSigma))
		}
		slices.Sort(leads)
		if d.chance(m.SkewedShare) {
			leads[0] = -d.between(5*minute, hour)
		}
		for _, lead := range slices.Backward(leads) {
			changes = append(changes, change{g.out.commit(), t - lead})
			if lead > 0 {
				// Days that lie further back have been told already.
				g.merged(s, changes[len(changes)-1], t-min(ms(float64(lead)*(0.1+0.6*d.Float64())), 20*hour))
			}
		}
	}
	cause := ""
	if s.now.release != "" && on && d.chance(0.7) && g.toDev(s, t-d.between(10*minute, 50*minute), who, changes) {
		cause = "promote"
	}
	s.artifacts++
	next := version{artifact: s.artifacts}
	if n := len(changes); n > 0 {
		next.commit, next.dated = changes[n-1].commit, changes[n-1].dated
	}
	id := g.out.newID()
	undoes := s.undone
	s.undone = ""
	place := g.deploy(s, deploying{at: t, id: id, who: who, on: on, version: next, cause: cause, changes: changes, undoes: undoes})
	if place >= 0 && d.chance(failing) {
		g.fail(s, place, id, who)
	}
}

// asking is what goes before a release by the platform: the command, what it
// asks, what a gate says.
func (g *generator) asking(s *service, t ms, who *member, first bool) {
	d, m := s.dice, g.model
	since := s.team.granted
	if d.chance(m.Refusals) {
		if when := max(since, t-d.between(20*minute, hour)); when < t {
			g.refused(s, when, who)
		}
	}
	mean := m.QuestionsLater
	if first {
		mean = m.QuestionsFirst
	}
	for range d.poisson(mean) {
		if when := max(since, t-d.between(2*minute, 10*minute)); when < t {
			g.asked(s, when, who)
		}
	}
	surface := "cli"
	if d.chance(0.2) {
		surface = "portal"
	}
	g.use(use{at: max(since, (t-d.between(minute, 5*minute))/minute*minute), member: who, capability: "deploy", service: s.name, environment: production, surface: surface, count: 1})
}

// deploying is one deployment to production.
type deploying struct {
	at      ms
	id      string
	who     *member
	on      bool
	version version
	cause   string // as told
	why     cause
	changes []change
	fixes   string
	undoes  string
}

// deploy tells of a deployment to production and notes it; it gives its place
// in the book, -1 if it does not happen before the end.
func (g *generator) deploy(s *service, x deploying) int {
	f := g.delivery(s, x.at, x.on, x.who)
	f.environment = production
	switch {
	case x.why == rollback:
		f.kind = typeRolledBack
	case s.now.release == "":
		f.kind = typeDeployed
	default:
		f.kind = typeUpgraded
	}
	s.releases++
	x.version.release = s.name + "-" + strconv.Itoa(s.releases)
	data := cdEvent(x.id, &f, s.name).ref("environment", production).text("artifactId", s.purl(x.version)).close().close().
		open("customData").text("release", x.version.release).text("cause", x.cause).known("previous", s.now.release).known("commit", x.version.commit)
	if x.version.commit != "" {
		data = data.text("commitTime", x.version.dated.stamp())
	}
	f.data = changed(data, x.changes).known("fixes", x.fixes).known("reverts", x.undoes).close().close()
	if !g.out.put(x.id, f) {
		return -1
	}
	if x.why != rollback {
		s.before = s.now
	}
	s.now = x.version
	s.lately = append(s.lately, x.at)
	if n := len(s.paths); n == 0 || s.paths[n-1].on != x.on {
		s.paths = append(s.paths, turn{x.at, x.on})
	}
	if x.on {
		g.book.used(x.who, "deploy", x.at)
	}
	noted := deployment{at: x.at, service: s, path: x.on, cause: x.why, silent: x.why != rollback && len(x.changes) == 0}
	for _, c := range x.changes {
		if c.dated > x.at {
			noted.skewed++
		} else {
			noted.leads = append(noted.leads, x.at-c.dated)
		}
	}
	return g.book.serves(noted)
}

// changed adds the commits of a deployment, unless none is known: an empty list
// would say that it brings none.
func changed(o object, changes []change) object {
	if len(changes) == 0 {
		return o
	}
	o = append(o.key("changes"), '[')
	for _, c := range changes {
		if o[len(o)-1] != '[' {
			o = append(o, ',')
		}
		o = append(o, '{').text("commit", c.commit).text("time", c.dated.stamp()).close()
	}
	return append(o, ']')
}

// purl names an artifact as a package URL.
func (s *service) purl(v version) string {
	return "pkg:generic/" + s.name + "@" + strconv.Itoa(v.artifact) + ".0.0"
}

// toDev deploys what will be promoted, if its newest commit was there by then.
func (g *generator) toDev(s *service, t ms, who *member, changes []change) bool {
	if n := len(changes); t <= s.moves || (n > 0 && changes[n-1].dated >= t) {
		return false
	}
	f := g.delivery(s, t, true, who)
	f.environment, f.kind = dev, typeUpgraded
	if !s.inDev {
		f.kind = typeDeployed
	}
	s.releases++
	id := g.out.newID()
	data := cdEvent(id, &f, s.name).ref("environment", dev).text("artifactId", s.purl(version{artifact: s.artifacts + 1})).close().close().
		open("customData").text("release", s.name+"-"+strconv.Itoa(s.releases)).text("cause", "")
	if n := len(changes); n > 0 {
		data = data.text("commit", changes[n-1].commit).text("commitTime", changes[n-1].dated.stamp())
	}
	f.data = changed(data, changes).close().close()
	if !g.out.put(id, f) {
		return false
	}
	s.inDev = true
	g.book.used(who, "deploy", t)
	g.book.elsewhere = append(g.book.elsewhere, moment{at: t, team: s.team, path: true, service: s.name})
	return true
}

// delivery begins an event about a release: by the platform and whoever asked
// it to, or by the team's own CI.
func (g *generator) delivery(s *service, t ms, on bool, who *member) fact {
	f := fact{at: t, subject: "service/" + s.name, team: s.team.nameAt(t), service: s.name}
	if on {
		f.source, f.capability, f.actor = sourcePlatform, "deploy", who.person.principal()
	} else {
		f.source, f.actor, f.bot = sourceCI+s.team.firstName(), "token/ci-"+s.team.firstName(), true
	}
	return f
}

func (g *generator) pipelineFailed(s *service, t ms, on bool, who *member) {
	if on && t < s.team.granted {
		return
	}
	f := g.delivery(s, t, on, who)
	f.kind, f.environment = typePipelineFinished, production
	id := g.out.newID()
	s.releases++
	run := s.name + "-" + strconv.Itoa(s.releases)
	errors := [...]string{"a test failed", "the build ran out of memory", "the health check did not answer", "the image could not be pulled"}
	f.data = cdEvent(id, &f, run).text("pipelineName", "release").text("outcome", "failure").text("errors", errors[s.dice.IntN(len(errors))]).close().close().
		open("customData").text("service", s.name).text("environment", production).close().close()
	if g.out.put(id, f) {
		g.book.failedRuns = append(g.book.failedRuns, moment{at: t, team: s.team, path: on})
	}
}

// merged tells that a commit came to the main branch.
func (g *generator) merged(s *service, c change, t ms) {
	f := fact{at: t, source: sourceGit, kind: typeChangeMerged, subject: "service/" + s.name, actor: botGit, bot: true, team: s.team.nameAt(t), service: s.name}
	id := g.out.newID()
	f.data = cdEvent(id, &f, c.commit).ref("repository", "git.example.org/"+s.team.firstName()+"/"+s.name).close().close().
		open("customData").text("commit", c.commit).text("firstCommitTime", c.dated.stamp()).close().close()
	g.out.put(id, f)
}
