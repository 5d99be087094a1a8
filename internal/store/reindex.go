package store

import "context"

// reindex brings the tables that objects are found by from what they were to
// what they are; of most revisions that is little or nothing.
func (tx *Tx) reindex(ctx context.Context, revisions []revision) error {
	var labels, fields, search [][]any
	key := tx.store.dialect.search.key
	for _, r := range revisions {
		uid, next := r.doc.UID, r.index
		if r.removed {
			next = index{}
		}
		if next.equal(r.was) {
			continue
		}
		gone, added := difference(r.was.labels, next.labels)
		for k, v := range gone {
			if _, err := tx.sql.ExecContext(ctx, "DELETE FROM object_labels WHERE k = $1 AND v = $2 AND uid = $3", k, indexed(v), uid); err != nil {
				return err
			}
		}
		for k, v := range added {
			labels = append(labels, []any{k, indexed(v), uid})
		}
		gone, added = difference(r.was.fields, next.fields)
		for k, v := range gone {
			if _, err := tx.sql.ExecContext(ctx, "DELETE FROM object_fields WHERE kind = $1 AND k = $2 AND v = $3 AND uid = $4", r.doc.Kind, k, indexed(v), uid); err != nil {
				return err
			}
		}
		for k, v := range added {
			fields = append(fields, []any{r.doc.Kind, k, indexed(v), uid})
		}
		if r.was.search != next.search {
			if r.was.search != "" {
				if _, err := tx.sql.ExecContext(ctx, "DELETE FROM object_search WHERE "+key+" = $1", uid); err != nil {
					return err
				}
			}
			if next.search != "" {
				search = append(search, []any{uid, next.search})
			}
		}
	}
	if err := tx.run(ctx, insertLabels, labels); err != nil {
		return err
	}
	if err := tx.run(ctx, insertFields, fields); err != nil {
		return err
	}
	return tx.run(ctx, tx.store.insertSearch(), search)
}

// The tails let the indexes be right even where a kind's fields were not known
// to the Stoa that stored the version before.
var (
	insertLabels = insert{head: "INSERT INTO object_labels (k, v, uid)", columns: 3, tail: " ON CONFLICT DO NOTHING"}
	insertFields = insert{head: "INSERT INTO object_fields (kind, k, v, uid)", columns: 4, tail: " ON CONFLICT DO NOTHING"}
)

func (s *Store) insertSearch() insert {
	d := s.dialect.search
	return insert{head: "INSERT INTO object_search (" + d.key + ", tokens)", columns: 2, wrap: map[int]string{1: d.tokens}}
}

// difference gives the pairs of was that are not in is, and the other way round.
func difference(was, is map[string]string) (gone, added map[string]string) {
	gone, added = map[string]string{}, map[string]string{}
	for k, v := range was {
		if now, ok := is[k]; !ok || now != v {
			gone[k] = v
		}
	}
	for k, v := range is {
		if before, ok := was[k]; !ok || before != v {
			added[k] = v
		}
	}
	return gone, added
}
