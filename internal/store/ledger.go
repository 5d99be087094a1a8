package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store/bulk"
)

// ledgerState is what a process keeps of the ledger besides the database.
type ledgerState struct {
	dims       nameCache
	names      dimNamesByID
	persons    personCache
	queue      appendQueue
	appended   event.Signal
	partitions atomic.Int64 // PostgreSQL: the partitions known to exist, counted from the first
}

// Appended returns a channel that closes when this process next commits events.
// Other replicas' events, which there can be on PostgreSQL, do not close it: look
// again every second or so there.
func (s *Store) Appended() <-chan struct{} { return s.ledger.appended.Wait() }

// ledgerTx adapts a transaction for package event.
type ledgerTx struct{ *Tx }

func (tx ledgerTx) Pseudonym(ctx context.Context, principal string) (string, error) {
	return tx.pseudonym(ctx, principal)
}

// appendEvents writes the transaction's events under the lock of the ledger's head.
func (tx *Tx) appendEvents(ctx context.Context, events []event.Event) error {
	entries, err := tx.prepareEvents(ctx, events)
	if err != nil {
		return fmt.Errorf("append events: %w", err)
	}
	_, err = tx.appendEntries(ctx, events, entries)
	return err
}

// appendEntries gives each event its sequence and writes it. The head's lock is
// held from here to the commit, so everything that can be done before is.
func (tx *Tx) appendEntries(ctx context.Context, events []event.Event, entries []event.Entry) ([]event.Outcome, error) {
	if len(events) == 0 {
		return nil, nil
	}
	head, err := tx.lockHead(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock ledger: %w", err)
	}
	// To look for events that are nearly always new costs as much as to insert
	// their keys, which finds those that are not as well.
	fresh, outcomes, err := sortOut(events, entries, head.seq, map[[16]byte]event.Record{})
	if err != nil {
		return nil, fmt.Errorf("append events: %w", err)
	}
	taken, err := tx.takeKeys(ctx, head.seq, fresh)
	if err == nil && !taken {
		if fresh, outcomes, err = tx.sortOutKnown(ctx, events, entries, head.seq); err == nil && len(fresh) == 0 {
			return outcomes, nil
		}
		if err == nil {
			taken, err = tx.takeKeys(ctx, head.seq, fresh)
		}
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("append events: %w", err)
	case !taken:
		return nil, fmt.Errorf("append events: a key of the %d after event %d is in the ledger already", len(fresh), head.seq)
	}
	if err := tx.insertEntries(ctx, head, fresh); err != nil {
		return nil, fmt.Errorf("append events: %w", err)
	}
	tx.AfterCommit(tx.store.ledger.appended.Notify)
	return outcomes, nil
}

// prepareEvents replaces principals by pseudonyms and makes the bytes that are hashed.
// An event without an actor is taken as the transaction's principal's own.
func (tx *Tx) prepareEvents(ctx context.Context, events []event.Event) ([]event.Entry, error) {
	poster, err := tx.actorName(ctx)
	if err != nil {
		return nil, err
	}
	// The cache hears of a new pseudonym at the commit only.
	found := map[string]string{}
	pseudonym := func(principal string) (string, error) {
		if p, ok := found[principal]; ok {
			return p, nil
		}
		p, err := tx.pseudonym(ctx, principal)
		found[principal] = p
		return p, err
	}
	entries := make([]event.Entry, len(events))
	for i, ev := range events {
		if ev.Type == "" || ev.Source == "" {
			return nil, fmt.Errorf("event %d has no type or no source (type %q, source %q)", i, ev.Type, ev.Source)
		}
		if ev.Actor == "" {
			ev.Actor = poster
		} else if ev.Actor, err = pseudonym(ev.Actor); err != nil {
			return nil, err
		}
		if strings.HasPrefix(ev.Subject, event.UserPrefix) && event.OwnSource(ev.Source) {
			who := ev.Subject
			p, err := pseudonym(who)
			if err != nil {
				return nil, err
			}
			ev.Subject = event.PersonPrefix + p
			if !slices.Contains(ev.Names, who) {
				ev.Names = append(slices.Clip(ev.Names), who)
			}
		}
		if len(ev.Names) > 0 {
			names := make([]string, len(ev.Names))
			for j, name := range ev.Names {
				if names[j], err = pseudonym(name); err != nil {
					return nil, err
				}
			}
			ev.Names = names
		}
		if entries[i], err = event.Prepare(ev, poster, tx.now); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

type ledgerHead struct{ seq, dims int64 }

func (tx *Tx) lockHead(ctx context.Context) (ledgerHead, error) {
	var head ledgerHead
	err := tx.QueryRow(ctx, "SELECT seq, dims FROM ledger_head WHERE one = 1"+tx.store.dialect.forUpdate).Scan(&head.seq, &head.dims)
	return head, err
}

// sortOutKnown is sortOut beside all events that are in the ledger.
func (tx *Tx) sortOutKnown(ctx context.Context, events []event.Event, entries []event.Entry, seq int64) ([]event.Entry, []event.Outcome, error) {
	var given [][]byte // ids that the ledger made itself are new
	for i := range entries {
		if events[i].ID != "" {
			given = append(given, entries[i].Key[:])
		}
	}
	known, err := tx.knownEvents(ctx, given)
	if err != nil {
		return nil, nil, err
	}
	return sortOut(events, entries, seq, known)
}

// sortOut tells new events from those that are known, or in this very batch,
// already. A new event under a known id becomes the record of a conflict.
func sortOut(events []event.Event, entries []event.Entry, seq int64, known map[[16]byte]event.Record) ([]event.Entry, []event.Outcome, error) {
	fresh := make([]event.Entry, 0, len(entries))
	outcomes := make([]event.Outcome, len(entries))
	for i := range entries {
		e := &entries[i]
		before, found := known[e.Key]
		switch {
		case !found:
			seq++
			fresh = append(fresh, *e)
			outcomes[i] = event.Outcome{Seq: seq, Status: event.Accepted}
			if events[i].ID != "" {
				known[e.Key] = event.Record{Seq: seq, Event: e.Event}
			}
		case e.Same(before), e.Retold(before):
			outcomes[i] = event.Outcome{Seq: before.Seq, Status: event.Duplicate}
		default:
			conflict, err := e.Conflict(before.Seq)
			if err != nil {
				return nil, nil, err
			}
			seq++
			fresh = append(fresh, conflict)
			outcomes[i] = event.Outcome{Seq: seq, Status: event.Conflict}
		}
	}
	return fresh, outcomes, nil
}

// insertEntries writes entries, whose keys are taken, with the sequences after head's.
func (tx *Tx) insertEntries(ctx context.Context, head ledgerHead, entries []event.Entry) error {
	n := len(entries)
	ids, err := tx.numberDims(ctx, &head, entries)
	if err != nil {
		return err
	}
	var numbers [10][]int64 // in the order of eventsTable's columns
	for c := range numbers {
		numbers[c] = make([]int64, n)
	}
	subjects, envelopes, hashes := make([]string, n), make([][]byte, n), make([][]byte, n)
	var payloadSeqs, personSeqs []int64
	var salts, bodies [][]byte
	var persons []string
	for i := range entries {
		e := &entries[i]
		head.seq++
		values := [10]int64{head.seq, e.At().UnixMicro(), e.Received.UnixMicro()}
		for d, name := range dimNames(e) {
			values[3+d] = ids[dimName{event.DimKind(d), name}]
		}
		for c, v := range values {
			numbers[c][i] = v
		}
		subjects[i], envelopes[i], hashes[i] = e.Subject, e.Envelope, []byte{}
		if e.Salt != nil {
			hashes[i] = e.PayloadHash[:]
			payloadSeqs, salts, bodies = append(payloadSeqs, head.seq), append(salts, e.Salt), append(bodies, e.Data)
		}
		for j, person := range e.Names {
			if strings.HasPrefix(person, pseudonymPrefix) && !slices.Contains(e.Names[:j], person) {
				persons, personSeqs = append(persons, person), append(personSeqs, head.seq)
			}
		}
	}
	columns := make(bulk.Columns, 0, 13)
	for _, c := range numbers {
		columns = append(columns, c)
	}
	columns = append(columns, subjects, envelopes, hashes)
	for _, insert := range []struct {
		what    bulk.Statement
		columns bulk.Columns
	}{
		{insertEvents, columns},
		{insertPayloads, bulk.Columns{payloadSeqs, salts, bodies}},
		{insertPersons, bulk.Columns{persons, personSeqs}},
	} {
		if err := tx.runRows(ctx, insert.what, insert.columns); err != nil {
			return fmt.Errorf("append events: %w", tx.store.translate(err))
		}
	}
	_, err = tx.Exec(ctx, "UPDATE ledger_head SET seq = $1, dims = $2 WHERE one = 1", head.seq, head.dims)
	return err
}
