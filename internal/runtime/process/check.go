//go:build linux || darwin

package process

import (
	"context"
	"time"

	"github.com/stoa-platform/stoa/internal/runtime"
)

// checkLimit is the number of failed checks in a row that makes an instance
// unhealthy.
const checkLimit = 3

// check asks an instance that serves how it is, until the context ends. Where
// no health path was found it only connects: requests for "/" would fill the
// application's own log.
func (i *instance) check(ctx context.Context, s seen) {
	ask := prober{addrs: []string{s.addr}}
	byPath := s.path != "" && s.path != "/" && s.status < 400
	for failed := 0; wait(ctx, i.rt.opts.Check); {
		if i.answers(ctx, &ask, s.path, byPath) {
			failed = 0
			i.set(runtime.StateHealthy)
			continue
		}
		if failed++; failed >= checkLimit && ctx.Err() == nil {
			i.set(runtime.StateUnhealthy)
		}
	}
}

func (i *instance) answers(ctx context.Context, ask *prober, path string, byPath bool) bool {
	ctx, cancel := context.WithTimeout(ctx, min(i.rt.opts.Check, 5*time.Second))
	defer cancel()
	if byPath {
		a, err := ask.get(ctx, path)
		return err == nil && a.status < 400
	}
	conn, _, err := dialAny(ctx, ask.addrs)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}
