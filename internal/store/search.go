package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store/words"
)

const (
	maxHits       = 200 // that one search finds and scores
	documentChunk = 20  // hits whose documents are read at once
)

// match adds the full-text condition: all words, the last one as a prefix.
func (s *Store) match(sel *selection, kinds []string) {
	d := s.dialect.search
	alternatives := make([]string, len(kinds))
	for i, kind := range kinds {
		terms := make([]string, len(sel.words))
		for j, w := range sel.words {
			terms[j] = words.Term(kind, w)
		}
		alternatives[i] = "(" + d.query(terms) + ")"
	}
	sel.joins = append(sel.joins, " JOIN object_search ON object_search."+d.key+" = o.uid")
	sel.where(fmt.Sprintf(d.match, sel.arg(strings.Join(alternatives, d.or))))
}

// hit is a found object with what it is scored by.
type hit struct {
	doc   object.Document
	title string
	score int
}

// search finds at most maxHits objects and gives a page of them, best first.
//
// Ranking inside the database reads every hit of a common word; here the
// objects whose name begins with the query come first, then any maxHits others,
// and those few are scored.
func (s *Store) search(ctx context.Context, db queryer, q object.Query, sel *selection, limit int) (object.Page, error) {
	skip := 0
	if q.After != "" {
		at, err := openCursor(q)
		if err != nil {
			return object.Page{}, err
		}
		skip = at.Hits
	}
	if len(sel.words) == 0 {
		return object.Page{}, nil
	}
	hits, err := s.hits(ctx, db, q, sel)
	if err != nil {
		return object.Page{}, fmt.Errorf("search %s: %w", q.Kind, s.translate(err))
	}
	whole := wholeName(q)
	for i := range hits {
		hits[i].score = score(hits[i], whole, sel.words)
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.doc.Name, b.doc.Name), cmp.Compare(a.doc.Kind, b.doc.Kind))
	})
	hits = hits[:min(len(hits), maxHits)]
	rest := hits[min(skip, len(hits)):]
	var page object.Page
	if len(rest) > limit {
		page.Next = sealCursor(q, position{Hits: skip + limit})
		rest = rest[:limit]
	}
	page.Items, err = s.documents(ctx, db, rest)
	if err != nil {
		return object.Page{}, fmt.Errorf("search %s: %w", q.Kind, s.translate(err))
	}
	return page, nil
}

// hits reads what matches, without the documents: any maxHits, and when there
// may be more also those whose name begins with the query.
func (s *Store) hits(ctx context.Context, db queryer, q object.Query, sel *selection) ([]hit, error) {
	const columns = "SELECT o.uid, o.kind, o.name, o.owner, o.title"
	limit := sel.arg(maxHits)
	hits, err := scanHits(ctx, db, columns+sel.from()+" LIMIT "+limit, sel.args)
	if err != nil || len(hits) < maxHits {
		return hits, err
	}
	seen := make(map[int64]bool, len(hits))
	for _, h := range hits {
		seen[h.doc.UID] = true
	}
	// A name that begins with the query holds its words: no full text is needed.
	prefix := wholeName(q)
	q.Search = ""
	byName, err := s.selection(ctx, db, q)
	if err != nil {
		return nil, err
	}
	byName.where("o.name >= " + byName.arg(prefix))
	byName.where("o.name < " + byName.arg(prefix+"\U0010ffff"))
	limit = byName.arg(maxHits)
	named, err := scanHits(ctx, db, columns+byName.from()+" ORDER BY o.name LIMIT "+limit, byName.args)
	for _, h := range named {
		if !seen[h.doc.UID] {
			hits = append(hits, h)
		}
	}
	return hits, err
}

// wholeName is the query as names are compared with it.
func wholeName(q object.Query) string { return strings.ToLower(strings.TrimSpace(q.Search)) }

func scanHits(ctx context.Context, db queryer, query string, args []any) ([]hit, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var hits []hit
	for rows.Next() {
		var h hit
		if err := rows.Scan(&h.doc.UID, &h.doc.Kind, &h.doc.Name, &h.doc.Owner, &h.title); err != nil {
			return nil, err
		}
		hits = append(hits, h)
	}
	return hits, rows.Err()
}

// score says how well a hit fits: the name above all, then title and owner;
// what matched by its description only has 0.
func score(h hit, whole string, query []string) int {
	points := 0
	switch {
	case h.doc.Name == whole:
		points = 1_000_000
	case strings.HasPrefix(h.doc.Name, whole):
		points = 100_000 - len(h.doc.Name) // the closest first
	}
	name, title, owner := words.Fold(h.doc.Name), words.Fold(h.title), words.Fold(h.doc.Owner)
	for _, w := range query {
		points += words.Fit(name, w, 400, 200) + words.Fit(title, w, 100, 50) + words.Fit(owner, w, 20, 10)
	}
	return points
}

// documents reads the documents of hits, in their order. One that was removed
// meanwhile is left out.
func (s *Store) documents(ctx context.Context, db queryer, hits []hit) ([]object.Document, error) {
	uids := make([]int64, len(hits))
	for i, h := range hits {
		uids[i] = h.doc.UID
	}
	// The last of them fills up the last chunk, so that one statement serves any
	// number of hits.
	for len(uids)%documentChunk != 0 {
		uids = append(uids, uids[len(uids)-1])
	}
	found := make(map[int64]object.Document, len(hits))
	err := inChunks([]int{documentChunk}, uids, func(chunk []int64) error {
		in, args := placeholders(chunk)
		rows, err := db.QueryContext(ctx, "SELECT "+documentColumns+" FROM objects o WHERE o.uid IN "+in, args...)
		if err != nil {
			return err
		}
		docs, err := scanDocuments(rows, len(chunk))
		for _, d := range docs {
			found[d.UID] = d
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	docs := make([]object.Document, 0, len(hits))
	for _, h := range hits {
		if d, ok := found[h.doc.UID]; ok {
			docs = append(docs, d)
		}
	}
	return docs, nil
}
