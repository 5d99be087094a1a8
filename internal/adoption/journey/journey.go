// Package journey says what newcomers come to and where they stop, of everybody and
// by persona, without telling of few people. It is given what each did, and reads
// nothing.
package journey

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/measure/stat"
)

// Fewest is how many people a number about people stands for at least; smaller
// ones are not shown, so that nobody is told by them.
const Fewest = 5

// Journey is the way of the newcomers of one persona, or of Everybody: without those
// of personas of whom so few are not shown that the difference would tell of them.
type Journey struct {
	Persona Persona `json:"persona"`
	// People is how many of the persona were active in the scope's time, Newcomers
	// how many of them had never been before it; nil for fewer than Fewest.
	People    *int `json:"people"`
	Newcomers *int `json:"newcomers"`
	// Stops are the capabilities that newcomers came to, in the order of how many
	// did; empty when there are too few newcomers.
	Stops []Stop `json:"stops"`
	// Left is how many newcomers were not seen in the last 30 days of the time; nil
	// where that would tell of fewer than Fewest people.
	Left *int `json:"left"`
	// Ends say after what they left, and add up to Left; empty when nobody did, or no
	// part of the way is enough to be shown apart.
	Ends []End `json:"ends"`
}

// End is a part of the way: how many used one of some capabilities as the last thing
// that was new to them before they were not seen for 30 days.
type End struct {
	After  []string `json:"after"`  // in the order of how many newcomers came to them
	Others bool     `json:"others"` // after others too, that fewer than Fewest came to
	People int      `json:"people"` // none, or Fewest at least
}

// Stop is a capability on the way.
type Stop struct {
	Capability string `json:"capability"`
	// Reached is how many newcomers used it, nil for all but fewer than Fewest; Share
	// which part of them, without a value then.
	Reached *int             `json:"reached"`
	Share   measure.Estimate `json:"share"`
	// Days is the median number of days from a newcomer's first day until this one.
	Days measure.Estimate `json:"days"`
}

// Of gives the journeys of everybody and of each persona; none when there is nobody.
// Those who began since the day from are newcomers, end is the day after the last one
// that is known.
func Of(people map[Persona][]*Traveller, from, end int64) []Journey {
	var parties []party
	for _, persona := range Personas() {
		if of := people[persona]; len(of) > 0 {
			parties = append(parties, newParty(persona, of, from))
		}
	}
	return tell(parties, end)
}

// tell makes the journeys of everybody and of each party.
func tell(parties []party, end int64) []Journey {
	if len(parties) == 0 {
		return []Journey{}
	}
	everybody := everybodyOf(parties)
	all := []Journey{everybody.journey(end)}
	for _, p := range parties {
		all = append(all, p.journey(end))
	}
	hideRests(all, everybody, parties)
	tellEnds(all, everybody, parties, end)
	return all
}

// Traveller is what one person did.
type Traveller struct {
	// First is the first day of each capability, Last the last day of anything.
	First map[string]int64
	Last  int64
	// Tells are the days of the scope, a bit each, on which something told of a
	// persona; one who was not active in it has none.
	Tells map[Tell]int64
}

// Tell is what the days of a month told.
type Tell struct {
	Month   int64 // as the summary of use counts them
	Persona Persona
}

// Persona is what they most likely are; not active are those who did nothing in the
// scope.
func (t *Traveller) Persona() (p Persona, active bool) {
	return likeliest(t.days()), len(t.Tells) > 0
}

// days counts on how many days something told of each persona.
func (t *Traveller) days() map[Persona]int {
	all := map[Persona]int{}
	for of, days := range t.Tells {
		all[of.Persona] += bits.OnesCount64(uint64(days))
	}
	return all
}

// began is the first day.
func (t *Traveller) began() int64 { return slices.Min(slices.Collect(maps.Values(t.First))) }

// newest is the capability that was new last; of several the first by name.
func (t *Traveller) newest() string {
	best := ""
	for _, c := range slices.Sorted(maps.Keys(t.First)) {
		if best == "" || t.First[c] > t.First[best] {
			best = c
		}
	}
	return best
}

// party are the people of a persona.
type party struct {
	persona   Persona
	people    int
	newcomers []*Traveller
	reached   map[string]int // newcomers by capability
}

// newParty sorts out who of some people began since a day.
func newParty(persona Persona, people []*Traveller, from int64) party {
	p := party{persona: persona, people: len(people)}
	for _, t := range people {
		if t.began() >= from {
			p.newcomers = append(p.newcomers, t)
		}
	}
	p.reached = reachedBy(p.newcomers)
	return p
}

func reachedBy(newcomers []*Traveller) map[string]int {
	reached := map[string]int{}
	for _, t := range newcomers {
		for c := range t.First {
			reached[c]++
		}
	}
	return reached
}

// everybodyOf are all people, but for those of personas with fewer than Fewest where
// these are fewer together as well: everybody less the personas that are shown would
// be a number of them.
func everybodyOf(parties []party) party {
	all := party{persona: Everybody}
	var few int
	var fewNew []*Traveller
	for _, p := range parties {
		if p.people < Fewest {
			few += p.people
		} else {
			all.people += p.people
		}
		if len(p.newcomers) < Fewest {
			fewNew = append(fewNew, p.newcomers...)
		} else {
			all.newcomers = append(all.newcomers, p.newcomers...)
		}
	}
	if few >= Fewest {
		all.people += few
	}
	if len(fewNew) >= Fewest {
		all.newcomers = append(all.newcomers, fewNew...)
	}
	all.reached = reachedBy(all.newcomers)
	return all
}

// journey says what the newcomers of a party come to; end is the day after the last
// one that is known.
func (p party) journey(end int64) Journey {
	j := Journey{Persona: p.persona, People: enough(p.people), Newcomers: enough(len(p.newcomers)), Stops: []Stop{}, Ends: []End{}}
	n := len(p.newcomers)
	if n < Fewest {
		return j
	}
	for _, c := range p.way() {
		stop := Stop{Capability: c, Reached: part(p.reached[c], n)}
		stop.Share = notShared(n)
		if share, ok := stat.Proportion(p.reached[c], n); ok && stop.Reached != nil {
			stop.Share = measure.Of(share.Value, int64(n)).Within(share.Interval)
		}
		var waits []stat.Wait
		for _, t := range p.newcomers {
			if day, ok := t.First[c]; ok {
				waits = append(waits, stat.Wait{Duration: float64(day - t.began()), Event: true})
			} else {
				waits = append(waits, stat.Wait{Duration: float64(max(0, end-t.began()))})
			}
		}
		stop.Days = measure.Estimate{N: int64(n), Note: "fewer than half came to it"}
		if curve, ok := stat.KaplanMeier(waits); ok {
			if median, _ := curve.Median(); median.Reached {
				stop.Days = measure.Of(median.Time, int64(n)).Within(median.Interval)
			}
		}
		j.Stops = append(j.Stops, stop)
	}
	return j
}

// notShared is a share that would tell of too few people.
func notShared(n int) measure.Estimate {
	return measure.Estimate{N: int64(n), Note: fmt.Sprintf("all but fewer than %d", Fewest)}
}

// way are the capabilities that Fewest newcomers came to at least, in the order of
// how many did.
func (p party) way() []string {
	var way []string
	for c, k := range p.reached {
		if k >= Fewest {
			way = append(way, c)
		}
	}
	slices.SortFunc(way, func(a, b string) int { return cmp.Or(cmp.Compare(p.reached[b], p.reached[a]), cmp.Compare(a, b)) })
	return way
}
