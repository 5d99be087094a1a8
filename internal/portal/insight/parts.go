package insight

import (
	"context"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/measure"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// chips are the filters of a page: one row for each dimension that has anything
// to choose. Of the dimensions that only others lead to, such as a team, what is
// chosen can be left again.
func chips(at string, s measure.Scope, org *measure.Org) []page.Chips {
	var all []page.Chips
	for _, d := range []struct {
		by    measure.Dimension
		label string
		names []string
	}{
		{measure.BySegment, "Segment", namesOf(org, func(t *measure.Team) string { return t.Segment })},
		{measure.ByWave, "Wave", namesOf(org, func(t *measure.Team) string { return t.Wave })},
		{measure.ByPath, "Golden path", nil}, {measure.ByCapability, "Capability", nil},
		{measure.ByTeam, "Team", nil}, {measure.ByService, "Service", nil},
	} {
		chosen := s.Only[d.by]
		names := d.names
		for _, name := range chosen {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			continue
		}
		row := page.Chips{Label: d.label, All: []page.Choice{{Label: "all", Href: address(at, only(s, d.by)), Active: len(chosen) == 0}}}
		for _, name := range names {
			row.All = append(row.All, page.Choice{Label: groupName(d.by, name), Href: address(at, only(s, d.by, name)), Active: slices.Contains(chosen, name)})
		}
		all = append(all, row)
	}
	return all
}

func namesOf(org *measure.Org, of func(*measure.Team) string) []string {
	names := map[string]bool{}
	for _, t := range org.Teams {
		if name := of(t); name != "" && !t.Platform {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// only narrows a scope to names of a dimension; without any it is not narrowed there.
func only(s measure.Scope, by measure.Dimension, names ...string) measure.Scope {
	s.Only = maps.Clone(s.Only)
	if s.Only == nil {
		s.Only = map[measure.Dimension][]string{}
	}
	delete(s.Only, by)
	if len(names) > 0 {
		s.Only[by] = names
	}
	return s
}

// during is the scope of a point of a series.
func during(s measure.Scope, p measure.Point) url.Values {
	s.By, s.Step = "", measure.Whole
	q := s.Query()
	q.Set("from", p.From)
	q.Set("to", p.To)
	return q
}

// address is a page over a scope; at may have parameters of its own.
func address(at string, s measure.Scope, pairs ...string) string {
	q := s.Query()
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if strings.Contains(at, "?") {
		return at + "&" + q.Encode()
	}
	return at + "?" + q.Encode()
}

// groupName writes a group for people.
func groupName(by measure.Dimension, name string) string {
	switch {
	case by == measure.ByPath && name == measure.OnPath:
		return "on the path"
	case by == measure.ByPath && name == measure.OffPath:
		return "off the path"
	case name == measure.Nobody:
		return "no " + string(by)
	}
	return name
}

// flags write a scope for the command line, its time by how many days it has:
// an end is shown as the last day, and --to is the day after it.
func flags(s measure.Scope) string {
	q := s.Query()
	words := []string{"--from", q.Get("from"), "--days", strconv.FormatInt(s.Days(), 10)}
	for _, d := range measure.Dimensions() {
		if v := q.Get(string(d)); v != "" {
			words = append(words, "--"+string(d), quoted(v))
		}
	}
	return strings.Join(words, " ")
}

func quoted(word string) string {
	if strings.ContainsAny(word, " \t\n\"'`$&|;<>()*?[]#~=%!{}\\") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// estimated is an estimate as a cell of a table.
func estimated(u measure.Unit, e measure.Estimate, href string) page.Cell {
	if e.Value == nil {
		c := page.NoData("")
		if e.Interval != nil && (e.Interval.Low > 0 || !math.IsInf(e.Interval.High, 0)) { // over 0 says nothing
			c.Text, c.Sub = u.Between(*e.Interval), "n\u00a0"+page.Count(e.N)
		}
		return c
	}
	c := page.Cell{Text: u.Format(*e.Value), Href: href, Raw: *e.Value, Sub: "n\u00a0" + page.Count(e.N)}
	if e.Interval != nil {
		if between := u.Between(*e.Interval); between != "" {
			c.Sub = unbroken(between) + " · " + c.Sub
		}
	}
	return c
}

// unbroken keeps numbers on one line with their units.
func unbroken(interval string) string {
	return strings.NewReplacer(" to ", " to ", " ", "\u00a0").Replace(interval)
}

// into keeps what is computed where a page has its place.
func into[T any](place *T, compute func(ctx context.Context) (T, error)) func(ctx context.Context) error {
	return func(ctx context.Context) (err error) {
		*place, err = compute(ctx)
		return err
	}
}
