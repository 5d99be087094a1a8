// Package retry paces what is done again and again while it fails, and tells how it fares.
package retry

import (
	"context"
	"log/slog"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Pace is how one thing fares that is done again and again.
type Pace struct {
	Logger *slog.Logger
	// Failed is logged with each new failure, Again when it succeeds after one.
	Failed, Again string
	// First is the wait after a failure that follows a success. Each further one
	// doubles it up to Longest.
	First, Longest time.Duration

	wait time.Duration
	told string
}

// away bounds the wait while a database does not answer: when it is back nobody
// shall wait long for what then comes.
const away = 15 * time.Second

// Next notes how an attempt ended and gives the wait until the next one, 0 after a
// success. The same failure is logged once.
func (p *Pace) Next(ctx context.Context, err error) time.Duration {
	if err == nil {
		if p.told != "" {
			p.Logger.InfoContext(ctx, p.Again)
		}
		p.wait, p.told = 0, ""
		return 0
	}
	if err.Error() != p.told {
		p.Logger.ErrorContext(ctx, p.Failed, "error", err)
	}
	longest := p.Longest
	if problem.Is(err, problem.Unavailable) {
		longest = min(longest, away)
	}
	p.wait, p.told = min(max(p.First, 2*p.wait), longest), err.Error()
	return p.wait
}
