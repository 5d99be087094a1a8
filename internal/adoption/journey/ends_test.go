package journey

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// lives are newcomers of one persona who ended at a step, and as many as stayed.
type lives struct {
	persona Persona
	ended   map[string]int
	stayed  int
}

const (
	lastDay = int64(300) // who was seen then stayed
	longAgo = int64(10)
)

// partiesOf lets people come to steps in their order, up to that at which they end.
func partiesOf(steps []string, all []lives) []party {
	var parties []party
	for _, l := range all {
		var people []*Traveller
		add := func(end int, last int64) {
			t := &Traveller{First: map[string]int64{}, Last: last}
			for n, step := range steps[:end+1] {
				t.First[step] = int64(n)
			}
			people = append(people, t)
		}
		for n, step := range steps {
			for range l.ended[step] {
				add(n, longAgo)
			}
		}
		for range l.stayed {
			add(len(steps)-1, lastDay)
		}
		if len(people) > 0 {
			parties = append(parties, newParty(l.persona, people, 0))
		}
	}
	return parties
}

func TestEndsAreMergedUntilTheyMayBeShown(t *testing.T) {
	steps := []string{"a", "b", "c", "d"}
	for name, c := range map[string]struct {
		lives []lives
		want  string
	}{
		"each is enough":            {[]lives{{Developer, map[string]int{"a": 5, "b": 6, "d": 7}, 20}}, "all 18 [5 a, 6 b, 0 c, 7 d]; developer 18 [5 a, 6 b, 0 c, 7 d]"},
		"two are enough together":   {[]lives{{Developer, map[string]int{"a": 3, "b": 2, "c": 9}, 20}}, "all 14 [5 a b, 9 c, 0 d]; developer 14 [5 a b, 9 c, 0 d]"},
		"the rest goes with others": {[]lives{{Developer, map[string]int{"a": 6, "b": 6, "d": 1}, 20}}, "all 13 [6 a, 7 b c d]; developer 13 [6 a, 7 b c d]"},
		"only all together":         {[]lives{{Developer, map[string]int{"a": 2, "d": 3}, 20}}, "all 5 []; developer 5 []"},
		"too few":                   {[]lives{{Developer, map[string]int{"a": 4}, 20}}, "all - []; developer - []"},
		"all but few":               {[]lives{{Developer, map[string]int{"a": 9}, 4}}, "all - []; developer - []"},
		"nobody":                    {[]lives{{Developer, nil, 9}}, "all 0 []; developer 0 []"},
		// Of all twelve who stopped, the eight developers would leave four of QA.
		"the difference is of few": {[]lives{{QA, map[string]int{"a": 4}, 9}, {Developer, map[string]int{"a": 8}, 9}}, "all 12 [12 a, 0 b, 0 c, 0 d]; qa - []; developer - []"},
		"so is that of a step": {[]lives{{QA, map[string]int{"a": 2, "b": 5}, 9}, {Developer, map[string]int{"a": 8, "b": 9}, 9}},
			"all 24 [10 a, 14 b, 0 c, 0 d]; qa 7 [7 a b, 0 c, 0 d]; developer 17 [17 a b, 0 c, 0 d]"},
		"a persona of few people is left out": {[]lives{{QA, map[string]int{"a": 3}, 1}, {Developer, map[string]int{"a": 6, "b": 6}, 9}}, "all 12 [6 a, 6 b, 0 c, 0 d]; qa - []; developer 12 [6 a, 6 b, 0 c, 0 d]"},
	} {
		var got string
		for n, j := range tell(partiesOf(steps, c.lives), lastDay+1) {
			if n > 0 {
				got += "; "
			}
			got += string(j.Persona) + " "
			if j.Left == nil {
				got += "-"
			} else {
				got += fmt.Sprint(*j.Left)
			}
			var ends []string
			for _, e := range j.Ends {
				text := fmt.Sprint(e.People)
				for _, step := range e.After {
					text += " " + step
				}
				if e.Others {
					text += " others"
				}
				ends = append(ends, text)
			}
			got += " ["
			for k, e := range ends {
				if k > 0 {
					got += ", "
				}
				got += e
			}
			got += "]"
		}
		if got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

// Of whatever is shown, and whoever subtracts what from what, no number of one to
// four people follows: of no personas, at no steps.
func TestNoFewPeopleFollowFromJourneys(t *testing.T) {
	steps := []string{"a", "b", "c"}
	shown := 0
	rapid.Check(t, func(t *rapid.T) {
		var all []lives
		for _, persona := range Personas()[:4] {
			l := lives{persona, map[string]int{}, rapid.SampledFrom([]int{0, 1, 4, 7, 20}).Draw(t, "stayed")}
			for _, step := range steps {
				l.ended[step] = rapid.SampledFrom([]int{0, 0, 1, 2, 3, 4, 5, 6, 9, 14}).Draw(t, "ended")
			}
			all = append(all, l)
		}
		parties := partiesOf(steps, all)
		journeys := tell(parties, lastDay+1)
		// A cell is those of a persona who ended at a step, or stayed.
		width := len(steps) + 1
		cells := make([]int, len(parties)*width)
		for p, of := range parties {
			l := all[slices.IndexFunc(all, func(l lives) bool { return l.persona == of.persona })]
			for c, step := range steps {
				cells[p*width+c] = l.ended[step]
			}
			cells[p*width+width-1] = l.stayed
		}
		known := &span{}
		know := func(personas, columns []int, people int) {
			row := make([]float64, len(cells))
			for _, p := range personas {
				for _, c := range columns {
					row[p*width+c] = 1
					if people == 0 { // nobody in all of them is nobody in each
						one := make([]float64, len(cells))
						one[p*width+c] = 1
						known.add(one)
					}
				}
			}
			known.add(row)
		}
		for n, j := range journeys {
			personas := []int{n - 1}
			if n == 0 {
				personas = nil
				few := 0
				for _, p := range parties {
					if len(p.newcomers) < Fewest {
						few += len(p.newcomers)
					}
				}
				for k, p := range parties {
					if len(p.newcomers) >= Fewest || few >= Fewest {
						personas = append(personas, k)
					}
				}
			}
			if j.Newcomers != nil {
				know(personas, []int{0, 1, 2, 3}, *j.Newcomers)
			}
			if j.Left != nil {
				know(personas, []int{0, 1, 2}, *j.Left)
			}
			next := 0 // blocks follow each other, and what has no name is last
			for k, e := range j.Ends {
				shown++
				var columns []int
				for sum := 0; next < len(steps) && (len(columns) < len(e.After) || k == len(j.Ends)-1 || sum < e.People); next++ {
					columns = append(columns, next)
					for _, p := range personas {
						sum += cells[p*width+next]
					}
				}
				know(personas, columns, e.People)
			}
		}
		for personas := 1; personas < 1<<len(parties); personas++ {
			for columns := 1; columns < 1<<width; columns++ {
				row, people := make([]float64, len(cells)), 0
				for p := range parties {
					for c := range width {
						if personas>>p&1 == 1 && columns>>c&1 == 1 {
							row[p*width+c], people = 1, people+cells[p*width+c]
						}
					}
				}
				if few(people) && known.has(row) {
					t.Fatalf("%d people follow, of personas %b at %b of %v, from %+v", people, personas, columns, steps, journeys)
				}
			}
		}
	})
	if shown == 0 {
		t.Error("nothing was shown")
	}
}

// span is what follows from sums that are known: rows of which each has a one where
// the others have nothing.
type span struct{ rows [][]float64 }

func (s *span) reduce(row []float64) []float64 {
	row = slices.Clone(row)
	for _, of := range s.rows {
		lead := slices.IndexFunc(of, func(v float64) bool { return v != 0 })
		if by := row[lead]; by != 0 {
			for i := range row {
				row[i] -= by * of[i]
				if row[i] > -1e-9 && row[i] < 1e-9 {
					row[i] = 0
				}
			}
		}
	}
	return row
}

func (s *span) has(row []float64) bool {
	return !slices.ContainsFunc(s.reduce(row), func(v float64) bool { return v != 0 })
}

func (s *span) add(row []float64) {
	row = s.reduce(row)
	lead := slices.IndexFunc(row, func(v float64) bool { return v != 0 })
	if lead < 0 {
		return
	}
	by := row[lead]
	for i := range row {
		row[i] /= by
	}
	for _, of := range s.rows {
		if by := of[lead]; by != 0 {
			for i := range of {
				of[i] -= by * row[i]
			}
		}
	}
	s.rows = append(s.rows, row)
}
