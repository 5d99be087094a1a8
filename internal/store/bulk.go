package store

import (
	"context"
	"strconv"
	"strings"
)

// chunkSizes are the numbers of rows that statements are made for. They are few
// so that each statement stays prepared.
var chunkSizes = []int{64, 8, 1}

// inChunks calls do with all of items, in pieces of the sizes above.
func inChunks[T any](items []T, do func(chunk []T) error) error {
	for _, size := range chunkSizes {
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
		b.WriteString([]string{"($", ", $"}[min(i, 1)])
		args = append(args, item)
		b.WriteString(strconv.Itoa(len(args)))
	}
	b.WriteByte(')')
	return b.String(), args
}

// insert runs head with many rows of values, then tail: head is "INSERT INTO t
// (a, b)", tail "" or what to do on conflict. A column may be wrapped, with %s
// for its placeholder, by the key of its place in wrap.
type insert struct {
	head, tail string
	columns    int
	wrap       map[int]string
}

// run inserts rows, each a slice of insert.columns values.
func (tx *Tx) run(ctx context.Context, in insert, rows [][]any) error {
	return inChunks(rows, func(chunk [][]any) error {
		args := make([]any, 0, len(chunk)*in.columns)
		for _, row := range chunk {
			args = append(args, row...)
		}
		_, err := tx.sql.ExecContext(ctx, in.text(len(chunk)), args...)
		return err
	})
}

func (in insert) text(rows int) string {
	var b strings.Builder
	b.WriteString(in.head + " VALUES ")
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		for c := range in.columns {
			n++
			b.WriteString([]string{"(", ", "}[min(c, 1)])
			value := "$" + strconv.Itoa(n)
			if wrap := in.wrap[c]; wrap != "" {
				value = strings.Replace(wrap, "%s", value, 1)
			}
			b.WriteString(value)
		}
		b.WriteByte(')')
	}
	b.WriteString(in.tail)
	return b.String()
}
