package dora

import (
	"cmp"
	"slices"

	"github.com/stoa-platform/stoa/internal/measure"
)

// aliveFor is how many days after a deployment a service is taken to be there still:
// nobody tells when one is given up. It is one of a quarter.
const aliveFor = 90

// presence is which services were deployed when, and in which group of a view. A
// service is there from a deployment until the next, at most aliveFor days; the one
// that was deployed last says in which group. So what a day has follows from what
// was before it alone, whatever the time that is looked at.
type presence map[string]*served

// served is a service's deployments, in any order.
type served struct {
	stays   []stay
	touches []touch
}

// stay is a service in a group.
type stay struct {
	group   string
	outside bool  // of the view: a service that is there is not in any of its groups
	counted int64 // the days before are
}

type touch struct {
	at   int64
	stay int
}

// of gives what hears of a service's deployments in a group.
func (p presence) of(service, group string, outside bool) (s *served, stayed int) {
	s = p[service]
	if s == nil {
		s = &served{}
		p[service] = s
	}
	for i := range s.stays {
		if s.stays[i].group == group && s.stays[i].outside == outside {
			return s, i
		}
	}
	s.stays = append(s.stays, stay{group: group, outside: outside})
	return s, len(s.stays) - 1
}

// eachStay tells how many days of which bucket a service was in a group, in several
// parts. Nothing is said of days from until on, but for those of a deployment.
func (p presence) eachStay(v *measure.View, until int64, do func(service, group string, bucket int, days int64)) {
	buckets := v.Buckets()
	for service, s := range p {
		slices.SortFunc(s.touches, func(a, b touch) int { return cmp.Compare(a.at, b.at) })
		for i, t := range s.touches {
			stay := &s.stays[t.stay]
			if stay.outside {
				continue
			}
			day := measure.DayOf(t.at)
			end := min(day+aliveFor, until)
			if i+1 < len(s.touches) {
				end = min(end, measure.DayOf(s.touches[i+1].at))
			}
			end = min(max(end, day+1), v.To)
			for from := max(day, v.From, stay.counted); from < end; {
				b := v.BucketOf(from)
				to := min(end, buckets[b].To)
				do(service, stay.group, b, to-from)
				from, stay.counted = to, to
			}
		}
	}
}
