// Package holiday knows on which days offices of some countries are closed.
package holiday

import "time"

// A rule gives the date of one holiday in a year.
type rule struct {
	month   time.Month
	day     int          // of the month; with n set it is not read
	weekday time.Weekday // with n: the n-th such weekday of the month, from its end if negative
	n       int
	easter  bool // day counts from Easter Sunday
}

func fixed(m time.Month, day int) rule             { return rule{month: m, day: day} }
func nth(n int, w time.Weekday, m time.Month) rule { return rule{month: m, weekday: w, n: n} }
func easter(day int) rule                          { return rule{easter: true, day: day} }
func (r rule) is(date time.Time, sunday time.Time) bool {
	switch {
	case r.easter:
		return date.Equal(sunday.AddDate(0, 0, r.day))
	case date.Month() != r.month:
		return false
	case r.n > 0:
		return date.Weekday() == r.weekday && (date.Day()-1)/7 == r.n-1
	case r.n < 0:
		return date.Weekday() == r.weekday && date.AddDate(0, 0, 7).Month() != r.month
	}
	return date.Day() == r.day
}

// holidays are the days on which offices of a country are closed: the national
// ones that fall on the same date or weekday every year, or follow Easter.
var holidays = map[string][]rule{
	"AU": {fixed(time.January, 1), fixed(time.January, 26), easter(-2), easter(1), fixed(time.April, 25), fixed(time.December, 25), fixed(time.December, 26)},
	"BR": {fixed(time.January, 1), easter(-48), easter(-47), easter(-2), fixed(time.April, 21), fixed(time.May, 1), easter(60), fixed(time.September, 7),
		fixed(time.October, 12), fixed(time.November, 2), fixed(time.November, 15), fixed(time.December, 25)},
	"DE": {fixed(time.January, 1), easter(-2), easter(1), fixed(time.May, 1), easter(39), easter(50), fixed(time.October, 3), fixed(time.December, 25), fixed(time.December, 26)},
	"GB": {fixed(time.January, 1), easter(-2), easter(1), nth(1, time.Monday, time.May), nth(-1, time.Monday, time.May), nth(-1, time.Monday, time.August),
		fixed(time.December, 25), fixed(time.December, 26)},
	"IN": {fixed(time.January, 26), fixed(time.May, 1), fixed(time.August, 15), fixed(time.October, 2), fixed(time.December, 25)},
	"US": {fixed(time.January, 1), nth(3, time.Monday, time.January), nth(3, time.Monday, time.February), nth(-1, time.Monday, time.May), fixed(time.June, 19),
		fixed(time.July, 4), nth(1, time.Monday, time.September), nth(4, time.Thursday, time.November), fixed(time.December, 25)},
}

// On reports whether the offices of a country ("DE", "US") are closed on a date, given
// as its midnight in UTC, that is no weekend. Of other countries nothing is known.
func On(country string, date time.Time) bool {
	sunday := easterSunday(date.Year())
	for _, r := range holidays[country] {
		if r.is(date, sunday) {
			return true
		}
	}
	return false
}

// easterSunday is the Gregorian Easter by the anonymous algorithm that Meeus
// gives in "Astronomical Algorithms", chapter 8.
func easterSunday(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
