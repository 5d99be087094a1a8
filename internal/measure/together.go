package measure

import (
	"context"
	"fmt"
	"runtime/debug"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many readings of the summaries are made at the same time for one
// who asks.
const atOnce = 4

// Together does what does not wait for each other. The first error ends the rest;
// a panic is one.
func Together(ctx context.Context, do ...func(ctx context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, one := range do {
		group.Go(func() (err error) {
			defer func() { // outside of the request's own goroutine nothing else would catch it
				if p := recover(); p != nil {
					err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				}
			}()
			return one(ctx)
		})
	}
	return group.Wait()
}
