package object

import (
	"cmp"
	"slices"
	"strings"
)

// nearest gives the known words most like word, best first, at most three and
// none that a person could not have meant.
func nearest(word string, known []string) []string {
	type scored struct {
		word     string
		distance int
	}
	var found []scored
	lower := strings.ToLower(word)
	if len(lower) > 2*MaxName {
		return nil
	}
	for _, k := range known {
		candidate := strings.ToLower(k)
		distance := editDistance(lower, candidate)
		switch {
		case distance <= 1+min(len(lower), len(candidate))/4:
			found = append(found, scored{k, distance})
		case len(lower) >= 3 && (strings.HasPrefix(candidate, lower) || strings.HasPrefix(lower, candidate) && len(candidate) >= 3):
			found = append(found, scored{k, len(candidate) + len(lower)})
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), strings.Compare(a.word, b.word))
	})
	var words []string
	for _, f := range found[:min(3, len(found))] {
		words = append(words, f.word)
	}
	return words
}

// editDistance counts insertions, deletions, substitutions and exchanges of
// neighbours (optimal string alignment).
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Meant asks for the words nearest to word in half a sentence, "" if there is none
// that a person could have meant.
func Meant(word string, known []string) string {
	if near := nearest(word, known); len(near) > 0 {
		return "did you mean " + strings.Join(near, ", ") + "?"
	}
	return ""
}

// Suggest turns the words nearest to word into a half sentence, or, when there
// is none, lists what is known.
func Suggest(word string, known []string) string {
	if meant := Meant(word, known); meant != "" {
		return meant
	}
	const most = 12
	sorted := slices.Sorted(slices.Values(known))
	if len(sorted) == 0 {
		return "nothing may stand here"
	}
	if len(sorted) > most {
		return "known are " + strings.Join(sorted[:most], ", ") + " …"
	}
	return "known are " + strings.Join(sorted, ", ")
}
