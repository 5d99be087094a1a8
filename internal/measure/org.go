package measure

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
	// Offered reports whether a team could use it: it is meant for the team's
	// segment, it is there already, and the team has no exception from it.
	Offered func(*Team) bool
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

// alone reports that there is no team but the platform's own, which is counted in
// no measure: who runs a platform is not who has adopted it.
func (o *Org) alone() bool {
	for _, t := range o.Teams {
		if !t.Platform {
			return false
		}
	}
	return len(o.Teams) > 0
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
