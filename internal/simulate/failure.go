package simulate

import "slices"

// fail lets a deployment turn out to be bad, in one of four ways. Nothing else
// is released until what shows the failure has happened, so that nobody can
// blame another deployment for it.
func (g *generator) fail(s *service, place int, id string, who *member) {
	d, m := s.dice, g.model
	bad := g.book.deployments[place]
	t, on := bad.at, bad.path
	failed := s.now
	recovery := m.RecoveryMinutesOff
	if on {
		recovery = m.RecoveryMinutesOn
	}
	takes := d.logNormal(recovery/60, m.RecoverySigma)
	// What is told of a release names it by its name or by its event.
	name := id
	if d.chance(0.5) {
		name = failed.release
	}
	how := failure(1 + d.pick([]int{permille(m.FailureByRollback), permille(m.FailureByHotfix), permille(m.FailureByIncident), permille(m.FailureByLink)}))
	if how == rolledBack && s.before.release == "" {
		how = hotfixed
	}
	switch how {
	case rolledBack:
		s.blocked = t + takes + minute
		g.book.fails(place, how, t+takes, t, t+takes)
		back := s.before
		if g.deploy(s, deploying{at: t + takes, id: g.out.newID(), who: who, on: on, version: back, cause: "rollback", why: rollback}) >= 0 && d.chance(0.3) {
			s.undone = s.now.release
		}
	case hotfixed:
		s.blocked = t + takes + minute
		g.book.fails(place, how, t+takes, t, t+takes)
		if d.chance(0.3) {
			name = "" // nobody said what it mends: the one before
		}
		g.hotfix(s, t+takes, t, who, on, name)
	case followed:
		began := t + d.between(5*minute, 8*hour)
		resolved := began + takes
		if d.chance(m.NeverMendedShare) {
			resolved = never
		}
		s.blocked = min(resolved, began+day) + minute
		g.book.fails(place, how, began, began, resolved)
		incident := g.incident(s, began, resolved, on, true, "")
		if mended := resolved - 2*minute; d.chance(0.5) && mended > began && mended < never/2 {
			g.hotfix(s, mended, began, who, on, incident)
		}
	case linked:
		began := t + d.between(day, 3*day)
		resolved := began + takes
		g.book.fails(place, how, began, began, resolved)
		g.incident(s, began, resolved, on, true, name)
	}
}

// permille makes a weight of a share.
func permille(share float64) int { return int(share*1000 + 0.5) }

// hotfix mends what broke at a time by a small change that was made since.
func (g *generator) hotfix(s *service, t, broke ms, who *member, on bool, fixes string) {
	lead := min(s.dice.logNormal(0.4, 0.6), (t-broke)*9/10)
	c := change{g.out.commit(), t - lead}
	g.merged(s, c, t-lead/2)
	s.artifacts++
	v := version{artifact: s.artifacts, commit: c.commit, dated: c.dated}
	g.deploy(s, deploying{at: t, id: g.out.newID(), who: who, on: on, version: v, cause: "hotfix", why: hotfix, changes: []change{c}, fixes: fixes})
}

// incident tells of an incident and its end, and gives its id.
func (g *generator) incident(s *service, began, resolved ms, on, caused bool, deployment string) string {
	g.incidentsMade++
	name := numbered("INC-", g.incidentsMade)
	kind := typeDetected
	if s.dice.chance(0.1) {
		kind = typeReported
	}
	running := s.purl(s.now)
	tell := func(t ms, kind, words, deployment string) bool {
		f := fact{at: t, source: sourceIncidents, kind: kind, subject: "service/" + s.name, actor: botAlerts, bot: true, team: s.team.nameAt(t), service: s.name, environment: production}
		id := g.out.newID()
		data := cdEvent(id, &f, name).ref("environment", production).ref("service", s.name).text("artifactId", running).text("description", words)
		if kind == typeReported {
			data = data.text("ticketURI", "https://support.example.org/"+name)
		}
		data = data.close().close()
		if deployment != "" {
			data = data.open("customData").text("deployment", deployment).close()
		}
		f.data = data.close()
		return g.out.put(id, f)
	}
	words := [...]string{"errors above the objective", "answers too slowly", "does not answer", "queue grows"}
	if !tell(began, kind, words[s.dice.IntN(len(words))], deployment) {
		return name
	}
	noted := incident{at: began, resolved: never, service: s, path: on, caused: caused}
	if resolved < never && tell(resolved, typeResolved, "resolved", "") {
		noted.resolved = resolved
	}
	g.book.incidents = append(g.book.incidents, noted)
	if t := s.team; on && began >= t.alerted && began < t.leaves {
		g.alert(t, began, s)
	}
	return name
}

// background lets incidents happen on one day, UTC, that no deployment is to
// blame for: at least 24 hours after the last one.
func (g *generator) background(s *service, n int) {
	from := g.start + ms(n)*day
	s.lately = slices.DeleteFunc(s.lately, func(t ms) bool { return t < from-2*day })
	if from < s.born+day || s.now.release == "" {
		return
	}
	t := from + s.dice.between(0, day)
	if !s.dice.chance(g.model.BackgroundIncidents) || (!s.on(t) && !s.off(t)) {
		return
	}
	for _, deployed := range s.lately {
		if deployed > t-25*hour && deployed <= t {
			return
		}
	}
	resolved := t + s.dice.logNormal(1.5, 1)
	if s.dice.chance(g.model.NeverMendedShare) {
		resolved = never
	}
	g.incident(s, t, resolved, s.wasOn(t), false, "")
}
