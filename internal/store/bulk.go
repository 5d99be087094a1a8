package store

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// inChunks calls do with all of items, in pieces of the given sizes.
func inChunks[T any](sizes []int, items []T, do func(chunk []T) error) error {
	for _, size := range sizes {
		for len(items) >= size {
			if err := do(items[:size]); err != nil {
				return err
			}
			items = items[size:]
		}
	}
	return nil
}

// placeholders gives "($2, $3)" for the items, numbered after those of first,
// and the arguments of both.
func placeholders[T any](items []T, first ...any) (string, []any) {
	args := first
	var b strings.Builder
	for i, item := range items {
		args = append(args, item)
		b.WriteString(separator(i, "(", ", ") + "$" + strconv.Itoa(len(args)))
	}
	return b.String() + ")", args
}

// byName calls do with the names in pieces: how to compare a column with those of
// the piece, and the arguments, of which first is $1.
func (d dialect) byName(names []string, first any, do func(compared string, args []any) error) error {
	if d.arrays && len(names) > 1 {
		for some := range slices.Chunk(names, arrayRows) {
			if err := do("= ANY($2::text[])", []any{first, some}); err != nil {
				return err
			}
		}
		return nil
	}
	return inChunks(d.chunks, names, func(some []string) error {
		in, args := placeholders(some, first)
		return do("IN "+in, args)
	})
}

// bulk is a statement over many rows of values: head, "($1, $2), ($3, $4)", tail.
type bulk struct {
	head, tail string
	columns    int
	// wrap puts an expression around the values of a column, by its place; %s is
	// the value.
	wrap map[int]string
}

// arrayRows is how many rows are given as arrays at once.
const arrayRows = 10_000

// run runs the statement over rows, each of which has bulk.columns values.
func (tx *Tx) run(ctx context.Context, b bulk, rows [][]any) error {
	for tx.store.dialect.arrays && len(rows) > 1 {
		some := rows[:min(arrayRows, len(rows))]
		args, types, ok := b.arrays(some)
		if !ok {
			break
		}
		if _, err := tx.sql.ExecContext(ctx, b.fromArrays(types), args...); err != nil {
			return err
		}
		rows = rows[len(some):]
	}
	return inChunks(tx.store.dialect.chunks, rows, func(chunk [][]any) error {
		args := make([]any, 0, len(chunk)*b.columns)
		for _, row := range chunk {
			args = append(args, row...)
		}
		_, err := tx.sql.ExecContext(ctx, b.text(len(chunk)), args...)
		return err
	})
}

func (b bulk) text(rows int) string {
	var text strings.Builder
	text.WriteString(b.head)
	for n := range rows * b.columns {
		column := n % b.columns
		if column == 0 {
			text.WriteString(separator(n, "(", "), ("))
		} else {
			text.WriteString(", ")
		}
		value := "$" + strconv.Itoa(n+1)
		if wrap := b.wrap[column]; wrap != "" {
			value = strings.Replace(wrap, "%s", value, 1)
		}
		text.WriteString(value)
	}
	return text.String() + ")" + b.tail
}

// arrays gives the columns of rows as arrays with the types of their elements. It
// is not ok where a column holds something else than one of three types.
func (b bulk) arrays(rows [][]any) (args []any, types []string, ok bool) {
	for c := range b.columns {
		var column any
		var typ string
		switch rows[0][c].(type) {
		case int64, int:
			column, ok = columnOf(rows, c, wholeNumber)
			typ = "bigint"
		case string:
			column, ok = columnOf(rows, c, asIs[string])
			typ = "text"
		case []byte:
			column, ok = columnOf(rows, c, asIs[[]byte])
			typ = "bytea"
		default:
			return nil, nil, false
		}
		if !ok {
			return nil, nil, false
		}
		args, types = append(args, column), append(types, typ)
	}
	return args, types, true
}

func columnOf[T any](rows [][]any, c int, as func(any) (T, bool)) (column []T, ok bool) {
	column = make([]T, len(rows))
	for i, row := range rows {
		if column[i], ok = as(row[c]); !ok {
			return nil, false
		}
	}
	return column, true
}

func asIs[T any](v any) (T, bool) {
	t, ok := v.(T)
	return t, ok
}

func wholeNumber(v any) (int64, bool) {
	if n, ok := v.(int); ok {
		return int64(n), true
	}
	return asIs[int64](v)
}

// fromArrays is the statement with a query of arrays in the place of VALUES.
func (b bulk) fromArrays(types []string) string {
	values, names, arrays := make([]string, len(types)), make([]string, len(types)), make([]string, len(types))
	for i, typ := range types {
		names[i] = "c" + strconv.Itoa(i)
		values[i] = "u." + names[i]
		if wrap := b.wrap[i]; wrap != "" {
			values[i] = strings.Replace(wrap, "%s", values[i], 1)
		}
		arrays[i] = "$" + strconv.Itoa(i+1) + "::" + typ + "[]"
	}
	return strings.TrimSuffix(b.head, "VALUES ") + "SELECT " + strings.Join(values, ", ") + " FROM unnest(" + strings.Join(arrays, ", ") +
		") AS u(" + strings.Join(names, ", ") + ")" + b.tail
}

func separator(i int, first, others string) string {
	if i == 0 {
		return first
	}
	return others
}
