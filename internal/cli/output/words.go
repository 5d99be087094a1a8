package output

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Ago gives the time since t as "5s", "3m", "2h" or "9d".
func Ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return ""
	case d < 0:
		return t.Local().Format("2006-01-02 15:04")
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + "m"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d.Hours())) + "h"
	}
	return strconv.Itoa(int(d.Hours()/24)) + "d"
}

// Day gives a day that is known only as such, by its midnight in UTC: "today",
// or its date. An age would pretend to know the hour.
func Day(day, now time.Time) string {
	switch date := day.UTC().Format(time.DateOnly); {
	case day.IsZero():
		return ""
	case date == now.UTC().Format(time.DateOnly):
		return "today"
	default:
		return date
	}
}

// Clock tells when a line was printed: the time alone for today's, with the date
// for others.
func Clock(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return at.Format("15:04:05.000")
	}
	return at.Format("2006-01-02 15:04:05.000")
}

// Count gives "1 event" and "3 events".
func Count[N int | int64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Seconds gives a duration in milliseconds as "300 ms" or "1.9 s".
func Seconds(ms int64) string {
	if ms < 1000 {
		return fmt.Sprintf("%d ms", ms)
	}
	return fmt.Sprintf("%.1f s", float64(ms)/1000)
}

// Text shows a decoded JSON value in a cell of a table: times as ages.
func Text(v any, now time.Time) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		if t, err := time.Parse(time.RFC3339, v); err == nil {
			return Ago(t, now)
		}
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		if v {
			return "yes"
		}
		return ""
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = Text(v[i], now)
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(v)
}
