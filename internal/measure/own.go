package measure

// apart reports whether a team is left out because it runs the platform. A scope that
// is narrowed to it, or to its services, asks for it.
func (v *View) apart(team *Team) bool {
	return team != nil && team.Platform && v.only[ByTeam] == nil && v.only[ByService] == nil
}

// Own gives the bucket of a cell that the scope leaves out for no other reason
// than that its team runs the platform: a number without them says how many
// they are. Of a cut there are none, which names the groups that it is of.
func (v *View) Own(c Cell) (Key, bool) {
	if v.By != "" || c.Day < v.From || c.Day >= v.To {
		return Key{}, false
	}
	return Key{Everything, v.BucketOf(c.Day)}, v.OwnTeam(c)
}

// OwnTeam is Own without a time and a cut.
func (v *View) OwnTeam(c Cell) bool {
	team := v.Org.team(c.Team)
	return v.apart(team) && v.passes(c, team)
}

// Apart are the names of the teams that the scope leaves out because they run the
// platform.
func (v *View) Apart() []string {
	var names []string
	for _, t := range v.Org.Teams {
		if v.apart(t) {
			names = append(names, t.Name)
		}
	}
	return names
}

// Insider reports whether a number about people leaves somebody out who acted for a
// team, for running the platform. What such a person does for a team that runs it is
// in the numbers of that team.
func (v *View) Insider(actor, team int64) bool {
	of := v.Org.team(team)
	return v.Org.Insiders[actor] && (of == nil || !of.Platform)
}

// alone reports that there is no team but those that run the platform, which the
// scope leaves out: who runs a platform is not who has adopted it.
func (v *View) alone() bool {
	for _, t := range v.Org.Teams {
		if !v.apart(t) {
			return false
		}
	}
	return len(v.Org.Teams) > 0
}
