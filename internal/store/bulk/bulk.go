// Package bulk writes many rows to a database in few statements: as arrays where
// the database takes them, else as parameters.
package bulk

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"sync"
)

// Statement is one over many rows of values: Head, "($1, $2), ($3, $4)", Tail. Head
// ends with "VALUES ".
type Statement struct {
	Head, Tail string
	Columns    int
	// Wrap puts an expression around the values of a column, by its place; %s is
	// the value.
	Wrap map[int]string
	// Sizes are the numbers of rows of one statement, falling to 1, where rows are
	// parameters; the dialect's where there are none.
	Sizes []int
	// Ends says that a failed statement ends the transaction anyway, so that the
	// database need not be able to undo it alone.
	Ends bool
}

// SizesFor are the numbers of rows of one statement that keep it from having very
// many parameters, of so many columns: few different ones, so that SQLite keeps
// each compiled, whose driver binds parameters in time that grows with their
// square.
func SizesFor(columns int) []int {
	const mostRows, mostParameters = 64, 320
	var sizes []int
	for rows := min(mostRows, mostParameters/columns); rows > 1; rows /= 4 {
		sizes = append(sizes, rows)
	}
	return append(sizes, 1)
}

// Dialect is in what databases differ.
type Dialect struct {
	// Sizes are the usual numbers of rows of one statement, falling to 1; few, so that
	// each statement stays prepared.
	Sizes []int
	// Arrays says that many rows are given as one array for each column, in a
	// statement that is the same for any number.
	Arrays bool
	// InsertEnding begins an insertion that, where it fails, ends the transaction.
	InsertEnding string
}

// Runner runs statements. It is safe for concurrent use.
type Runner struct {
	dialect Dialect
	texts   sync.Map // string by textKey
}

// NewRunner makes one for a dialect.
func NewRunner(d Dialect) *Runner { return &Runner{dialect: d} }

// Execer is a transaction, or anything else that runs statements.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// ArrayRows is how many rows are given as arrays at once.
const ArrayRows = 10_000

// Run runs a statement over all rows, in as few statements as can be, and counts the
// rows that it changed.
func (r *Runner) Run(ctx context.Context, tx Execer, s Statement, all Rows) (changed int64, err error) {
	at := 0
	for r.dialect.Arrays && all.Len()-at > 1 {
		end := min(at+ArrayRows, all.Len())
		args, types, ok := s.arrays(all, at, end)
		if !ok {
			break
		}
		if err := execute(ctx, tx, s.fromArrays(types), args, &changed); err != nil {
			return changed, err
		}
		at = end
	}
	sizes := s.Sizes
	if sizes == nil {
		sizes = r.dialect.Sizes
	}
	args := make([]any, 0, s.Columns*min(sizes[0], all.Len()-at))
	for _, size := range sizes {
		for ; all.Len()-at >= size; at += size {
			args = args[:0]
			for row := at; row < at+size; row++ {
				for column := range s.Columns {
					args = append(args, all.At(row, column))
				}
			}
			if err := execute(ctx, tx, r.text(s, size), args, &changed); err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}

func execute(ctx context.Context, tx Execer, text string, args []any, changed *int64) error {
	result, err := tx.ExecContext(ctx, text, args...)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	*changed += n
	return err
}

// textKey is what the text of a statement with parameters follows from.
type textKey struct {
	head, tail string
	rows       int
}

// text gives the text of a statement with so many rows of parameters; there are
// few different ones.
func (r *Runner) text(s Statement, rows int) string {
	key := textKey{s.Head, s.Tail, rows}
	text, ok := r.texts.Load(key)
	if !ok {
		text, _ = r.texts.LoadOrStore(key, s.Text(r.dialect, rows))
	}
	return text.(string)
}

// Text is the statement with so many rows of parameters.
func (s Statement) Text(d Dialect, rows int) string {
	var text strings.Builder
	if into, ok := strings.CutPrefix(s.Head, "INSERT INTO "); ok && s.Ends {
		text.WriteString(d.InsertEnding + into)
	} else {
		text.WriteString(s.Head)
	}
	for n := range rows * s.Columns {
		column := n % s.Columns
		if column == 0 {
			text.WriteString(separator(n, "(", "), ("))
		} else {
			text.WriteString(", ")
		}
		value := "$" + strconv.Itoa(n+1)
		if wrap := s.Wrap[column]; wrap != "" {
			value = strings.Replace(wrap, "%s", value, 1)
		}
		text.WriteString(value)
	}
	return text.String() + ")" + s.Tail
}

// arrays gives the columns of some rows as arrays with the types of their
// elements. It is not ok where a column holds something else than one of three
// types.
func (s Statement) arrays(all Rows, from, to int) (args []any, types []string, ok bool) {
	for c := range s.Columns {
		column := all.Column(c, from, to)
		switch column.(type) {
		case []int64:
			types = append(types, "bigint")
		case []string:
			types = append(types, "text")
		case [][]byte:
			types = append(types, "bytea")
		default:
			return nil, nil, false
		}
		args = append(args, column)
	}
	return args, types, true
}

// fromArrays is the statement with a query of arrays in the place of VALUES.
func (s Statement) fromArrays(types []string) string {
	values, names, arrays := make([]string, len(types)), make([]string, len(types)), make([]string, len(types))
	for i, typ := range types {
		names[i] = "c" + strconv.Itoa(i)
		values[i] = "u." + names[i]
		if wrap := s.Wrap[i]; wrap != "" {
			values[i] = strings.Replace(wrap, "%s", values[i], 1)
		}
		arrays[i] = "$" + strconv.Itoa(i+1) + "::" + typ + "[]"
	}
	return strings.TrimSuffix(s.Head, "VALUES ") + "SELECT " + strings.Join(values, ", ") + " FROM unnest(" + strings.Join(arrays, ", ") +
		") AS u(" + strings.Join(names, ", ") + ")" + s.Tail
}

func separator(i int, first, others string) string {
	if i == 0 {
		return first
	}
	return others
}
