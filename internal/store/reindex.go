package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/stoa-platform/stoa/internal/store/bulk"
	"github.com/stoa-platform/stoa/internal/store/words"
)

// reindexing is what the tables that objects are found by lose and gain.
type reindexing struct {
	labels, fields changes
	noText         []int64 // uids
	text           [][]any
}

// planReindex compares what objects were found by with what they are found by
// now; of most revisions that is little or nothing.
func planReindex(revisions []revision) reindexing {
	var plan reindexing
	for _, r := range revisions {
		uid, next := r.doc.UID, r.index
		if r.removed {
			next = index{}
		}
		plan.labels.add(r.was.labels, next.labels, func(k, v string) []any { return []any{k, words.Indexed(v), uid} })
		plan.fields.add(r.was.fields, next.fields, func(k, v string) []any { return []any{r.doc.Kind, fieldPath(k), words.Indexed(v), uid} })
		if r.was.text == next.text {
			continue
		}
		if r.was.text != "" {
			plan.noText = append(plan.noText, uid)
		}
		if next.text != "" {
			plan.text = append(plan.text, []any{uid, words.Tokens(next.kind, next.text)})
		}
	}
	// In the order of their keys rows are written faster, and locked by every
	// transaction alike.
	for _, rows := range [][][]any{plan.labels.gone, plan.labels.added, plan.fields.gone, plan.fields.added} {
		slices.SortFunc(rows, compareRows)
	}
	return plan
}

func (tx *Tx) reindex(ctx context.Context, plan reindexing) error {
	for _, step := range []struct {
		what bulk.Statement
		rows [][]any
	}{
		{deleteLabels, plan.labels.gone}, {insertLabels, plan.labels.added},
		{deleteFields, plan.fields.gone}, {insertFields, plan.fields.added},
	} {
		if err := tx.run(ctx, step.what, step.rows); err != nil {
			return err
		}
	}
	err := inChunks(tx.store.dialect.bulk.Sizes, plan.noText, func(chunk []int64) error {
		in, args := placeholders(chunk)
		_, err := tx.sql.ExecContext(ctx, "DELETE FROM object_search WHERE "+tx.store.dialect.search.key+" IN "+in, args...)
		return err
	})
	if err != nil {
		return err
	}
	return tx.run(ctx, tx.store.insertSearch(), plan.text)
}

// The tails of the insertions let the indexes be right even where the version
// before was stored by a Stoa that indexed other fields.
var (
	insertLabels = bulk.Statement{Head: "INSERT INTO object_labels (k, v, uid) VALUES ", Columns: 3, Tail: " ON CONFLICT DO NOTHING"}
	insertFields = bulk.Statement{Head: "INSERT INTO object_fields (kind, k, v, uid) VALUES ", Columns: 4, Tail: " ON CONFLICT DO NOTHING"}
	deleteLabels = bulk.Statement{Head: "DELETE FROM object_labels WHERE (k, v, uid) IN (VALUES ", Columns: 3, Tail: ")", Wrap: map[int]string{2: "CAST(%s AS BIGINT)"}}
	deleteFields = bulk.Statement{Head: "DELETE FROM object_fields WHERE (kind, k, v, uid) IN (VALUES ", Columns: 4, Tail: ")", Wrap: map[int]string{3: "CAST(%s AS BIGINT)"}}
)

func (s *Store) insertSearch() bulk.Statement {
	d := s.dialect.search
	return bulk.Statement{Head: "INSERT INTO object_search (" + d.key + ", tokens) VALUES ", Columns: 2, Wrap: map[int]string{1: d.tokens}}
}

// changes are the rows that an index loses and gains.
type changes struct{ gone, added [][]any }

// add compares what an object was found by with what it is found by now.
func (c *changes) add(was, is map[string]string, row func(k, v string) []any) {
	for k, v := range was {
		if now, ok := is[k]; !ok || now != v {
			c.gone = append(c.gone, row(k, v))
		}
	}
	for k, v := range is {
		if before, ok := was[k]; !ok || before != v {
			c.added = append(c.added, row(k, v))
		}
	}
}

// compareRows compares rows of texts and, at the end, a uid.
func compareRows(a, b []any) int {
	for i := range a {
		x, ok := a[i].(string)
		if !ok {
			return cmp.Compare(a[i].(int64), b[i].(int64))
		}
		if c := cmp.Compare(x, b[i].(string)); c != 0 {
			return c
		}
	}
	return 0
}
