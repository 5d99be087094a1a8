package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
)

// TypeRefused tells how many requests to a webhook were not its sender's.
const TypeRefused = "dev.stoa.webhook.refused"

// refusals are the requests to one webhook that were refused since the last
// flush. Whoever forges them can make neither the ledger grow nor the database
// work: they are told once a minute.
type refusals struct {
	Count   int64            `json:"count"`
	Since   time.Time        `json:"since"`
	Until   time.Time        `json:"until"`
	Reasons map[string]int64 `json:"reasons"`
}

func (r *Receiver) refuse(name, why string) {
	now := r.Clock().UTC()
	r.mu.Lock()
	defer r.mu.Unlock()
	of := r.refused[name]
	if of == nil {
		of = &refusals{Since: now, Reasons: map[string]int64{}}
		r.refused[name] = of
	}
	of.Count++
	of.Until = now
	of.Reasons[why]++
}

// Run tells of refusals once a minute until ctx ends, and a last time then.
func (r *Receiver) Run(ctx context.Context) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			if err := r.Flush(last); err != nil {
				r.Logger.WarnContext(last, "refused requests of webhooks are not told", "error", err)
			}
			return
		case <-ticker.C:
			if err := r.Flush(ctx); err != nil && ctx.Err() == nil {
				r.Logger.WarnContext(ctx, "refused requests of webhooks could not be told, they are kept for the next try", "error", err)
			}
		}
	}
}

// Flush tells the ledger of the requests that were refused, in one event for
// each webhook. What cannot be told is kept.
func (r *Receiver) Flush(ctx context.Context) error {
	r.mu.Lock()
	told := r.refused
	r.refused = map[string]*refusals{}
	r.mu.Unlock()
	if len(told) == 0 {
		return nil
	}
	var events []event.Event
	for _, name := range slices.Sorted(maps.Keys(told)) {
		data, err := json.Marshal(told[name])
		if err != nil {
			return fmt.Errorf("encode refusals of webhook %s: %w", name, err)
		}
		events = append(events, event.Event{Source: "/stoa/webhook", Type: TypeRefused, Subject: "webhook/" + name, Time: told[name].Until, Data: data})
	}
	if _, err := r.Ledger.AppendEvents(ctx, "stoa/webhook", events, nil); err != nil {
		r.keep(told)
		return fmt.Errorf("tell of refused requests: %w", err)
	}
	return nil
}

// keep takes back what could not be told.
func (r *Receiver) keep(told map[string]*refusals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, before := range told {
		if since := r.refused[name]; since != nil {
			before.Count += since.Count
			before.Until = since.Until
			for why, n := range since.Reasons {
				before.Reasons[why] += n
			}
		}
		r.refused[name] = before
	}
}
