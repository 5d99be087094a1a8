package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// The comparison for reading: net/http, prepared statements, the bytes as they
// are stored. No authentication, no rules, no request ids, no limits.

// bareQueries are the queries; $1 is the name, the owner or the words.
type bareQueries struct{ get, list, search string }

func bareQueriesOf(db database) bareQueries {
	q := bareQueries{
		get:  "SELECT doc FROM objects WHERE kind = 'Service' AND name = $1",
		list: "SELECT doc FROM objects WHERE kind = 'Service' AND owner = $1 ORDER BY name LIMIT 20",
		search: "SELECT o.doc FROM objects o JOIN object_search s ON s.uid = o.uid " +
			"WHERE s.tokens @@ $1::tsquery AND o.kind = 'Service' LIMIT 20",
	}
	if _, ok := db.(sqliteFiles); ok {
		q.search = "SELECT o.doc FROM objects o JOIN object_search ON object_search.rowid = o.uid " +
			"WHERE object_search MATCH $1 AND o.kind = 'Service' LIMIT 20"
	}
	return q
}

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
	handle := func(pattern, query string, argument func(*http.Request) string, many bool) {
		stmt, err := pool.PrepareContext(ctx, db.bind(query))
		if err != nil {
			failed = errors.Join(failed, err)
			return
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := documents(r.Context(), stmt, argument(r), many)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(body)
		})
	}
	handle("GET /api/v1/services/{name}", queries.get, func(r *http.Request) string { return r.PathValue("name") }, false)
	handle("GET /list", queries.list, func(r *http.Request) string { return r.URL.Query().Get("owner") }, true)
	handle("GET /search", queries.search, func(r *http.Request) string { return bareTerm(db, r.URL.Query().Get("search")) }, true)
	// As the platform has them at one address.
	mux.HandleFunc("GET /api/v1/services", func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path = "/list"
		if strings.Contains(r.URL.RawQuery, "search=") {
			r.URL.Path = "/search"
		}
		mux.ServeHTTP(w, r)
	})
	return mux, failed
}

// documents gives one stored document, or a list of those found.
func documents(ctx context.Context, stmt *sql.Stmt, argument string, many bool) ([]byte, error) {
	if !many {
		var doc []byte
		return doc, stmt.QueryRowContext(ctx, argument).Scan(&doc)
	}
	rows, err := stmt.QueryContext(ctx, argument)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var body bytes.Buffer
	body.WriteString(`{"items":[`)
	for n := 0; rows.Next(); n++ {
		var doc sql.RawBytes
		if err := rows.Scan(&doc); err != nil {
			return nil, err
		}
		if n > 0 {
			body.WriteByte(',')
		}
		body.Write(doc)
	}
	body.WriteString("]}\n")
	return body.Bytes(), rows.Err()
}
