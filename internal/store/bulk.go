package store

import (
	"context"
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

// bulk is a statement over many rows of values: head, "($1, $2), ($3, $4)", tail.
type bulk struct {
	head, tail string
	columns    int
	// wrap puts an expression around the values of a column, by its place; %s is
	// the value.
	wrap map[int]string
}

// run runs the statement over rows, each of which has bulk.columns values.
func (tx *Tx) run(ctx context.Context, b bulk, rows [][]any) error {
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

func separator(i int, first, others string) string {
	if i == 0 {
		return first
	}
	return others
}
