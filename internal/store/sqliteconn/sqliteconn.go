// Package sqliteconn makes connections of the SQLite driver do what database/sql
// and the store need of them: understand $N, keep statements compiled, and wait
// for the lock of another process no longer than their context lives.
package sqliteconn

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// keptStatements bounds the compiled statements of one connection, about 10 KB each.
const keptStatements = 200

const (
	// BusyTimeout is how long a statement waits for a lock of another process.
	BusyTimeout = 15 * time.Second
	// busySlice is how late a transaction that waits sees its context end.
	busySlice = 50 * time.Millisecond
)

// Connector opens SQLite connections that understand $N and keep each statement
// compiled. database/sql compiles anew at every call, which costs more than most
// of the store's queries; pgx keeps statements by itself.
type Connector struct {
	driver.Connector
	Writes bool             // its transactions take the write lock when they begin
	Locked func(error) bool // whether an error says that another has the lock
}

// Connect opens a connection.
func (c Connector) Connect(ctx context.Context) (driver.Conn, error) {
	plain, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	full, ok := plain.(sqliteConn)
	if !ok {
		_ = plain.Close()
		return nil, fmt.Errorf("connection of type %T lacks methods", plain)
	}
	return &conn{sqliteConn: full, of: c, kept: map[string]*keptStatement{}}, nil
}

// sqliteConn is what database/sql uses of a connection of the SQLite driver.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// conn is used by one goroutine at a time, as every driver.Conn is.
type conn struct {
	sqliteConn
	of     Connector
	kept   map[string]*keptStatement
	broken bool
}

type keptStatement struct {
	stmt interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}
	reading bool // its rows are open: it cannot run again until they are closed
}

// statement gives the compiled form of a query, or nil where the plain way must
// be taken: a script, a statement whose rows are still being read.
func (c *conn) statement(ctx context.Context, query string) (*keptStatement, error) {
	if k, ok := c.kept[query]; ok {
		if k.reading {
			return nil, nil
		}
		return k, nil
	}
	if !keepable(query) {
		return nil, nil
	}
	c.makeRoom()
	stmt, err := c.sqliteConn.PrepareContext(ctx, numbered(query))
	if err != nil {
		return nil, err
	}
	k := &keptStatement{}
	var ok bool
	if k.stmt, ok = stmt.(interface {
		driver.Stmt
		driver.StmtExecContext
		driver.StmtQueryContext
	}); !ok {
		return nil, stmt.Close()
	}
	c.kept[query] = k
	return k, nil
}

// makeRoom drops some statement where as many are kept as may be. A text that differs
// by the length of a list would else, in time, take the places of all others.
func (c *conn) makeRoom() {
	if len(c.kept) < keptStatements {
		return
	}
	for query, k := range c.kept {
		if !k.reading {
			_ = k.stmt.Close()
			delete(c.kept, query)
			return
		}
	}
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	k, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return c.sqliteConn.ExecContext(ctx, numbered(query), args)
	}
	return k.stmt.ExecContext(ctx, args)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	k, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return c.sqliteConn.QueryContext(ctx, numbered(query), args)
	}
	rows, err := k.stmt.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	k.reading = true
	return &keptRows{Rows: rows, of: k}, nil
}

type lateKey struct{}

// Late gives a context in which the commit of a transaction does not wait until
// the disk has it: a failure of power may undo the last such commits, never one
// of them without those after it, and never one that another transaction's commit
// has followed which did wait.
func Late(ctx context.Context) context.Context { return context.WithValue(ctx, lateKey{}, true) }

// BeginTx begins a transaction, one that commits late if the context says so.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if !c.of.Writes {
		return c.sqliteConn.BeginTx(ctx, o)
	}
	if ctx.Value(lateKey{}) == nil {
		return c.begin(ctx, o)
	}
	// SQLite refuses to change this inside a transaction.
	if err := c.pragma("synchronous(normal)"); err != nil {
		return nil, err
	}
	tx, err := c.begin(ctx, o)
	if err != nil {
		c.waitForDisk()
		return nil, err
	}
	return lateTx{tx, c}, nil
}

type lateTx struct {
	driver.Tx
	c *conn
}

func (tx lateTx) Commit() error {
	defer tx.c.waitForDisk()
	return tx.Tx.Commit()
}

func (tx lateTx) Rollback() error {
	defer tx.c.waitForDisk()
	return tx.Tx.Rollback()
}

// waitForDisk makes commits wait for the disk again; a connection that cannot is
// not used any more.
func (c *conn) waitForDisk() { c.broken = c.pragma("synchronous(full)") != nil }

// IsValid says whether the connection may be used again.
func (c *conn) IsValid() bool { return !c.broken && c.sqliteConn.IsValid() }

// begin waits for another process's lock in slices, because SQLite's own waiting
// does not end with the context.
func (c *conn) begin(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	if err := c.waitFor(busySlice); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(BusyTimeout)
	for {
		tx, err := c.sqliteConn.BeginTx(ctx, o)
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		} else if c.of.Locked(err) && time.Now().Before(deadline) {
			continue
		}
		if waitErr := c.waitFor(BusyTimeout); err == nil && waitErr != nil {
			return nil, errors.Join(waitErr, tx.Rollback())
		}
		return tx, err
	}
}

// waitFor sets how long a statement waits for a lock.
func (c *conn) waitFor(d time.Duration) error {
	return c.pragma(fmt.Sprintf("busy_timeout(%d)", d.Milliseconds()))
}

func (c *conn) pragma(what string) error {
	_, err := c.sqliteConn.ExecContext(context.Background(), "PRAGMA "+what, nil)
	return err
}

func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.sqliteConn.PrepareContext(ctx, numbered(query))
}

func (c *conn) Prepare(query string) (driver.Stmt, error) {
	return c.sqliteConn.Prepare(numbered(query))
}

func (c *conn) Close() error {
	for _, k := range c.kept {
		_ = k.stmt.Close()
	}
	return c.sqliteConn.Close()
}

type keptRows struct {
	driver.Rows
	of *keptStatement
}

func (r *keptRows) Close() error {
	r.of.reading = false
	return r.Rows.Close()
}

// keepable says that a query is worth keeping: data, not schema or pragmas,
// and a single statement.
func keepable(query string) bool {
	word := strings.TrimSpace(query)
	for strings.HasPrefix(word, "--") { // generated queries begin with their name
		_, word, _ = strings.Cut(word, "\n")
		word = strings.TrimSpace(word)
	}
	if end := strings.IndexAny(word, " \t\n"); end > 0 {
		word = word[:end]
	}
	switch strings.ToUpper(word) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		return !strings.Contains(query, ";")
	}
	return false
}

// numbered turns $N into SQLite's own placeholders ($N would be a name to it):
// bare ones where they come once each and in order, which the driver binds much
// faster, else ?N. Quoted text and comments stay as they are.
func numbered(query string) string {
	if !strings.Contains(query, "$") {
		return query
	}
	var numbered, bare strings.Builder
	inOrder, count := !strings.Contains(query, "?"), 0
	copied := 0
	for i := 0; i < len(query); {
		end := i + 1
		switch ch := query[i]; {
		case ch == '\'' || ch == '"':
			end = after(query, i+1, query[i:i+1])
		case strings.HasPrefix(query[i:], "--"):
			end = after(query, i, "\n")
		case ch == '$':
			for end < len(query) && '0' <= query[end] && query[end] <= '9' {
				end++
			}
			if end == i+1 {
				break
			}
			count++
			inOrder = inOrder && query[i+1:end] == strconv.Itoa(count)
			// SQLite compiles a statement anew whenever another value is bound to
			// LIMIT by itself, the same value too; not to an expression.
			sum := ""
			if strings.HasSuffix(query[:i], "LIMIT ") {
				sum = "+0"
			}
			numbered.WriteString(query[copied:i] + "?" + query[i+1:end] + sum)
			bare.WriteString(query[copied:i] + "?" + sum)
			copied = end
		}
		i = end
	}
	text := &numbered
	if inOrder {
		text = &bare
	}
	return text.String() + query[copied:]
}

// after gives the place behind the first end at or after from.
func after(text string, from int, end string) int {
	if i := strings.Index(text[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(text)
}
