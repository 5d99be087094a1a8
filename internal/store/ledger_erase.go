package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Persons gives the principals behind pseudonyms, for display. A person who was
// erased, or never was, is left out; names that are none of pseudonyms stand for
// themselves.
func (s *Store) Persons(ctx context.Context, pseudonyms ...string) (map[string]string, error) {
	names := make(map[string]string, len(pseudonyms))
	var hidden []string
	for _, p := range pseudonyms {
		switch {
		case strings.HasPrefix(p, pseudonymPrefix):
			hidden = append(hidden, p)
		case p != "":
			names[p] = p
		}
	}
	slices.Sort(hidden)
	err := s.dialect.byName(slices.Compact(hidden), pseudonymPrefix, func(compared string, args []any) error {
		rows, err := s.reader.QueryContext(ctx, "SELECT pseudonym, principal FROM persons WHERE pseudonym > $1 AND pseudonym "+compared, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var pseudonym, principal string
			if err := rows.Scan(&pseudonym, &principal); err != nil {
				return err
			}
			names[pseudonym] = principal
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("resolve pseudonyms: %w", s.translate(err))
	}
	return names, nil
}

// Pseudonym gives the name under which a principal stands in history and
// ledger, "" when it never acted.
func (s *Store) Pseudonym(ctx context.Context, principal string) (string, error) {
	if readable(principal) {
		return principal, nil
	}
	var pseudonym string
	err := s.reader.QueryRowContext(ctx, "SELECT pseudonym FROM persons WHERE principal = $1", principal).Scan(&pseudonym)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return pseudonym, s.translate(err)
}

// ErasePerson forgets, on behalf of by, who stood behind a pseudonym: the name
// goes, with the payloads of the events that name the person, and the sources
// bound to it belong to nobody. What the pseudonym did stays, and every proof
// holds. In objects and their history, as traces say, the pseudonym takes the
// person's place. It returns problem.NotFound when nothing is kept about the
// principal, and problem.Conflict while the object that is the person is there.
func (s *Store) ErasePerson(ctx context.Context, by, principal string, traces Traces) error {
	return s.Write(ctx, by, func(ctx context.Context, tx *Tx) error {
		versions, err := tx.eraseOwn(ctx, traces.Own)
		if err != nil {
			return err
		}
		var pseudonym string
		err = tx.QueryRow(ctx, "SELECT pseudonym FROM persons WHERE principal = $1", principal).Scan(&pseudonym)
		if errors.Is(err, sql.ErrNoRows) {
			if versions == 0 {
				return problem.New(problem.NotFound, "nothing is kept about %s", principal)
			}
			pseudonym, err = tx.pseudonym(ctx, principal)
		}
		if err != nil {
			return err
		}
		if err := (renaming{traces, principal, pseudonym}).everywhere(ctx, tx); err != nil {
			return err
		}
		seqs, err := tx.numbers(ctx, "SELECT seq FROM event_person WHERE pseudonym = $1 ORDER BY seq", pseudonym)
		if err != nil {
			return err
		}
		if err := tx.erasePayloads(ctx, seqs); err != nil {
			return err
		}
		if err := tx.releaseSources(ctx, pseudonym); err != nil {
			return err
		}
		for _, query := range []string{"DELETE FROM event_person WHERE pseudonym = $1", "DELETE FROM persons WHERE pseudonym = $1"} {
			if _, err := tx.Exec(ctx, query, pseudonym); err != nil {
				return err
			}
		}
		// Who erased themselves must not come back by the name they erased.
		if tx.by == principal {
			tx.by, tx.actor = ledgerPrincipal, ledgerPrincipal
		}
		tx.Append(event.Event{Source: event.LedgerSource, Type: event.TypePersonErased, Subject: event.PersonPrefix + pseudonym})
		tx.AfterCommit(tx.store.ledger.persons.clear)
		return nil
	})
}

// ErasePayload erases the payloads of events, on behalf of by. What the ledger
// says of itself cannot be erased: that is problem.Invalid.
func (s *Store) ErasePayload(ctx context.Context, by string, seqs ...int64) error {
	return s.Write(ctx, by, func(ctx context.Context, tx *Tx) error {
		for _, seq := range seqs {
			rec, err := tx.storedEvent(ctx, seq)
			if errors.Is(err, sql.ErrNoRows) {
				return problem.New(problem.NotFound, "no event %d", seq)
			}
			if err != nil {
				return err
			}
			if event.KeptForProof(rec.Event) {
				return problem.New(problem.Invalid, "event %d is the ledger's own record and cannot be erased", seq)
			}
		}
		return tx.erasePayloads(ctx, slices.Sorted(slices.Values(seqs)))
	})
}

// erasePayloads deletes the payloads that are still there and records it, so
// that a verifier can tell an erased payload from a lost one.
func (tx *Tx) erasePayloads(ctx context.Context, seqs []int64) error {
	var ranges [][2]int64
	for _, seq := range slices.Compact(seqs) {
		result, err := tx.Exec(ctx, "DELETE FROM event_payload WHERE seq = $1", seq)
		if err != nil {
			return fmt.Errorf("erase payload of event %d: %w", seq, err)
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			continue
		}
		if last := len(ranges) - 1; last >= 0 && ranges[last][1] == seq-1 {
			ranges[last][1] = seq
		} else {
			ranges = append(ranges, [2]int64{seq, seq})
		}
	}
	const perEvent = 10_000
	for part := range slices.Chunk(ranges, perEvent) {
		data, err := json.Marshal(event.ErasedPayloads{Ranges: part})
		if err != nil {
			return err
		}
		tx.Append(event.Event{Source: event.LedgerSource, Type: event.TypePayloadErased, Data: data})
	}
	return nil
}

// releaseSources unbinds what a pseudonym spoke for.
func (tx *Tx) releaseSources(ctx context.Context, pseudonym string) error {
	rows, err := tx.Query(ctx, "SELECT source FROM sources WHERE owner = $1 ORDER BY source", pseudonym)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var source string
		if err := rows.Scan(&source); err != nil {
			return err
		}
		data, err := json.Marshal(event.SourceBinding{Source: source, Owner: pseudonym})
		if err != nil {
			return err
		}
		tx.Append(event.Event{Source: event.LedgerSource, Type: event.TypeSourceReleased, Data: data})
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows.Close()
	_, err = tx.Exec(ctx, "DELETE FROM sources WHERE owner = $1", pseudonym)
	return err
}

func (tx *Tx) numbers(ctx context.Context, query string, args ...any) ([]int64, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []int64
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
