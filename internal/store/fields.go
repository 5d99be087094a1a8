package store

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/stoa-platform/stoa/internal/store/words"
)

// kindsSeen are the kinds whose fields this process knows to be recorded in
// object_kinds.
type kindsSeen struct{ sync.Map }

// recordKinds notes of each kind that is written for the first time which of its
// fields are indexed, so that a later Stoa can tell when that list has changed.
func (tx *Tx) recordKinds(ctx context.Context, revisions []revision) error {
	recorded := map[string]bool{}
	for _, r := range revisions {
		kind := r.doc.Kind
		if _, seen := tx.store.kinds.Load(kind); seen || recorded[kind] {
			continue
		}
		recorded[kind] = true
		_, err := tx.sql.ExecContext(ctx, "INSERT INTO object_kinds (kind, fields) VALUES ($1, $2) ON CONFLICT DO NOTHING", kind, tx.store.fieldList(kind))
		if err != nil {
			return err
		}
		tx.AfterCommit(func() { tx.store.kinds.Store(kind, true) })
	}
	return nil
}

// allKinds lists the kinds that there are or were objects of.
func (s *Store) allKinds(ctx context.Context, db queryer) ([]string, error) {
	rows, err := db.QueryContext(ctx, "SELECT kind FROM object_kinds ORDER BY kind")
	if err != nil {
		return nil, s.translate(err)
	}
	defer rows.Close()
	var kinds []string
	for rows.Next() {
		var kind string
		if err := rows.Scan(&kind); err != nil {
			return nil, err
		}
		kinds = append(kinds, kind)
	}
	return kinds, s.translate(rows.Err())
}

func (s *Store) fieldList(kind string) string { return strings.Join(s.fields(kind), " ") }

// refreshFields brings object_fields up to the fields that the kinds list now.
// Kinds change with releases of Stoa, so nearly always there is nothing to do.
func (s *Store) refreshFields(ctx context.Context) error {
	rows, err := s.reader.QueryContext(ctx, "SELECT kind, fields FROM object_kinds")
	if err != nil {
		return s.translate(err)
	}
	defer rows.Close()
	var stale []string
	for rows.Next() {
		var kind, fields string
		if err := rows.Scan(&kind, &fields); err != nil {
			return s.translate(err)
		}
		if fields != s.fieldList(kind) {
			stale = append(stale, kind)
		}
		s.kinds.Store(kind, true)
	}
	if err := rows.Err(); err != nil {
		return s.translate(err)
	}
	for _, kind := range stale {
		s.logger.InfoContext(ctx, "indexing fields anew", "kind", kind, "fields", s.fieldList(kind))
		err := s.Write(ctx, "system/store", func(ctx context.Context, tx *Tx) error { return tx.refreshFields(ctx, kind) })
		if err != nil {
			return fmt.Errorf("index fields of %s: %w", kind, err)
		}
	}
	return nil
}

// refreshFields fills object_fields anew for all objects of a kind.
func (tx *Tx) refreshFields(ctx context.Context, kind string) error {
	if err := tx.Lock(ctx, "fields of "+kind); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM object_fields WHERE kind = $1", kind); err != nil {
		return err
	}
	paths := tx.store.fields(kind)
	const batch = 500 // documents in memory at once
	for after := int64(0); len(paths) > 0; {
		last, rows, err := tx.fieldRows(ctx, kind, paths, after, batch)
		if err != nil {
			return err
		}
		if err := tx.run(ctx, insertFields, rows); err != nil {
			return tx.store.translate(err)
		}
		if after = last; after == 0 {
			break
		}
	}
	_, err := tx.Exec(ctx, "UPDATE object_kinds SET fields = $1 WHERE kind = $2", tx.store.fieldList(kind), kind)
	return err
}

// fieldRows makes the rows of object_fields for the objects after a uid, and
// gives the last uid it read, 0 when there was none.
func (tx *Tx) fieldRows(ctx context.Context, kind string, paths []string, after int64, limit int) (last int64, fields [][]any, err error) {
	rows, err := tx.Query(ctx, "SELECT uid, doc FROM objects WHERE kind = $1 AND uid > $2 ORDER BY uid LIMIT $3", kind, after, limit)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var doc []byte
		if err := rows.Scan(&last, &doc); err != nil {
			return 0, nil, err
		}
		for key, value := range fieldTexts(doc, paths) {
			fields = append(fields, []any{kind, fieldPath(key), words.Indexed(value), last})
		}
	}
	return last, fields, rows.Err()
}
