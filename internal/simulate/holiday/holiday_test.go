package holiday

import (
	"testing"
	"time"
)

// The dates that governments published.
func TestHolidays(t *testing.T) {
	for _, c := range []struct {
		country, date string
		closed        bool
	}{
		{"DE", "2026-04-03", true}, {"DE", "2026-04-06", true}, {"DE", "2026-05-14", true}, {"DE", "2026-05-25", true}, {"DE", "2026-07-03", false},
		{"GB", "2026-05-04", true}, {"GB", "2026-05-25", true}, {"GB", "2026-08-31", true}, {"GB", "2026-08-24", false}, {"GB", "2025-04-21", true},
		{"US", "2026-01-19", true}, {"US", "2026-02-16", true}, {"US", "2026-05-25", true}, {"US", "2026-09-07", true}, {"US", "2026-11-26", true}, {"US", "2026-11-19", false},
		{"BR", "2026-02-17", true}, {"BR", "2026-06-04", true}, {"BR", "2026-04-21", true}, {"BR", "2026-12-24", false},
		{"AU", "2026-01-26", true}, {"AU", "2024-04-25", true}, {"IN", "2026-10-02", true}, {"IN", "2026-10-05", false},
	} {
		date, err := time.Parse(time.DateOnly, c.date)
		if err != nil {
			t.Fatal(err)
		}
		if got := On(c.country, date); got != c.closed {
			t.Errorf("%s on %s: closed %v, want %v", c.country, c.date, got, c.closed)
		}
	}
	for year, date := range map[int]string{1961: "1961-04-02", 2000: "2000-04-23", 2024: "2024-03-31", 2025: "2025-04-20", 2038: "2038-04-25"} {
		if got := easterSunday(year).Format(time.DateOnly); got != date {
			t.Errorf("Easter of %d is %s, want %s", year, got, date)
		}
	}
}
