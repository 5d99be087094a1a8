package store

import (
	"context"
	"errors"

	"github.com/stoa-platform/stoa/internal/event"
)

// appendEvents writes the transaction's events under the lock of the ledger's head.
func (tx *Tx) appendEvents(context.Context, []event.Event) error {
	return errors.New("append events: the ledger is not built yet")
}

// pseudonym gives the name under which a principal stands in history and ledger.
func (tx *Tx) pseudonym(_ context.Context, principal string) (string, error) { return principal, nil }
