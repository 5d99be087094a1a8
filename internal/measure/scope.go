package measure

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// UsualDays is the time that is looked at when none is said.
const UsualDays = 30

// ParseScope reads a scope as addresses write it: from and to as days
// ("2026-11-01", half-open) or days as a number of them up to now, by, step,
// and any dimension with the names to keep, separated by commas. What is not
// said is the last days, usual of them, today included.
//
// It returns problem.Invalid, which names the field.
func ParseScope(q url.Values, usual int, now time.Time) (Scope, error) {
	today := Day(now)
	s := Scope{To: today + 1, By: Dimension(q.Get("by")), Step: Step(q.Get("step")), Only: map[Dimension][]string{}}
	days := int64(usual)
	if text := q.Get("days"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || n > maxDays {
			return s, wrong("days", "%q is no number of days from 1 to %d", text, maxDays)
		}
		days = n
	}
	if text := q.Get("to"); text != "" {
		day, err := parseDay("to", text)
		if err != nil {
			return s, err
		}
		s.To = day
	}
	s.From = s.To - days
	if text := q.Get("from"); text != "" {
		day, err := parseDay("from", text)
		if err != nil {
			return s, err
		}
		if s.From = day; q.Get("days") != "" && q.Get("to") == "" {
			s.To = day + days
		}
	}
	if s.To <= s.From {
		return s, wrong("to", "the time from %s to %s is empty: its first day must be before its end", dateText(s.From), dateText(s.To))
	}
	if s.By != "" && !slices.Contains(Dimensions(), s.By) {
		return s, wrong("by", "%q is no dimension: write one of %s", s.By, names(Dimensions()))
	}
	if !slices.Contains([]Step{Whole, Daily, Weekly, Monthly}, s.Step) {
		return s, wrong("step", "%q is no step: write day, week or month", s.Step)
	}
	for _, d := range Dimensions() {
		if text := q.Get(string(d)); text != "" {
			s.Only[d] = strings.Split(text, ",")
		}
	}
	return s, nil
}

func parseDay(field, text string) (int64, error) {
	t, err := time.Parse("2006-01-02", text)
	if err != nil || t.Year() < 1970 || t.Year() > 9000 {
		return 0, wrong(field, "%q is no day: write it as 2026-11-01", text)
	}
	return Day(t), nil
}

func wrong(field, format string, args ...any) *problem.Problem {
	return problem.New(problem.Invalid, "the time or the cut cannot be understood").
		WithFields(problem.Field{Path: field, Message: fmt.Sprintf(format, args...)})
}

func names(all []Dimension) string {
	words := make([]string, len(all))
	for i, d := range all {
		words[i] = string(d)
	}
	return strings.Join(words, ", ")
}

// Query writes the scope as ParseScope reads it.
func (s Scope) Query() url.Values {
	q := url.Values{"from": {dateText(s.From)}, "to": {dateText(s.To)}}
	if s.By != "" {
		q.Set("by", string(s.By))
	}
	if s.Step != Whole {
		q.Set("step", string(s.Step))
	}
	for d, names := range s.Only {
		q.Set(string(d), strings.Join(names, ","))
	}
	return q
}
