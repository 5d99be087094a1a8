package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
)

// maxHits bounds what one search finds and scores.
const maxHits = 200

// match adds the full-text condition: all words, the last one as a prefix.
func (s *Store) match(sel *selection, kind string) {
	d := s.dialect.search
	terms := sel.words
	if kind != "" {
		terms = append([]string{kindWord(kind)}, terms...)
	}
	sel.joins = append(sel.joins, " JOIN object_search ON object_search."+d.key+" = o.uid")
	sel.where(fmt.Sprintf(d.match, sel.arg(d.query(terms))))
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
	hits, err := s.hits(ctx, db, q, *sel)
	if err != nil {
		return object.Page{}, fmt.Errorf("search %s: %w", q.Kind, s.translate(err))
	}
	whole := wholeQuery(q)
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
// may be more also those with a fitting name.
func (s *Store) hits(ctx context.Context, db queryer, q object.Query, base selection) ([]hit, error) {
	const columns = "SELECT o.uid, o.kind, o.name, o.owner, o.title"
	base.args, base.conditions = slices.Clip(base.args), slices.Clip(base.conditions)
	sel := base
	limit := sel.arg(maxHits)
	hits, err := scanHits(ctx, db, columns+sel.from()+" LIMIT "+limit, sel.args)
	if err != nil || len(hits) < maxHits {
		return hits, err
	}
	seen := make(map[int64]bool, len(hits))
	for _, h := range hits {
		seen[h.doc.UID] = true
	}
	sel = base
	prefix := wholeQuery(q)
	sel.where("o.name >= " + sel.arg(prefix))
	sel.where("o.name < " + sel.arg(prefix+"\U0010ffff"))
	limit = sel.arg(maxHits)
	named, err := scanHits(ctx, db, columns+sel.from()+" ORDER BY o.name LIMIT "+limit, sel.args)
	for _, h := range named {
		if !seen[h.doc.UID] {
			hits = append(hits, h)
		}
	}
	return hits, err
}

// wholeQuery is what a name is compared with as a whole.
func wholeQuery(q object.Query) string { return strings.ToLower(strings.TrimSpace(q.Search)) }

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
	name, title, owner := words(h.doc.Name, maxTextWords), words(h.title, maxTextWords), words(h.doc.Owner, maxTextWords)
	for _, w := range query {
		points += fit(name, w, 400, 200) + fit(title, w, 100, 50) + fit(owner, w, 20, 10)
	}
	return points
}

func fit(in []string, word string, equal, prefix int) int {
	if slices.Contains(in, word) {
		return equal
	}
	if slices.ContainsFunc(in, func(w string) bool { return strings.HasPrefix(w, word) }) {
		return prefix
	}
	return 0
}

// documents reads the documents of hits, in their order. One that was removed
// meanwhile is left out.
func (s *Store) documents(ctx context.Context, db queryer, hits []hit) ([]object.Document, error) {
	uids := make([]int64, len(hits))
	for i, h := range hits {
		uids[i] = h.doc.UID
	}
	found := make(map[int64]object.Document, len(hits))
	err := inChunks(s.dialect.chunks, uids, func(chunk []int64) error {
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
