package simulate

// use is one recorded use of a capability: a minute, counted.
type use struct {
	at                                        ms
	member                                    *member
	capability, service, environment, surface string
	count                                     int
}

// use tells of a use and notes it.
func (g *generator) use(u use) {
	p := u.member.person
	f := fact{at: u.at, source: sourcePlatform, kind: typeUsage, actor: p.principal(), team: u.member.team.nameAt(u.at), service: u.service,
		capability: u.capability, environment: u.environment, surface: u.surface, count: u.count}
	switch u.capability {
	case kafka:
		f.source, f.kind, f.surface, f.count = sourceKafka, typeKafka, "", 0
		f.data = object("{").text("topic", u.member.team.firstName()+".events").close()
	case testRuns:
		f.source, f.kind, f.surface, f.count = sourceTests, typeTestRun, "", 0
		f.data = object("{").text("suite", u.member.team.firstName()+".acceptance").close()
	}
	if g.out.put("", f) {
		g.book.used(u.member, u.capability, u.at)
	}
}

// habit is how often people of a persona use something, by weight, beside what they
// release, and which part of them ever does: most people do without most of what
// there is.
type habit struct{ weight, takeUp float64 }

var habits = [][]habit{
	developer:    {{35, 0.92}, {25, 1}, {20, 0.7}, {10, 0.55}, {2, 0.12}, {8, 0.6}, {}},
	dataEngineer: {{15, 0.7}, {20, 1}, {25, 0.85}, {3, 0.25}, {}, {37, 1}, {}},
	quality:      {{25, 0.85}, {30, 1}, {5, 0.35}, {}, {}, {}, {40, 1}},
	operations:   {{40, 0.97}, {20, 1}, {10, 0.6}, {10, 0.4}, {20, 1}, {}, {}},
}

// habitsOf are the weights of the habits of their persona that somebody has.
func (w *world) habitsOf(p *person) []int {
	d, own := newDice(w.options.Seed, "habits", p.index), make([]int, len(habitual))
	for i, h := range habits[p.persona] {
		if d.chance(h.takeUp) {
			own[i] = int(h.weight)
		}
	}
	return own
}

var habitual = []struct {
	capability string
	surfaces   []string
}{
	{"logs", []string{"cli", "cli", "portal"}},
	{"portal", []string{"portal"}},
	{"catalog", []string{"cli", "api", "portal"}},
	{"secrets", []string{"cli"}},
	{"audit", []string{"portal", "cli"}},
	{kafka, []string{"api"}},
	{testRuns, []string{"api"}},
}

// workday lets a person work on a date of their office.
func (g *generator) workday(p *person, date int) {
	opens := g.calendar.opening(p.office, date)
	if opens == 0 || !p.works(date) {
		return
	}
	m, d := g.model, p.dice
	share := [...]float64{m.ActiveDeveloper, m.ActiveData, m.ActiveQA, m.ActiveOperations}[p.persona]
	if !d.chance(share) {
		return
	}
	// Minutes of use are spread over the hours at work: gaps between them are
	// geometric, so that none comes twice.
	mean := min(m.UsesPerActiveDay*g.options.Activity, float64(atWork/minute)/2)
	gap := float64(atWork/minute) / mean
	var last *member
	for at := d.ExpFloat64() * gap; ms(at)*minute < atWork; at += 1 + d.ExpFloat64()*(gap-1) {
		t := opens + p.early + ms(at)*minute
		of := p.members[0]
		if len(p.members) > 1 && d.chance(0.3) {
			of = p.members[1]
		}
		if t < of.begins || t >= of.team.leaves {
			continue
		}
		g.use(g.habit(of, t))
		last = of
	}
	if last != nil {
		g.speaks(last, opens+p.early, share)
	}
}

// habit is what a person uses at a moment.
func (g *generator) habit(of *member, t ms) use {
	p, d, team := of.person, of.person.dice, of.team
	h := habitual[d.pick(p.habits)]
	if (h.capability == "logs" && t < team.queried) || !offered(h.capability)(team) {
		h = habitual[1] // looks at the portal instead
	}
	u := use{at: t, member: of, capability: h.capability, surface: h.surfaces[d.IntN(len(h.surfaces))], count: 1 + d.poisson(0.6)}
	if (h.capability == "logs" || h.capability == "secrets") && t >= team.deployed {
		u.service, u.environment = g.serving(team, t, d), production
		if d.chance(0.3) {
			u.environment = dev
		}
	}
	return u
}

// serving is one of the services that a team has on the platform at a time, ""
// for none.
func (g *generator) serving(t *team, when ms, d dice) string {
	found, n := "", 0
	for _, s := range t.services {
		if s.on(when) {
			if n++; d.IntN(n) == 0 {
				found = s.name
			}
		}
	}
	return found
}

// ticketKinds are what tickets are about, by weight; some are about a capability.
var ticketKinds = []struct {
	weight                    int
	kind, capability, summary string
}{
	{60, "question", "logs", "How do I read the logs of a job?"},
	{25, "bug", "deploy", "A release stays in building"},
	{15, "access", "", "A new colleague cannot see our team"},
}

var wishes = []string{"Preview environments", "Postgres branches", "Cron jobs with calendars", "Terraform export", "Slack messages for releases", "Cost per service"}

// speaks lets a person who used the platform on a day ask for help, or for
// something new. Both is done in the portal.
func (g *generator) speaks(of *member, from ms, share float64) {
	p, d, m := of.person, of.person.dice, g.model
	// A month has about 21 working days, on which the person uses the platform
	// with the probability share; they are away on some.
	daysOfUse := 21 * share * 0.9
	months := float64(from-g.start) / float64(monthOf(g.world))
	rate := m.TicketsPer100Floor + m.TicketsPer100*decay(months, m.TicketsDecayMonths)
	for range d.poisson(rate / 100 / daysOfUse) {
		g.ticket(of, from+d.between(0, atWork))
	}
	if d.chance(m.FeatureRequestsPer100 / 100 / daysOfUse) {
		if t := from + d.between(0, atWork); t-p.requested >= requestsApart && t >= of.begins && t < of.team.leaves {
			p.requested = t
			g.raise(of, t, "feature", "", wishes[d.IntN(len(wishes))])
			if g.book.happened(t) {
				g.book.requests = append(g.book.requests, request{t, of})
			}
		}
	}
}

func (g *generator) ticket(of *member, t ms) {
	if t < of.begins || t >= of.team.leaves {
		return
	}
	d := of.person.dice
	weights := make([]int, len(ticketKinds))
	for i, k := range ticketKinds {
		weights[i] = k.weight
	}
	k := ticketKinds[d.pick(weights)]
	name := g.raise(of, t, k.kind, k.capability, k.summary)
	noted := ticket{at: t, closed: never, member: of, kind: k.kind, capability: k.capability}
	if takes := d.logNormal(8, 1); !d.chance(0.03) && g.tellTicket(of, t+takes, typeTicketClosed, name, k.kind, k.capability, k.summary) { // some are never closed
		noted.closed = t + takes
	}
	if g.book.happened(t) {
		g.book.tickets = append(g.book.tickets, noted)
	}
}

// raise opens a ticket in the portal and gives its id.
func (g *generator) raise(of *member, t ms, kind, capability, summary string) string {
	g.ticketsMade++
	name := numbered("T-", g.ticketsMade)
	g.use(use{at: t / minute * minute, member: of, capability: "portal", surface: "portal", count: 2})
	g.tellTicket(of, t, typeTicketCreated, name, kind, capability, summary)
	return name
}

func (g *generator) tellTicket(of *member, t ms, kind, name, about, capability, summary string) bool {
	f := fact{at: t, source: sourceSupport, kind: kind, subject: "ticket/" + name, actor: of.person.principal(), team: of.team.nameAt(t), capability: capability}
	if kind == typeTicketClosed {
		f.actor, f.bot = botTickets, true
	}
	id := g.out.newID()
	data := cdEvent(id, &f, name).text("creator", "team/"+of.team.firstName()).text("summary", summary).text("ticketType", about).
		text("uri", "https://support.example.org/"+name)
	if kind == typeTicketClosed {
		data = data.text("resolution", "completed").text("updatedBy", "helpdesk")
	}
	f.data = data.close().close().close()
	return g.out.put(id, f)
}

// questions are what the platform could not infer and had to ask.
var questions = []string{"team", "port", "health", "start"}

// asked tells that the platform asked a person something before a release.
func (g *generator) asked(s *service, t ms, who *member) {
	what := questions[s.dice.IntN(len(questions))]
	if g.out.put("", fact{at: t, source: sourcePlatform, kind: typeQuestion, subject: "service/" + s.name, actor: who.person.principal(), team: s.team.nameAt(t),
		service: s.name, capability: "deploy", question: what, surface: "cli"}) {
		g.book.questions = append(g.book.questions, moment{at: t, team: s.team, path: true, what: what, service: s.name})
	}
}

// refused tells that a gate refused a release.
func (g *generator) refused(s *service, t ms, who *member) {
	gates := []string{"quota/memory", "policy/no-latest-tag", "policy/owner-confirmed"}
	gate := gates[s.dice.IntN(len(gates))]
	data := object("{").text("title", "refused by "+gate).text("surface", "cli").key("verdicts")
	data = append(object(append(data, '[', '{')).text("gate", gate).text("outcome", "deny").close(), ']', '}')
	if g.out.put("", fact{at: t, source: sourcePlatform, kind: typeRefused, subject: "service/" + s.name, actor: who.person.principal(), team: s.team.nameAt(t),
		service: s.name, capability: "deploy", gate: gate, data: data}) {
		g.book.refusals = append(g.book.refusals, moment{at: t, team: s.team, path: true, what: gate, service: s.name})
	}
}
