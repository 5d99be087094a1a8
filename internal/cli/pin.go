package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/witness"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// pinEvery is how long a pinned checkpoint is good enough for an ordinary
// command; what is about the ledger itself always asks.
const pinEvery = time.Minute

// checkPin demands that the platform's ledger goes on from what was seen of it
// last: history that was rewritten and signed anew is found out by anyone who
// used the platform before.
//
// Who holds the platform's own data folder is its administrator: a pin would
// guard them against themselves, and stand in the way of starting afresh.
func (c *Command) checkPin(ctx context.Context, cl *client.Client) error {
	if data, err := config.DataDir(); err == nil && cl.Server() == c.host.Endpoint(data) {
		return nil
	}
	pin, err := witness.Pin(cl.Server())
	if err != nil {
		return nil // no home to remember in
	}
	if info, err := os.Stat(pin.Path); err == nil && time.Since(info.ModTime()) < pinEvery {
		return nil
	}
	return c.checkPinNow(ctx, cl, pin)
}

func (c *Command) checkPinNow(ctx context.Context, cl *client.Client, pin event.Pin) error {
	_, err := pin.Check(ctx, witness.Of{Client: cl})
	var fork *event.ForkError
	if errors.As(err, &fork) {
		return problem.New(problem.Failed, "the ledger of %s is not the one that was seen here before", cl.Server()).
			Because(fork.Error()).
			Do("keep "+pin.Path+": it holds the signed checkpoint that proves it", "if another platform was set up at this address: rm "+pin.Path).Cause(err)
	}
	// A platform that is not reached, or does not know us, will tell by itself.
	if problem.Is(err, problem.Unavailable) || problem.Is(err, problem.Unauthenticated) {
		return nil
	}
	return err
}
