//go:build linux || darwin

package process

import (
	"cmp"
	"time"
)

// Backoff is the wait between the end of an instance and its next start:
// Min after the first end, doubled after each further one, at most Max. An
// instance that was healthy for Reset begins anew.
type Backoff struct {
	Min, Max, Reset time.Duration
}

// DefaultBackoff is gentle on a machine and quick enough after one accident.
var DefaultBackoff = Backoff{Min: time.Second, Max: time.Minute, Reset: time.Minute}

// launchBackoff is used until an instance was healthy for the first time: a
// person waits for the verdict.
var launchBackoff = Backoff{Min: 100 * time.Millisecond, Max: time.Second}

// crashLimit is the number of ends in a row that makes a crash loop.
const crashLimit = 3

func (b Backoff) withDefaults() Backoff {
	b.Min = cmp.Or(b.Min, DefaultBackoff.Min)
	b.Max = cmp.Or(b.Max, DefaultBackoff.Max)
	b.Reset = cmp.Or(b.Reset, DefaultBackoff.Reset)
	return b
}

// delay is the wait after the given number of ends in a row, from 1.
func (b Backoff) delay(ends int) time.Duration {
	d := b.Min
	for ; ends > 1 && d < b.Max; ends-- {
		d *= 2
	}
	return min(d, b.Max)
}
