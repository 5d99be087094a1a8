package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

var (
	_ object.Reader = (*Store)(nil)
	_ object.Writer = (*Tx)(nil)
)

// Get returns the object as it was last committed, or problem.NotFound.
func (s *Store) Get(ctx context.Context, kind, name string) (object.Document, error) {
	return s.get(ctx, s.reader, kind, name, "")
}

// Get returns the object as this transaction sees it, or problem.NotFound.
func (tx *Tx) Get(ctx context.Context, kind, name string) (object.Document, error) {
	lock := ""
	if tx.again {
		lock = tx.store.dialect.forUpdate
	}
	doc, err := tx.store.get(ctx, tx.sql, kind, name, lock)
	if err == nil || problem.Is(err, problem.NotFound) {
		tx.saw(kind, name, doc.Version)
	}
	return doc, err
}

// GetAll returns those of the named objects that there are, by name, as this
// transaction sees them: what Get returns for each, in few queries.
func (tx *Tx) GetAll(ctx context.Context, kind string, names []string) (map[string]object.Document, error) {
	lock := ""
	if tx.again {
		lock = tx.store.dialect.forUpdate
	}
	found := make(map[string]object.Document, len(names))
	names = slices.Sorted(slices.Values(names)) // rows are always locked in the same order
	err := tx.store.dialect.byName(names, kind, func(compared string, args []any) error {
		rows, err := tx.sql.QueryContext(ctx, "SELECT "+documentColumns+" FROM objects o WHERE o.kind = $1 AND o.name "+compared+" ORDER BY o.name"+lock, args...)
		if err != nil {
			return err
		}
		docs, err := scanDocuments(rows, 0)
		for _, d := range docs {
			found[d.Name] = d
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("get %d of %s: %w", len(names), kind, tx.store.translate(err))
	}
	for _, name := range names {
		tx.saw(kind, name, found[name].Version)
	}
	return found, nil
}

// saw remembers the version of an object at its first reading, 0 for none, so
// that a later Put can tell whether another transaction came between.
func (tx *Tx) saw(kind, name string, version int64) {
	key := objectKey{kind, name}
	if _, seen := tx.read[key]; !seen {
		tx.read[key] = version
	}
}

func (s *Store) get(ctx context.Context, q queryer, kind, name, lock string) (object.Document, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+documentColumns+" FROM objects o WHERE o.kind = $1 AND o.name = $2"+lock, kind, name)
	if err != nil {
		return object.Document{}, s.readError("get", kind, name, err)
	}
	docs, err := scanDocuments(rows, 1)
	if err != nil {
		return object.Document{}, s.readError("get", kind, name, err)
	}
	if len(docs) == 0 {
		return object.Document{}, object.NotFound(kind, name)
	}
	return docs[0], nil
}

// mostNear bounds the names that are compared with one that is not there.
const mostNear = 2000

// Near gives names of objects of the kind that begin as one does that is not there,
// among which a person may have meant one.
func (s *Store) Near(ctx context.Context, kind, name string) ([]string, error) {
	if !object.ValidName(name) {
		return nil, nil
	}
	rows, err := s.reader.QueryContext(ctx, "SELECT name FROM objects WHERE kind = $1 AND name >= $2 AND name < $3 ORDER BY name LIMIT $4",
		kind, name[:1], string(name[0]+1), mostNear)
	if err != nil {
		return nil, s.translate(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var near string
		if err := rows.Scan(&near); err != nil {
			return nil, s.translate(err)
		}
		names = append(names, near)
	}
	return names, s.translate(rows.Err())
}

// readError turns what the database cannot even compare, such as a name with a
// NUL, into "there is none".
func (s *Store) readError(verb, kind, name string, err error) error {
	if s.dialect.classify(err) == faultText {
		return object.NotFound(kind, name)
	}
	return fmt.Errorf("%s %s/%s: %w", verb, kind, name, s.translate(err))
}

const documentColumns = "o.uid, o.kind, o.name, o.owner, o.version, o.updated, o.doc"

// scanDocuments reads and closes rows of documentColumns.
func scanDocuments(rows *sql.Rows, capacity int) ([]object.Document, error) {
	defer rows.Close()
	docs := make([]object.Document, 0, capacity)
	for rows.Next() {
		var d object.Document
		var updated int64
		if err := rows.Scan(&d.UID, &d.Kind, &d.Name, &d.Owner, &d.Version, &updated, &d.Bytes); err != nil {
			return nil, err
		}
		d.Updated = fromMicros(updated)
		docs = append(docs, d)
	}
	return docs, rows.Err()
}

// List returns one page of the objects that q selects, as last committed. It
// returns problem.Invalid for a limit, a cursor or a field that is not allowed.
func (s *Store) List(ctx context.Context, q object.Query) (object.Page, error) {
	return s.list(ctx, s.reader, q)
}

// List returns one page as this transaction sees it.
func (tx *Tx) List(ctx context.Context, q object.Query) (object.Page, error) {
	page, err := tx.store.list(ctx, tx.sql, q)
	for _, d := range page.Items {
		tx.saw(d.Kind, d.Name, d.Version)
	}
	return page, err
}

func (s *Store) list(ctx context.Context, db queryer, q object.Query) (object.Page, error) {
	limit, err := pageLimit(q.Limit)
	if err != nil {
		return object.Page{}, err
	}
	sel, err := s.selection(ctx, db, q)
	if err != nil {
		return object.Page{}, err
	}
	if sel.words != nil {
		return s.search(ctx, db, q, sel, limit)
	}
	if err := sel.after(q); err != nil {
		return object.Page{}, err
	}
	query := "SELECT " + documentColumns + sel.from() + sel.order(q) + " LIMIT " + sel.arg(limit+1)
	rows, err := db.QueryContext(ctx, query, sel.args...)
	if err != nil {
		return object.Page{}, fmt.Errorf("list %s: %w", q.Kind, s.translate(err))
	}
	docs, err := scanDocuments(rows, min(limit+1, 128))
	if err != nil {
		return object.Page{}, fmt.Errorf("list %s: %w", q.Kind, s.translate(err))
	}
	page := object.Page{Items: docs}
	if len(docs) > limit {
		page.Items = docs[:limit]
		page.Next = cursorAfter(q, docs[limit-1])
	}
	return page, nil
}

// Count counts what q selects, whatever its page.
func (s *Store) Count(ctx context.Context, q object.Query) (int64, error) {
	sel, err := s.selection(ctx, s.reader, q)
	if err != nil {
		return 0, err
	}
	if sel.words != nil && len(sel.words) == 0 {
		return 0, nil
	}
	var n int64
	if err := s.reader.QueryRowContext(ctx, "SELECT count(*)"+sel.from(), sel.args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count %s: %w", q.Kind, s.translate(err))
	}
	return n, nil
}

// Revision is one version of an object.
type Revision struct {
	UID     int64
	Version int64
	Actor   string // pseudonym of who wrote it
	At      time.Time
	Bytes   []byte // the whole object as it was
	Deleted bool   // this version is the removal
}

// History returns the versions of an object below before, newest first; before
// 0 starts with the newest, limit is 1..1000, default 100. Versions go on when a
// name is used again after a deletion, so the history of a name is one line. An
// object that never was has an empty history.
func (s *Store) History(ctx context.Context, kind, name string, before int64, limit int) ([]Revision, error) {
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, err
	}
	if before <= 0 {
		before = math.MaxInt64
	}
	rows, err := s.reader.QueryContext(ctx, `
		SELECT uid, version, actor, at, deleted, doc FROM object_history
		WHERE kind = $1 AND name = $2 AND version < $3 ORDER BY version DESC LIMIT $4`, kind, name, before, limit)
	if err != nil {
		return nil, s.readError("read history of", kind, name, err)
	}
	defer rows.Close()
	var revisions []Revision
	for rows.Next() {
		var r Revision
		var at, deleted int64
		if err := rows.Scan(&r.UID, &r.Version, &r.Actor, &at, &deleted, &r.Bytes); err != nil {
			return nil, s.readError("read history of", kind, name, err)
		}
		r.At, r.Deleted = fromMicros(at), deleted != 0
		revisions = append(revisions, r)
	}
	if err := rows.Err(); err != nil {
		return nil, s.readError("read history of", kind, name, err)
	}
	return revisions, nil
}

// lastVersion is the highest version that the name ever had, 0 for none.
func (tx *Tx) lastVersions(ctx context.Context, kind string, names []string) (map[string]int64, error) {
	last := make(map[string]int64, len(names))
	err := tx.store.dialect.byName(names, kind, func(compared string, args []any) error {
		rows, err := tx.sql.QueryContext(ctx, "SELECT name, max(version) FROM object_history WHERE kind = $1 AND name "+compared+" GROUP BY name", args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var version int64
			if err := rows.Scan(&name, &version); err != nil {
				return err
			}
			last[name] = version
		}
		return rows.Err()
	})
	return last, err
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

func pageLimit(limit int) (int, error) {
	switch {
	case limit == 0:
		return defaultLimit, nil
	case limit < 0 || limit > maxLimit:
		return 0, problem.New(problem.Invalid, "limit %d is not between 1 and %d", limit, maxLimit)
	}
	return limit, nil
}

// Fingerprint gives a text that changes with every write of an object of the
// kinds, so that who keeps something made of them need not read them to know
// whether it still holds.
func (s *Store) Fingerprint(ctx context.Context, kinds ...string) (string, error) {
	args := make([]any, len(kinds))
	in := make([]string, len(kinds))
	for i, kind := range kinds {
		args[i], in[i] = kind, fmt.Sprintf("$%d", i+1)
	}
	rows, err := s.reader.QueryContext(ctx, `SELECT kind, count(*), CAST(sum(version) AS BIGINT), max(uid) FROM objects
		WHERE kind IN (`+strings.Join(in, ", ")+`) GROUP BY kind ORDER BY kind`, args...)
	if err != nil {
		return "", fmt.Errorf("read what changed: %w", s.translate(err))
	}
	defer rows.Close()
	var text strings.Builder
	for rows.Next() {
		var kind string
		var count, versions, newest int64
		if err := rows.Scan(&kind, &count, &versions, &newest); err != nil {
			return "", fmt.Errorf("read what changed: %w", s.translate(err))
		}
		fmt.Fprintf(&text, "%s %d %d %d\n", kind, count, versions, newest)
	}
	return text.String(), s.translate(rows.Err())
}
