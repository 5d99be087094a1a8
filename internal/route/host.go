package route

import (
	"net"
	"slices"
	"strings"
)

// name gives "service.environment" from a request's host, in lower case; false
// if the host is under none of the domains or does not name both.
func name(host string, domains []string) (string, bool) {
	if strings.HasSuffix(host, "]") || strings.Count(host, ":") == 1 || strings.HasPrefix(host, "[") {
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, domain := range domains {
		rest, ok := strings.CutSuffix(host, domain)
		if !ok {
			continue
		}
		if rest, ok = strings.CutSuffix(rest, "."); !ok {
			continue
		}
		if i := strings.IndexByte(rest, '.'); i > 0 && i < len(rest)-1 {
			return rest, true
		}
	}
	return "", false
}

// nearest gives up to n of the names that resemble the asked one most, those
// with the same service or environment first; nothing that is wholly different.
func nearest(asked string, names []string, n int) []string {
	type candidate struct {
		name     string
		distance int
	}
	asked = asked[:min(len(asked), 128)]
	service, environment, _ := strings.Cut(asked, ".")
	var found []candidate
	for _, other := range names {
		s, e, _ := strings.Cut(other, ".")
		ds := distance(service, s)
		if ds > 1+len(service)/3 && !(len(service) > 2 && strings.Contains(s, service)) {
			continue
		}
		found = append(found, candidate{other, 4*ds + distance(environment, e)})
	}
	slices.SortFunc(found, func(a, b candidate) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(a.name, b.name)
	})
	out := make([]string, 0, n)
	for _, c := range found[:min(n, len(found))] {
		out = append(out, c.name)
	}
	return out
}

// distance is Levenshtein's: the least number of inserted, deleted and
// replaced bytes between the two.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
