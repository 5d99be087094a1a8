package store

import (
	"slices"
	"strconv"
	"strings"

	"github.com/stoa-platform/stoa/internal/store/bulk"
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
	if d.bulk.Arrays && len(names) > 1 {
		for some := range slices.Chunk(names, bulk.ArrayRows) {
			if err := do("= ANY($2::text[])", []any{first, some}); err != nil {
				return err
			}
		}
		return nil
	}
	return inChunks(d.bulk.Sizes, names, func(some []string) error {
		in, args := placeholders(some, first)
		return do("IN "+in, args)
	})
}

func separator(i int, first, others string) string {
	if i == 0 {
		return first
	}
	return others
}
