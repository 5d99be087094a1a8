package simulate

import (
	"slices"
	"time"
)

const ticketsAre = "100 times the tickets opened in the window (questions, faults, access; not requests for features) over the months of its active people: days of the window since the first of all, each with the people who were active in the 30 days that it lies in, counted back from the window's end, over 30."

// incidentMeasures are about incidents in production.
func (b *book) incidentMeasures() []asks {
	cuts, all := b.pathCuts(), b.windows()
	counted := func(is func(*incident) bool) func(window, cut) answer {
		return func(w window, c cut) answer {
			n := 0
			b.eachIncident(w, c, func(i *incident) {
				if is(i) {
					n++
				}
			})
			return number(n)
		}
	}
	mttr := func(w window, c cut) answer {
		var lives []life
		b.eachIncident(w, c, func(i *incident) { lives = append(lives, life{min(i.resolved, b.end) - i.at, i.resolved < b.end}) })
		return survived(lives)
	}
	return []asks{
		{"incidents", "incidents", "Incidents in production that began in the window. On the path are those of which the deployment that is to blame, else the last one of the service before, was by the platform.", cuts, all, counted(func(*incident) bool { return true })},
		{"unattributed-incidents", "incidents", "Incidents that no deployment is to blame for: none is named, and none lies within the 24 hours before.", cuts, all, counted(func(i *incident) bool { return !i.caused })},
		{"incidents-open", "incidents", "Incidents that began in the window and have no end before the end of the simulated time.", cuts, all, counted(func(i *incident) bool { return i.resolved >= never })},
		{"mttr", "seconds", "From the beginning of an incident in the window to its end, whatever caused it. " + openAre, cuts, all, mttr},
	}
}

func (b *book) eachIncident(w window, c cut, visit func(*incident)) {
	for i := range b.incidents {
		if one := &b.incidents[i]; w.has(one.at) && c.has(one.service.team, one.path) {
			visit(one)
		}
	}
}

// supportMeasures are about tickets and requests.
func (b *book) supportMeasures() []asks {
	teams, all := b.teamCuts(), b.windows()
	cuts := cutsAbout(slices.Clone(teams), "capability", "logs", "deploy")
	measures := []asks{
		{"tickets-opened", "tickets", "Tickets opened in the window: questions, faults, access.", cuts, all, func(w window, c cut) answer { return number(b.opened(w, c, "")) }},
		{"tickets-open", "tickets", "Tickets opened before the end of the window, whenever, and not closed by then: questions, faults, access.", cuts, all, func(w window, c cut) answer {
			return number(b.count(c, func(t ticket) bool { return t.at < w.to && t.closed >= w.to }))
		}},
		{"tickets-per-100-users", "tickets", ticketsAre, teams, all, func(w window, c cut) answer { return b.ticketsPer100(w, c, "") }},
		{"tickets-per-100-daily-users", "tickets", "100 times the tickets opened in the window (questions, faults, access; not requests for features) over dau, times 30 over its days since the first of all.", teams, all,
			func(w window, c cut) answer {
				daily := b.dailyUsers(w, c)
				if daily.value == 0 {
					return answer{}
				}
				return answer{100 * float64(b.opened(w, c, "")) / daily.value * b.toldIn(w).months(), daily.n, true}
			}},
		{"ticket-resolution-time", "seconds", "From the opening of a ticket in the window to its end. " + openAre, cuts, all, func(w window, c cut) answer {
			var lives []life
			for _, t := range b.tickets {
				if w.has(t.at) && c.team(t.member.team) && c.isAbout(t.capability) {
					lives = append(lives, life{min(t.closed, b.end) - t.at, t.closed < b.end})
				}
			}
			return survived(lives)
		}},
		{"feature-requests", "people in 30 days", "Distinct people who requested a feature in a month (calendar month, UTC, as far as it lies in the window), of all months, times 30 over its days since the first of all.", teams, all, func(w window, c cut) answer {
			n := 0
			for _, m := range monthsOf(w) {
				n += len(b.requesters(m, c))
			}
			return answer{float64(n) * b.toldIn(w).months(), n, true}
		}},
		{"tickets-of-teams", "tickets", ofTeams, b.pathCuts()[len(teams):], all, b.ticketsOfTeams},
	}
	for _, k := range ticketKinds {
		only := []cut{{name: "kind=" + k.kind, team: everyTeam}}
		measures = append(measures, asks{"tickets-by-kind", "tickets", "Tickets opened in the window, by what they are about.", only, all, func(w window, c cut) answer {
			return number(b.opened(w, c, k.kind))
		}})
	}
	for _, k := range ticketKinds {
		only := []cut{{name: "kind=" + k.kind, team: everyTeam}}
		measures = append(measures,
			asks{"tickets-per-100-users-by-kind", "tickets", ticketsAre, only, all, func(w window, c cut) answer { return b.ticketsPer100(w, c, k.kind) }})
	}
	for _, q := range questions {
		only := []cut{{name: "question=" + q, team: everyTeam}}
		measures = append(measures, asks{"questions-by-question", "questions", "Questions that the platform asked, by question.", only, all, func(w window, c cut) answer { return b.moments(b.questions, w, c, q) }})
	}
	return measures
}

func (b *book) opened(w window, c cut, kind string) int {
	return b.count(c, func(t ticket) bool { return w.has(t.at) && (kind == "" || t.kind == kind) })
}

// count counts the tickets of a cut that are so.
func (b *book) count(c cut, is func(ticket) bool) (n int) {
	for _, t := range b.tickets {
		if c.team(t.member.team) && c.isAbout(t.capability) && is(t) {
			n++
		}
	}
	return n
}

func (b *book) ticketsPer100(w window, c cut, kind string) answer {
	months := b.personMonths(w, c)
	if months == 0 {
		return answer{}
	}
	return answer{100 * float64(b.opened(w, c, kind)) / months, b.present(w, c), true}
}

// personMonths adds up, day by day since the first ticket or request of all, who was
// active in the 30 days of the day.
func (b *book) personMonths(w window, c cut) float64 {
	sum, until, active, since := 0, never, 0, b.toldIn(w).from
	for d := w.to - day; d >= since; d -= day {
		if end := w.to - (w.to-day-d)/(30*day)*30*day; end != until {
			until, active = end, b.present(b.lastDays(window{to: end}, 30), c)
		}
		sum += active
	}
	return float64(sum) / 30
}

const ofTeams = "Tickets opened (questions, faults, access) of the teams that are on the path, or off it, in a month (calendar month, UTC, as far as it lies in the window): by which most of their deployments " +
	"to production in the month went. Over the daily users of these teams in the months, each month for 30 days. Tickets are drawn for days of use, and know nothing of the path: " +
	"within a month the true difference of the two sides is 0."

// ticketsOfTeams are those for 100 users of the teams that a cut's path is the usual
// one of, month by month.
func (b *book) ticketsOfTeams(w window, c cut) answer {
	tickets, exposure, n := 0, 0.0, 0
	for _, month := range monthsOf(w) {
		more := map[*team]int{} // deployments on the path, over those off it
		b.each(month, cut{team: c.team}, func(d *deployment) {
			if d.path {
				more[d.service.team]++
			} else {
				more[d.service.team]--
			}
		})
		for _, of := range b.teams {
			if more[of] == 0 || more[of] > 0 != *c.path {
				continue
			}
			one := cut{team: func(t *team) bool { return t == of }}
			daily := b.dailyUsers(month, one)
			if daily.value == 0 {
				continue
			}
			n++
			tickets += b.opened(month, one, "")
			exposure += daily.value / month.months()
		}
	}
	if n == 0 {
		return answer{}
	}
	return answer{100 * float64(tickets) / exposure, n, true}
}

// toldIn is a window from the day on, UTC, on which the first ticket or request of all
// was told of.
func (b *book) toldIn(w window) window {
	first := b.end
	for _, t := range b.tickets {
		first = min(first, t.at)
	}
	for _, r := range b.requests {
		first = min(first, r.at)
	}
	w.from = min(max(w.from, at(first.time().Truncate(24*time.Hour))), w.to-day)
	return w
}

// months makes a count in the window one in 30 days.
func (w window) months() float64 { return float64(30*day) / float64(w.to-w.from) }

// requesters are the people who requested a feature.
func (b *book) requesters(w window, c cut) map[*person]bool {
	who := map[*person]bool{}
	for _, r := range b.requests {
		if w.has(r.at) && c.team(r.member.team) {
			who[r.member.person] = true
		}
	}
	return who
}
