package simulate

import (
	"cmp"
	"slices"

	"github.com/stoa-platform/stoa/internal/simulate/naming"
)

// world is the whole organisation with its fate, as far as that does not
// depend on the day: who, where, and when each team takes which step.
type world struct {
	options  Options
	model    Model
	calendar *calendar
	start    ms
	end      ms
	teams    []*team
	people   []*person
	members  []*member
	services []*service
}

// waves are the groups in which the platform invites teams.
var waves = []string{"pilot", "1", "2", "3"}

// team is a team with the steps it takes; those it never takes, or takes after
// the end, are never or after the end.
type team struct {
	index   int
	name    string
	former  string // name before renamed, if it was renamed
	renamed ms
	segment *naming.Segment
	wave    string
	office  int
	ownCI   bool
	members []*member

	services []*service
	dice     dice

	asked    ms // for access
	granted  ms
	deployed ms // first deployment by the platform
	queried  ms // first log query
	alerted  ms // first alert
	leaves   ms // uses the platform no more
}

// nameAt is what the team is called at a time.
func (t *team) nameAt(when ms) string {
	if when < t.renamed && t.former != "" {
		return t.former
	}
	return t.name
}

func (t *team) lead() *member { return t.members[0] }

// service is a piece of software of a team.
type service struct {
	index int
	name  string
	kind  string
	team  *team
	born  ms // first deployment
	moves ms // first deployment by the platform; never for one that stays off it

	rate float64 // planned releases a working day off the path
	dice dice

	due       []ms    // deployments that take place whatever the day's chance says
	lately    []ms    // deployments to production
	blocked   ms      // no planned release before
	releases  int     // the number of the last release
	artifacts int     // the number of the last artifact
	now       version // in production
	before    version // what a rollback goes back to
	inDev     bool    // it was deployed to dev once
	onPath    bool    // its last release was by the platform
	paths     []turn  // onto the path and off it, by deployments to production
	undone    string  // the rollback that the next release undoes
}

// turn is a deployment to production by another way than the one before.
type turn struct {
	at ms
	on bool
}

// wasOn reports whether the last deployment before a time was by the platform.
func (s *service) wasOn(when ms) bool {
	on := false
	for _, t := range s.paths {
		if t.at <= when {
			on = t.on
		}
	}
	return on
}

// version is what a service runs: the release that brought it, what that is of.
type version struct {
	release  string // "" for none
	artifact int
	commit   string // "" for unknown
	dated    ms     // the commit
}

// on reports whether the service is released by the platform at a time, off
// whether by the team's own CI.
func (s *service) on(when ms) bool  { return when >= s.moves && when < s.team.leaves }
func (s *service) off(when ms) bool { return s.team.ownCI && when >= s.born && !s.on(when) }

func newWorld(o Options, m Model) (*world, error) {
	start := o.start()
	calendar, err := newCalendar(start, int(o.End.Sub(start).Hours()/24))
	if err != nil {
		return nil, err
	}
	// The curve is that of a year; less time is a quicker company.
	quicker := max(1, 12/float64(o.Months))
	m.BassP, m.BassQ = m.BassP*quicker, m.BassQ*quicker
	w := &world{options: o, model: m, calendar: calendar, start: at(start), end: at(o.End)}
	w.addTeams()
	w.rename()
	w.secondTeams()
	for _, t := range w.teams {
		w.addServices(t)
		for _, m := range t.members {
			m.begins = t.granted
			if m != t.lead() && t.granted < never {
				m.begins += t.dice.exponential(7 * 24)
			}
		}
	}
	return w, nil
}

// addTeams draws the teams and their steps.
func (w *world) addTeams() {
	d := newDice(w.options.Seed, "organisation", 0)
	named := map[string]int{}
	weights := make([]int, len(naming.Segments))
	for i, s := range naming.Segments {
		weights[i] = s.Weight
	}
	for i := range w.options.Teams {
		// The first ones are one of each segment, so that a small organisation has all.
		n := i
		if i >= len(naming.Segments) {
			n = d.pick(weights)
		}
		s := &naming.Segments[n]
		t := &team{
			index: i, name: s.Team(named[s.Name]), segment: s, office: d.pick(officeWeights()), ownCI: d.chance(w.model.OwnCIShare),
			dice:  newDice(w.options.Seed, "team", i),
			asked: never, granted: never, deployed: never, queried: never, alerted: never, leaves: never,
		}
		named[s.Name]++
		w.teams = append(w.teams, t)
		w.addPeople(t, d)
	}
	w.adopt(d)
}

// adopt lets teams ask for access along a curve of Bass. The quantiles at which
// they do are spread evenly, each within its own slice, so that a small
// organisation follows the curve too.
func (w *world) adopt(d dice) {
	var coming []*team
	for _, i := range d.Perm(len(w.teams)) {
		if t := w.teams[i]; len(coming) == 0 || !d.chance(w.model.NeverShare) {
			coming = append(coming, t)
		} else {
			t.wave = waves[3]
		}
	}
	for rank, t := range coming {
		u := (float64(rank) + d.Float64()) / float64(len(coming))
		t.asked = w.start + ms(bassTime(u, w.model.BassP, w.model.BassQ)*float64(monthOf(w)))
		w.journey(t)
	}
	slices.SortFunc(coming, func(a, b *team) int { return cmp.Compare(a.asked, b.asked) })
	for rank, t := range coming {
		switch share := float64(rank) / float64(len(w.teams)); {
		case share < 0.1:
			t.wave = waves[0]
		case share < 0.35:
			t.wave = waves[1]
		case share < 0.65:
			t.wave = waves[2]
		default:
			t.wave = waves[3]
		}
	}
}

// monthOf is the length of one of the simulated months, on average.
func monthOf(w *world) ms { return (w.end - w.start) / ms(w.options.Months) }

// journey draws the steps of a team after it has asked, until one at which it
// is stuck.
func (w *world) journey(t *team) {
	d, m := t.dice, w.model
	t.asked = w.calendar.working(t.office, t.asked, d)
	if t.asked >= w.end || d.chance(m.StuckAtAccess) {
		return
	}
	t.granted = t.asked + d.logNormal(m.AccessWaitHours, m.AccessWaitSigma)
	if d.chance(m.StuckAtDeployment) {
		t.leaves = t.granted + d.logNormal(m.GiveUpDays*24, m.GiveUpSigma)
		return
	}
	t.deployed = w.calendar.working(t.office, t.granted+d.logNormal(m.FirstDeploymentHours, m.FirstDeploymentSigma), d)
	if m.ChurnPerMonth > 0 && t.deployed < never {
		// Nobody leaves in the very week of the first deployment.
		t.leaves = t.deployed + 7*day + ms(float64(monthOf(w))*d.ExpFloat64()/m.ChurnPerMonth)
	}
	if d.chance(m.StuckAtLogQuery) || t.deployed >= never {
		return
	}
	t.queried = w.calendar.working(t.office, t.deployed+d.logNormal(m.FirstLogQueryHours, m.FirstLogQuerySigma), d)
	if d.chance(m.StuckAtAlert) || t.queried >= never {
		return
	}
	t.alerted = t.queried + d.logNormal(m.FirstAlertHours, m.FirstAlertSigma)
}

// rename gives some teams another name on the way.
func (w *world) rename() {
	if len(w.teams) < 3 {
		return
	}
	d := newDice(w.options.Seed, "renaming", 0)
	n := max(1, int(w.model.RenamedShare*float64(len(w.teams))))
	for _, i := range d.Perm(len(w.teams))[:n] {
		t := w.teams[i]
		t.former, t.name = t.name, t.name+"-team"
		t.renamed = w.start + d.between((w.end-w.start)/4, (w.end-w.start)*3/4)
	}
}

// secondTeams lets some people work in a second team of their segment.
func (w *world) secondTeams() {
	d := newDice(w.options.Seed, "second teams", 0)
	bySegment := map[string][]*team{}
	for _, t := range w.teams {
		bySegment[t.segment.Name] = append(bySegment[t.segment.Name], t)
	}
	for _, p := range w.people {
		first := p.members[0].team
		if others := bySegment[first.segment.Name]; first.lead().person != p && d.chance(w.model.SecondTeamShare) {
			if second := others[d.IntN(len(others))]; second != first {
				w.join(p, second)
			}
		}
	}
}

// addServices draws the services of a team and when each is first deployed.
func (w *world) addServices(t *team) {
	d, m := t.dice, w.model
	first := 1 + d.poisson(m.ServicesPerTeam-1)
	if t.ownCI {
		for range first {
			w.addService(t, w.calendar.working(t.office, w.start+d.between(0, 5*day), d))
		}
	} else if t.deployed < never {
		w.addService(t, t.deployed)
		for range first - 1 {
			w.addService(t, w.calendar.working(t.office, t.deployed+d.exponential(25*24), d))
		}
	}
	for born := w.start; m.NewServicesPerMonth > 0; {
		born += ms(d.ExpFloat64() / m.NewServicesPerMonth * float64(monthOf(w)))
		if born >= w.end {
			break
		}
		if on := born >= t.deployed && born < t.leaves; on || t.ownCI {
			w.addService(t, w.calendar.working(t.office, born, d))
		}
	}
}

// addService adds a service unless it would be born after the end, or where
// nobody would deploy it.
func (w *world) addService(t *team, born ms) {
	if born >= w.end || (!t.ownCI && born >= t.leaves) {
		return
	}
	s := &service{index: len(w.services), team: t, born: born, moves: never}
	s.name, s.kind = t.segment.Service(t.firstName(), len(t.services))
	s.dice = newDice(w.options.Seed, "service "+t.firstName(), len(t.services))
	s.rate = w.model.ReleasesPerDay * float64(s.dice.logNormal(1, w.model.ReleasesSigma)) / float64(hour)
	switch {
	case born >= t.deployed && born < t.leaves:
		s.moves = born
	case t.deployed < never && len(t.services) == 0:
		s.moves = t.deployed // the team tries the platform with one of its services
	case t.deployed < never && born < t.deployed:
		s.moves = w.calendar.working(t.office, t.deployed+s.dice.exponential(30*24), s.dice)
	}
	if s.moves >= t.leaves {
		s.moves = never
	}
	s.due = []ms{born}
	if s.moves != born && s.moves < never {
		s.due = append(s.due, s.moves)
	}
	w.services = append(w.services, s)
	t.services = append(t.services, s)
}

// firstName is the name the team had at the start; its services keep it.
func (t *team) firstName() string {
	if t.former != "" {
		return t.former
	}
	return t.name
}
