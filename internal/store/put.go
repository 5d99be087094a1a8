package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store/bulk"
	"github.com/stoa-platform/stoa/internal/store/words"
)

// PutResult is what a Put did.
type PutResult struct {
	// Document is the object as it is stored now; of a removed one, as it was last.
	Document object.Document
	Object   object.Object // the same, decoded
	Created  bool          // there was none before
	Changed  bool          // a new version exists; false: it was the same already
	Spec     bool          // its spec changed too, so its generation grew
	Removed  bool          // its deletion was under way and its last finalizer is gone
}

// Put creates or replaces an object and gives its stored form. An object that is
// the same already is left as it is, without a new version. It returns
// problem.Conflict when o.Metadata.Version is neither 0 nor the stored one.
//
// Metadata that the store sets (uid, version, generation, created, updated,
// deleted) is taken from the stored object, not from o.
func (tx *Tx) Put(ctx context.Context, o object.Object) (object.Document, error) {
	result, err := tx.PutResult(ctx, o)
	return result.Document, err
}

// PutResult is Put that also tells what it did.
func (tx *Tx) PutResult(ctx context.Context, o object.Object) (PutResult, error) {
	results, err := tx.PutAll(ctx, []object.Object{o})
	if err != nil {
		return PutResult{}, err
	}
	return results[0], nil
}

// PutAll puts many objects, in few statements, and tells in their order what it
// did. An object may be named once only.
func (tx *Tx) PutAll(ctx context.Context, objects []object.Object) ([]PutResult, error) {
	if len(objects) == 0 {
		return nil, nil
	}
	seen := make(map[objectKey]bool, len(objects))
	for _, o := range objects {
		if err := check(o); err != nil {
			return nil, err
		}
		key := objectKey{o.Kind, o.Metadata.Name}
		if seen[key] {
			return nil, problem.New(problem.Invalid, "%s is given twice", o.Ref())
		}
		seen[key] = true
	}
	old, last, err := tx.load(ctx, objects)
	if err != nil {
		return nil, fmt.Errorf("put: %w", tx.store.translate(err))
	}
	results := make([]PutResult, len(objects))
	revisions := make([]revision, 0, len(objects))
	for i, o := range objects {
		key := objectKey{o.Kind, o.Metadata.Name}
		before, exists := old[key]
		if err := tx.unread(key, before.doc.Version); err != nil {
			return nil, err
		}
		var r revision
		if exists {
			r, err = tx.replace(o, before)
		} else {
			r, err = tx.create(o, last[key])
		}
		if err != nil {
			return nil, err
		}
		results[i] = PutResult{Document: r.doc, Object: r.object, Created: !exists, Changed: r.changed, Spec: r.spec, Removed: r.removed}
		if r.changed {
			revisions = append(revisions, r)
		}
	}
	if err := tx.write(ctx, revisions); err != nil {
		return nil, fmt.Errorf("put: %w", tx.store.translate(err))
	}
	return results, nil
}

// Delete removes an object. One with finalizers gets metadata.deleted instead and
// goes with the Put that takes its last one. It returns problem.NotFound when
// there is none.
func (tx *Tx) Delete(ctx context.Context, kind, name string) error {
	if !words.Storable(kind) || !words.Storable(name) {
		return object.NotFound(kind, name)
	}
	key := objectKey{kind, name}
	var o object.Object
	o.Kind, o.Metadata.Name = kind, name
	old, _, err := tx.load(ctx, []object.Object{o})
	if err != nil {
		return fmt.Errorf("delete: %w", tx.store.translate(err))
	}
	before, exists := old[key]
	if err := tx.unread(key, before.doc.Version); err != nil {
		return err
	}
	if !exists {
		return object.NotFound(kind, name)
	}
	r, err := tx.remove(before)
	if err != nil || !r.changed {
		return err
	}
	if err := tx.write(ctx, []revision{r}); err != nil {
		return fmt.Errorf("delete: %w", tx.store.translate(err))
	}
	return nil
}

// unread refuses to write over a version other than the one that was read in
// this transaction: another one came between, so this one must run again.
func (tx *Tx) unread(key objectKey, version int64) error {
	if read, ok := tx.read[key]; ok && read != version {
		tx.raced = true
		return toProblem(faultRetry)
	}
	return nil
}

// load reads and locks the stored versions of objects and, of those that do not
// exist, the last version that their names ever had.
func (tx *Tx) load(ctx context.Context, objects []object.Object) (map[objectKey]stored, map[objectKey]int64, error) {
	names := map[string][]string{}
	for _, o := range objects {
		names[o.Kind] = append(names[o.Kind], o.Metadata.Name)
	}
	old := make(map[objectKey]stored, len(objects))
	last := map[objectKey]int64{}
	for kind, of := range names {
		slices.Sort(of) // rows are always locked in the same order
		if err := tx.loadKind(ctx, kind, of, old); err != nil {
			return nil, nil, err
		}
		missing := slices.DeleteFunc(of, func(name string) bool { _, ok := old[objectKey{kind, name}]; return ok })
		versions, err := tx.lastVersions(ctx, kind, missing)
		if err != nil {
			return nil, nil, err
		}
		for name, version := range versions {
			last[objectKey{kind, name}] = version
		}
	}
	return old, last, nil
}

func (tx *Tx) loadKind(ctx context.Context, kind string, names []string, into map[objectKey]stored) error {
	return tx.store.dialect.byName(names, kind, func(compared string, args []any) error {
		rows, err := tx.sql.QueryContext(ctx, `
			SELECT uid, name, owner, version, generation, created, updated, doc FROM objects
			WHERE kind = $1 AND name `+compared+` ORDER BY name`+tx.store.dialect.forUpdate, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			o := stored{doc: object.Document{Kind: kind}}
			var created, updated int64
			if err := rows.Scan(&o.doc.UID, &o.doc.Name, &o.doc.Owner, &o.doc.Version, &o.generation, &created, &updated, &o.doc.Bytes); err != nil {
				return err
			}
			o.created, o.doc.Updated = fromMicros(created), fromMicros(updated)
			into[objectKey{kind, o.doc.Name}] = o
		}
		return rows.Err()
	})
}

// write stores revisions: objects, history and what they are found by.
func (tx *Tx) write(ctx context.Context, revisions []revision) error {
	if len(revisions) == 0 {
		return nil
	}
	actor, err := tx.actorName(ctx)
	if err != nil {
		return err
	}
	if err := tx.recordKinds(ctx, revisions); err != nil {
		return err
	}
	revisions = slices.Clone(revisions)
	slices.SortFunc(revisions, func(a, b revision) int {
		return cmp.Or(cmp.Compare(a.doc.Kind, b.doc.Kind), cmp.Compare(a.doc.Name, b.doc.Name))
	})
	var plan reindexing
	var beside sync.WaitGroup
	defer beside.Wait() // it reads what the caller may change afterwards
	if len(revisions) < manyRows {
		plan = planReindex(revisions)
	} else {
		beside.Go(func() { plan = planReindex(revisions) })
	}
	var objects, history [][]any
	for _, r := range revisions {
		d, at, deleted := r.doc, r.doc.Updated.UnixMicro(), 0
		if r.removed {
			deleted = 1
			if _, err := tx.sql.ExecContext(ctx, "DELETE FROM objects WHERE uid = $1", d.UID); err != nil {
				return err
			}
		} else {
			objects = append(objects, []any{d.UID, d.Kind, d.Name, d.Owner, words.Title(r.object.Metadata.Title), d.Version, r.generation, r.created.UnixMicro(), at, string(d.Bytes)})
		}
		history = append(history, []any{d.Kind, d.Name, d.Version, d.UID, actor, at, deleted, string(d.Bytes)})
	}
	if err := tx.run(ctx, upsertObjects, objects); err != nil {
		if tx.store.dialect.classify(err) == faultUnique {
			tx.raced = true // another transaction made one of them first
		}
		return err
	}
	if err := tx.run(ctx, insertHistory, history); err != nil {
		return err
	}
	beside.Wait()
	if err := tx.reindex(ctx, plan); err != nil {
		return err
	}
	if tx.store.dialect.analyze != "" && len(revisions) >= manyRows {
		tx.AfterCommit(tx.store.analyze)
	}
	for _, r := range revisions {
		version := r.doc.Version
		if r.removed {
			version = 0
		}
		tx.read[objectKey{r.doc.Kind, r.doc.Name}] = version
	}
	return nil
}

// manyRows is how many changes at once call for a new analysis of the tables.
const manyRows = 1000

// analyzeLimit is how long an analysis may take; it reads a sample.
const analyzeLimit = time.Minute

// analyze refreshes what the planner knows of the objects, beside what goes on.
// Statements that were planned while the tables were small would read them whole
// from now on, until the server's own analysis a minute later.
func (s *Store) analyze() {
	if s.open.Err() != nil || !s.analyzing.CompareAndSwap(false, true) {
		return
	}
	s.background.Go(func() {
		defer s.analyzing.Store(false)
		ctx, cancel := context.WithTimeout(s.open, analyzeLimit)
		defer cancel()
		if _, err := s.writer.ExecContext(ctx, s.dialect.analyze); err != nil && s.open.Err() == nil {
			s.logger.Warn("analyze the objects", "err", err)
		}
	})
}

var upsertObjects = bulk.Statement{
	Head:    "INSERT INTO objects (uid, kind, name, owner, title, version, generation, created, updated, doc) VALUES ",
	Columns: 10,
	Tail: ` ON CONFLICT (uid) DO UPDATE SET owner = excluded.owner, title = excluded.title, version = excluded.version,
		generation = excluded.generation, updated = excluded.updated, doc = excluded.doc`,
}

var insertHistory = bulk.Statement{
	Head:    "INSERT INTO object_history (kind, name, version, uid, actor, at, deleted, doc) VALUES ",
	Columns: 8,
}
