package store

import (
	"math/rand/v2"
	"sync"
	"time"
)

// uidSource gives numbers that are unique for ever and grow with time, without
// asking the database: 41 bits of milliseconds since 2020, then 22 random bits.
// Two replicas meet only if they draw the same 22 bits in the same millisecond;
// the primary key then refuses one and its transaction runs again.
type uidSource struct {
	mu   sync.Mutex
	last int64
}

var uidEpoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// next gives the next uid at the time now. Within a process they always grow,
// also when the clock stands still or goes back.
func (u *uidSource) next(now time.Time) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	ms := max(0, now.Sub(uidEpoch).Milliseconds())
	u.last = max(u.last+1, ms<<22|rand.Int64N(1<<22))
	return u.last
}
