package measure

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Org is the organisation that measures are about, as it stands now: what the
// numbers of the ledger are the names of, and what belongs together.
type Org struct {
	Teams []*Team // by name
	// Production holds the numbers of the environments whose deployments count.
	Production map[int64]bool
	// Services and CapabilityNames are the names behind the ledger's numbers.
	Services        map[int64]string
	CapabilityNames map[int64]string
	Capabilities    []*Capability // by name
	// Kinds are the kinds of use by their numbers.
	Kinds map[int64]UseKind
	// Types are the numbers of the types of events.
	Types map[string]int64
	// Insiders are the numbers of the people who run the platform: left out of every
	// number about its customers.
	Insiders map[int64]bool
	// Names are those of a dimension that there are beside the names of what is
	// here: what is declared and has nothing yet, what a team was called before,
	// what only events have named. A scope may be narrowed to them.
	Names map[Dimension][]string

	byID map[int64]*Team
}

// Team is a team of the organisation, or one that was.
type Team struct {
	Name          string
	Segment, Wave string
	Platform      bool // it runs the platform: left out of every number about its customers
	// IDs are its numbers in the ledger, with those of the names it had before.
	IDs []int64
	// Since and Until are the days on which it came and went; Until 0 is still here.
	Since, Until int64
	// Members is how many people are in it.
	Members int
}

// There reports whether the team existed on any day of [from, to).
func (t *Team) There(from, to int64) bool { return t.Since < to && (t.Until == 0 || t.Until > from) }

// Capability is something that the platform offers.
type Capability struct {
	Name string
	ID   int64 // its number in the ledger; 0 when no event has named it
	// Offered reports whether a team could use it at the end of a day, or now if that
	// is still to come: it is meant for the team's segment, it is there already, and
	// the team has no exception from it then.
	Offered func(team *Team, day int64) bool
}

// UseKind is a kind of use: which event told of it, of what, through which door.
type UseKind struct {
	ID                        int64
	Type, Capability, Surface string
	// CapabilityID is the number of the capability.
	CapabilityID int64
	// Qualifies says that it counts as adoption: the capability is one that is
	// declared, and its condition holds.
	Qualifies bool
}

// Index makes the lookups; call it once all teams are in.
func (o *Org) Index() {
	o.byID = map[int64]*Team{}
	for _, t := range o.Teams {
		for _, id := range t.IDs {
			o.byID[id] = t
		}
	}
}

// known gives the names that a scope can be narrowed to in a dimension: every one
// that a group of an answer may have, and those of Names.
func (o *Org) known(d Dimension) map[string]bool {
	known := map[string]bool{Nobody: true}
	for _, name := range o.Names[d] {
		known[name] = true
	}
	for _, t := range o.Teams {
		switch d {
		case ByTeam:
			known[t.Name] = true
		case BySegment:
			known[t.Segment] = true
		case ByWave:
			known[t.Wave] = true
		case ByService, ByCapability, ByPath:
		}
	}
	switch d {
	case ByService:
		for id, name := range o.Services {
			known[name], known["#"+strconv.FormatInt(id, 10)] = true, true
		}
	case ByCapability:
		for _, name := range o.CapabilityNames {
			known[name] = true
		}
		for _, c := range o.Capabilities {
			known[c.Name] = true
		}
	case ByPath:
		known[OnPath], known[OffPath] = true, true
	case ByTeam, BySegment, ByWave:
	}
	delete(known, "")
	return known
}

// admits refuses a scope that is narrowed to what there is not: "no data" would
// say that it is there.
func (o *Org) admits(s Scope) error {
	for _, d := range Dimensions() {
		if len(s.Only[d]) == 0 {
			continue
		}
		known := o.known(d)
		for _, name := range s.Only[d] {
			if known[name] {
				continue
			}
			maps.DeleteFunc(known, func(name string, _ bool) bool { return name == Nobody || strings.HasPrefix(name, "#") })
			told := problem.New(problem.NotFound, "there is no %s %q", d, name)
			if len(known) > 0 {
				told.Because(object.Suggest(name, slices.Sorted(maps.Keys(known))))
			}
			return told
		}
	}
	return nil
}

// TeamOf gives the team behind a number of the ledger, under whatever name it
// had then; nil when it is none that the catalog knows.
func (o *Org) TeamOf(id int64) *Team { return o.team(id) }

func (o *Org) team(id int64) *Team {
	if id == 0 {
		return nil
	}
	return o.byID[id]
}
