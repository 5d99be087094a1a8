package main

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
)

// The comparison for reading: net/http, prepared statements, the bytes as they
// are stored. No authentication, no rules, no request ids, no limits.

// bareQueries are the queries; $1 is the name, the owner or the words. A search
// is that of the platform: at most 200 hits by what they are scored by, then the
// documents of 20 of them; first takes the first 20 that come.
type bareQueries struct{ get, list, hits, documents, first string }

func bareQueriesOf(db database) bareQueries {
	found := " FROM objects o JOIN object_search s ON s.uid = o.uid WHERE s.tokens @@ $1::tsquery AND o.kind = 'Service' LIMIT "
	if _, ok := db.(sqliteFiles); ok {
		found = " FROM objects o JOIN object_search ON object_search.rowid = o.uid WHERE object_search MATCH $1 AND o.kind = 'Service' LIMIT "
	}
	places := make([]string, pageSize)
	for i := range places {
		places[i] = "$" + strconv.Itoa(i+1)
	}
	return bareQueries{
		get:       "SELECT doc FROM objects WHERE kind = 'Service' AND name = $1",
		list:      "SELECT doc FROM objects WHERE kind = 'Service' AND owner = $1 ORDER BY name LIMIT 20",
		hits:      "SELECT o.uid, o.name, o.owner, o.title" + found + "200",
		documents: "SELECT uid, doc FROM objects WHERE uid IN (" + strings.Join(places, ", ") + ")",
		first:     "SELECT o.doc" + found + "20",
	}
}

// pageSize is how many of a list or a search are asked for.
const pageSize = 20

// bareTerm is a word of a service as the full-text index has it.
func bareTerm(db database, w string) string {
	term := "service\ue000" + w
	if _, ok := db.(sqliteFiles); ok {
		return `"` + term + `"*`
	}
	return `'` + term + `':*`
}

// databaseNamed gives what opens addresses of the named kind.
func databaseNamed(name string) database {
	if name == (sqliteFiles{}).name() {
		return sqliteFiles{}
	}
	return &postgresServer{}
}

// serveBare serves the queries on a database: its arguments are kind and
// address. It prints where it listens and ends with its standard input.
func serveBare(ctx context.Context, args []string, out io.Writer) (err error) {
	if len(args) != 2 {
		return fmt.Errorf("want 2 arguments, have %q", args)
	}
	db := databaseNamed(args[0])
	pool, err := db.open(args[1], false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	handler, err := bareHandler(ctx, db, pool)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func bareHandler(ctx context.Context, db database, pool *sql.DB) (http.Handler, error) {
	queries, mux := bareQueriesOf(db), http.NewServeMux()
	var failed error
	prepare := func(query string) *sql.Stmt {
		stmt, err := pool.PrepareContext(ctx, db.bind(query))
		failed = errors.Join(failed, err)
		return stmt
	}
	handle := func(pattern string, answer func(*http.Request) ([]byte, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := answer(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		})
	}
	get, list, first, hits, docs := prepare(queries.get), prepare(queries.list), prepare(queries.first), prepare(queries.hits), prepare(queries.documents)
	handle("GET /api/v1/services/{name}", func(r *http.Request) ([]byte, error) {
		var doc []byte
		return doc, get.QueryRowContext(r.Context(), r.PathValue("name")).Scan(&doc)
	})
	handle("GET /first", func(r *http.Request) ([]byte, error) {
		return documents(r.Context(), first, bareTerm(db, r.URL.Query().Get("search")))
	})
	handle("GET /api/v1/services", func(r *http.Request) ([]byte, error) {
		q := r.URL.Query()
		if words := q.Get("search"); words != "" {
			return search(r.Context(), hits, docs, bareTerm(db, words))
		}
		return documents(r.Context(), list, q.Get("owner"))
	})
	return mux, failed
}

// documents gives a list of the documents found.
func documents(ctx context.Context, stmt *sql.Stmt, argument string) ([]byte, error) {
	rows, err := stmt.QueryContext(ctx, argument)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var docs [][]byte
	for rows.Next() {
		var doc []byte
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		docs = append(docs, doc)
	}
	return list(docs), rows.Err()
}

func list(docs [][]byte) []byte {
	var body bytes.Buffer
	body.WriteString(`{"items":[`)
	body.Write(bytes.Join(docs, []byte{','}))
	body.WriteString("]}\n")
	return body.Bytes()
}

// search finds hits, takes the first by name and reads their documents.
func search(ctx context.Context, hits, docs *sql.Stmt, term string) ([]byte, error) {
	type hit struct {
		uid                int64
		name, owner, title string
	}
	rows, err := hits.QueryContext(ctx, term)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []hit
	for rows.Next() {
		var h hit
		if err := rows.Scan(&h.uid, &h.name, &h.owner, &h.title); err != nil {
			return nil, err
		}
		found = append(found, h)
	}
	if err := rows.Err(); err != nil || len(found) == 0 {
		return list(nil), err
	}
	slices.SortFunc(found, func(a, b hit) int { return cmp.Compare(a.name, b.name) })
	uids := make([]any, pageSize)
	for i := range uids {
		uids[i] = found[min(i, len(found)-1)].uid
	}
	rows, err = docs.QueryContext(ctx, uids...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	byUID := map[int64][]byte{}
	for rows.Next() {
		var uid int64
		var doc []byte
		if err := rows.Scan(&uid, &doc); err != nil {
			return nil, err
		}
		byUID[uid] = doc
	}
	page := make([][]byte, 0, pageSize)
	for _, h := range found[:min(pageSize, len(found))] {
		page = append(page, byUID[h.uid])
	}
	return list(page), rows.Err()
}
