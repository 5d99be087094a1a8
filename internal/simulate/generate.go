package simulate

import (
	"context"
	"time"
)

// Progress tells how far a simulation has come.
type Progress struct {
	Day, Days int    // of the simulated time
	Date      string // of the day, 2026-11-01
	Events    int64  // made so far, duplicates included
}

// generator lets a world live, day by day.
type generator struct {
	*world
	book          *book
	out           *stream
	incidentsMade int
	ticketsMade   int
}

// Generate makes the events of an organisation, each one CloudEvent in JSON, in
// the order in which they arrive, and hands them to sink; the bytes are the
// sink's until it returns. It keeps a few days of events in memory, however
// many there are. told, which may be nil, hears of every simulated day.
func Generate(ctx context.Context, o Options, sink func(event []byte) error, told func(Progress)) (Truth, error) {
	w, err := newWorld(o, DefaultModel())
	if err != nil {
		return Truth{}, err
	}
	return w.generator(sink).live(ctx, told)
}

func (w *world) generator(sink func(event []byte) error) *generator {
	id := w.options.identity()
	return &generator{world: w, book: newBook(w), out: &stream{
		model: w.model, start: w.start, end: w.end, namespace: [16]byte(id[:16]), sink: sink, dice: newDice(w.options.Seed, "arrival", 0),
		waiting: map[int]*arrivals{}, later: map[int]*arrivals{}, counted: Counts{Types: map[string]int64{}},
	}}
}

// live makes all events.
func (g *generator) live(ctx context.Context, told func(Progress)) (Truth, error) {
	w := g.world
	for _, t := range w.teams {
		g.steps(t)
	}
	// A date of an office touches three days of UTC: the one before is complete
	// once the date has been lived everywhere.
	for date := -1; date <= w.calendar.days; date++ {
		if err := ctx.Err(); err != nil {
			return Truth{}, err
		}
		for _, t := range w.teams {
			if opens := w.calendar.opening(t.office, date); opens != 0 {
				for _, s := range t.services {
					g.releases(s, opens)
				}
			}
		}
		for _, p := range w.people {
			g.workday(p, date)
		}
		if n := date - 1; n >= 0 {
			for _, t := range w.teams {
				g.around(t, n)
			}
		}
		if err := g.out.flush(date); err != nil {
			return Truth{}, err
		}
		if told != nil {
			n := max(0, date)
			told(Progress{Day: n, Days: w.calendar.days, Date: (w.start + ms(n)*day).time().Format(time.DateOnly), Events: g.out.counted.Lines})
		}
	}
	if err := g.out.drain(); err != nil {
		return Truth{}, err
	}
	return g.book.truth(g.out.counted), nil
}

// steps tells that a team is there and of its way onto the platform, but for its
// deployments.
func (g *generator) steps(t *team) {
	g.out.put("", fact{at: g.start, source: sourceStaff, kind: typeTeam, subject: "team/" + t.nameAt(g.start), actor: botStaff, bot: true, team: t.nameAt(g.start)})
	lead := t.lead()
	g.access(t, typeAccessAsked, lead, t.asked)
	g.book.step(t, askedAccess, t.asked)
	g.access(t, typeAccessGranted, lead, t.granted)
	g.book.step(t, gotAccess, t.granted)
	if len(t.services) > 0 && t.queried < t.leaves {
		g.use(use{at: t.queried, member: lead, capability: "logs", service: t.services[0].name, environment: production, surface: "cli", count: 1})
	}
	if len(t.services) > 0 && t.alerted < t.leaves {
		g.alert(t, t.alerted, t.services[0])
	}
	for _, m := range t.members {
		p := m.person
		comes, goes := g.start+ms(p.hired)*day+9*hour, g.start+ms(p.left)*day+9*hour
		if p.hired >= 0 && comes > t.granted {
			g.access(t, typeAccessGranted, m, comes)
		}
		if p.left < g.calendar.days && goes > t.granted {
			g.access(t, typeAccessRevoked, m, goes)
		}
	}
}

func (g *generator) access(t *team, kind string, m *member, when ms) {
	g.out.put("", fact{at: when, source: sourcePlatform, kind: kind, subject: "team/" + t.nameAt(when), actor: m.person.principal(), team: t.nameAt(when)})
}

// around is what happens to a team on a day, UTC, whoever is at work.
func (g *generator) around(t *team, n int) {
	from := g.start + ms(n)*day
	for range t.dice.poisson(g.model.AlertsPerTeamDay) {
		if when := from + t.dice.between(0, day); len(t.services) > 0 && when > t.alerted && when < t.leaves {
			g.alert(t, when, t.services[t.dice.IntN(len(t.services))])
		}
	}
	for _, s := range t.services {
		g.background(s, n)
	}
	if t.index%botEvery == 0 && len(t.services) > 0 {
		g.out.put("", fact{
			at: from + 3*hour, source: sourcePlatform, kind: typeUsage, actor: "token/" + t.firstName() + "-exporter", bot: true, team: t.nameAt(from + 3*hour),
			capability: "events", surface: "api", count: 24,
		})
	}
}

// botEvery is how many teams have one program among them that uses the API
// every day, whether they are on the platform or not: it is no person, and no team
// is on the platform because of it.
const botEvery = 8

// alert tells of an alert about a service; the first one is a step of its team.
func (g *generator) alert(t *team, when ms, s *service) {
	if g.out.put("", fact{
		at: when, source: sourceIncidents, kind: typeAlert, subject: "service/" + s.name, actor: botAlerts, bot: true, team: t.nameAt(when), service: s.name, environment: production,
	}) {
		g.book.step(t, alertedFirst, when)
	}
}
