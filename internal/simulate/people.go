package simulate

import "github.com/stoa-platform/stoa/internal/simulate/naming"

// persona is what somebody does for a living; it shows in what they use.
type persona int

const (
	developer persona = iota
	dataEngineer
	quality
	operations
)

var personas = []string{"developer", "data", "qa", "operations"}

// person is somebody with an account.
type person struct {
	index   int
	name    string
	office  int
	persona persona
	hired   int // date of the first day at work; before the start for most
	left    int // date from which on they are gone
	away    [][2]int
	early   ms    // how long after the office opens they come
	habits  []int // what they use, by weight, in the order of habitual
	members []*member
	dice    dice

	requested ms // when they last asked for a feature
}

// member is a person in a team. A person may be in two.
type member struct {
	id     int
	person *person
	team   *team
	begins ms // when they first try the platform, if their team has access by then
}

func (p *person) principal() string { return "user/" + p.name }

func (p *person) employed(date int) bool { return date >= p.hired && date < p.left }

// works reports whether the person is at work on a date that is a working day
// of their office.
func (p *person) works(date int) bool {
	if !p.employed(date) {
		return false
	}
	for _, a := range p.away {
		if date >= a[0] && date < a[1] {
			return false
		}
	}
	return true
}

// requestsApart is how long a person waits before they ask for another
// feature: requests of a month are then by distinct people.
const requestsApart = 61 * day

// addPeople fills a team. The first one leads it and stays.
func (w *world) addPeople(t *team, d dice) {
	size := 4 + d.IntN(6)
	for i := range size {
		p := &person{
			index: len(w.people), name: naming.Person(len(w.people)), office: t.office, hired: -margin, left: w.calendar.days + margin,
			dice: newDice(w.options.Seed, "person", len(w.people)), requested: -never,
		}
		if d.chance(0.2) {
			p.office = d.pick(officeWeights())
		}
		weights := []int{70, 0, 15, 15}
		if t.segment.Name == "data" {
			weights = []int{15, 70, 0, 15}
		}
		p.persona = persona(d.pick(weights))
		p.early = p.dice.between(0, 90*minute) / minute * minute
		years := float64(w.options.Months) / 12
		if i == 0 {
			p.persona = developer
		} else {
			if d.chance(w.model.HiringPerYear * years) {
				p.hired = d.IntN(w.calendar.days)
			}
			if d.chance(w.model.LeavingPerYear * years) {
				p.left = p.hired + 1 + d.IntN(w.calendar.days)
			}
		}
		p.habits = w.habitsOf(p)
		w.vacations(p)
		w.people = append(w.people, p)
		w.join(p, t)
	}
}

// vacations spreads a person's days off over blocks of one to three weeks.
func (w *world) vacations(p *person) {
	left := int(w.model.DaysOff * float64(w.calendar.days) / 365)
	for left > 0 {
		weeks := min(1+p.dice.IntN(3), (left+4)/5)
		from := p.dice.IntN(w.calendar.days)
		p.away = append(p.away, [2]int{from, from + 7*weeks})
		left -= 5 * weeks
	}
}

func (w *world) join(p *person, t *team) {
	m := &member{id: len(w.members), person: p, team: t}
	w.members = append(w.members, m)
	p.members = append(p.members, m)
	t.members = append(t.members, m)
}

func officeWeights() []int {
	weights := make([]int, len(offices))
	for i, o := range offices {
		weights[i] = o.weight
	}
	return weights
}
