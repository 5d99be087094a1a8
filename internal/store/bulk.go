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
	// sizes are the numbers of rows of one statement, falling to 1, where rows are
	// parameters; the dialect's chunks where there are none.
	sizes []int
	// ends says that a failed statement ends the transaction anyway, so that the
	// database need not be able to undo it alone.
	ends bool
}

// arrayRows is how many rows are given as arrays at once.
const arrayRows = 10_000

// run runs the statement over rows, each of which has bulk.columns values.
func (tx *Tx) run(ctx context.Context, b bulk, rows [][]any) error {
	return tx.runValues(ctx, b, rowValues(rows))
}

func (tx *Tx) runValues(ctx context.Context, b bulk, all values) error {
	d, at := tx.store.dialect, 0
	for d.arrays && all.rows()-at > 1 {
		end := min(at+arrayRows, all.rows())
		args, types, ok := b.arrays(all, at, end)
		if !ok {
			break
		}
		if _, err := tx.sql.ExecContext(ctx, b.fromArrays(types), args...); err != nil {
			return err
		}
		at = end
	}
	sizes := b.sizes
	if sizes == nil {
		sizes = d.chunks
	}
	args := make([]any, 0, b.columns*min(sizes[0], all.rows()-at))
	for _, size := range sizes {
		for ; all.rows()-at >= size; at += size {
			args = args[:0]
			for row := at; row < at+size; row++ {
				for column := range b.columns {
					args = append(args, all.at(row, column))
				}
			}
			if _, err := tx.sql.ExecContext(ctx, tx.store.text(b, size), args...); err != nil {
				return err
			}
		}
	}
	return nil
}

// textKey is what the text of a statement with parameters follows from.
type textKey struct {
	head, tail string
	rows       int
}

// text gives the text of a statement with so many rows of parameters; there are
// few different ones.
func (s *Store) text(b bulk, rows int) string {
	key := textKey{b.head, b.tail, rows}
	text, ok := s.texts.Load(key)
	if !ok {
		text, _ = s.texts.LoadOrStore(key, b.text(s.dialect, rows))
	}
	return text.(string)
}

func (b bulk) text(d dialect, rows int) string {
	var text strings.Builder
	if into, ok := strings.CutPrefix(b.head, "INSERT INTO "); ok && b.ends {
		text.WriteString(d.insertEnding + into)
	} else {
		text.WriteString(b.head)
	}
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

// arrays gives the columns of some rows as arrays with the types of their
// elements. It is not ok where a column holds something else than one of three
// types.
func (b bulk) arrays(all values, from, to int) (args []any, types []string, ok bool) {
	for c := range b.columns {
		column := all.column(c, from, to)
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
