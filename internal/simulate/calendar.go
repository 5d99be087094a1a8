package simulate

import (
	"fmt"
	"time"
	_ "time/tzdata" // the same zones on every machine, also on one that has none

	"github.com/stoa-platform/stoa/internal/simulate/holiday"
)

// office is a place where people work.
type office struct {
	country string
	zone    string
	weight  int // how many of a hundred teams sit there
}

var offices = []office{
	{"DE", "Europe/Berlin", 30},
	{"GB", "Europe/London", 15},
	{"US", "America/New_York", 20},
	{"US", "America/Los_Angeles", 8},
	{"BR", "America/Sao_Paulo", 7},
	{"IN", "Asia/Kolkata", 15},
	{"AU", "Australia/Sydney", 5},
}

// Offices are open from 8:00 to 18:00; a person is there for eight and a half
// hours of them.
const (
	openingHour = 8
	openFor     = 10 * hour
	atWork      = 8*hour + 30*minute
)

// margin is how many dates before the start and after the end a calendar knows:
// a date in Sydney begins the day before in UTC, one in Los Angeles ends the
// day after.
const margin = 3

// calendar knows when each office is open. Dates are counted from that of the
// start.
type calendar struct {
	start ms
	days  int
	opens [][]ms // by office and date + margin: when it opens, 0 when it does not
}

func newCalendar(start time.Time, days int) (*calendar, error) {
	c := &calendar{start: at(start), days: days}
	for _, o := range offices {
		zone, err := time.LoadLocation(o.zone)
		if err != nil {
			return nil, fmt.Errorf("find time zone of an office: %w", err)
		}
		opens := make([]ms, days+2*margin)
		for i := range opens {
			date := start.AddDate(0, 0, i-margin)
			if w := date.Weekday(); w == time.Saturday || w == time.Sunday || holiday.On(o.country, date) {
				continue
			}
			opens[i] = at(time.Date(date.Year(), date.Month(), date.Day(), openingHour, 0, 0, 0, zone))
		}
		c.opens = append(c.opens, opens)
	}
	return c, nil
}

// opening is when an office opens on a date; 0 when it is closed.
func (c *calendar) opening(office, date int) ms {
	if i := date + margin; i >= 0 && i < len(c.opens[office]) {
		return c.opens[office][i]
	}
	return 0
}

// date is that of a time in UTC.
func (c *calendar) date(t ms) int {
	n := int((t - c.start) / day)
	if t < c.start && (t-c.start)%day != 0 {
		n--
	}
	return n
}

// working moves a time into the next hours in which an office is open, some
// time after it opens. It is never if the calendar ends before.
func (c *calendar) working(office int, t ms, d dice) ms {
	if t >= never {
		return never
	}
	later := d.between(0, 3*hour)
	for date := c.date(t) - 1; date < c.days+margin; date++ {
		switch opens := c.opening(office, date); {
		case opens == 0 || t >= opens+openFor:
		case t >= opens:
			return t
		default:
			return opens + later
		}
	}
	return never
}

// openAt reports whether an office is open.
func (c *calendar) openAt(office int, t ms) (date int, open bool) {
	for date := c.date(t) - 1; date <= c.date(t)+1; date++ {
		if opens := c.opening(office, date); opens != 0 && t >= opens && t < opens+openFor {
			return date, true
		}
	}
	return 0, false
}
