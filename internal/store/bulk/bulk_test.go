package bulk_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/store/bulk"
)

// told keeps what it is told to run.
type told []string

func (t *told) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	*t = append(*t, fmt.Sprint(query, " ", args))
	return driver.RowsAffected(10), nil
}

func TestRun(t *testing.T) {
	insert := bulk.Statement{Head: "INSERT INTO t (a, b) VALUES ", Tail: " ON CONFLICT DO NOTHING", Columns: 2, Wrap: map[int]string{1: "f(%s)"}}
	ends := bulk.Statement{Head: "INSERT INTO t (a) VALUES ", Columns: 1, Sizes: []int{1}, Ends: true}
	three := bulk.Flat{Values: []any{1, "x", 2, "y", 3, "z"}, Columns: 2}
	parameters, arrays := bulk.Dialect{Sizes: []int{2, 1}, InsertEnding: "INSERT OR FAIL INTO "}, bulk.Dialect{Sizes: []int{2, 1}, Arrays: true, InsertEnding: "INSERT INTO "}
	for name, c := range map[string]struct {
		in   bulk.Dialect
		what bulk.Statement
		rows bulk.Rows
		want []string
	}{
		"parameters": {parameters, insert, three, []string{
			"INSERT INTO t (a, b) VALUES ($1, f($2)), ($3, f($4)) ON CONFLICT DO NOTHING [1 x 2 y]",
			"INSERT INTO t (a, b) VALUES ($1, f($2)) ON CONFLICT DO NOTHING [3 z]",
		}},
		"arrays": {arrays, insert, three, []string{
			"INSERT INTO t (a, b) SELECT u.c0, f(u.c1) FROM unnest($1::bigint[], $2::text[]) AS u(c0, c1) ON CONFLICT DO NOTHING [[1 2 3] [x y z]]",
		}},
		"arrays of one row":                   {arrays, insert, bulk.Slices{{1, "x"}}, []string{"INSERT INTO t (a, b) VALUES ($1, f($2)) ON CONFLICT DO NOTHING [1 x]"}},
		"what no array holds":                 {arrays, ends, bulk.Slices{{nil}, {int64(7)}}, []string{"INSERT INTO t (a) VALUES ($1) [<nil>]", "INSERT INTO t (a) VALUES ($1) [7]"}},
		"columns":                             {arrays, insert, bulk.Columns{[]int64{1, 2}, []string{"x", "y"}}, []string{"INSERT INTO t (a, b) SELECT u.c0, f(u.c1) FROM unnest($1::bigint[], $2::text[]) AS u(c0, c1) ON CONFLICT DO NOTHING [[1 2] [x y]]"}},
		"columns as parameters":               {parameters, insert, bulk.Columns{[]int64{1}, [][]byte{{9}}}, []string{"INSERT INTO t (a, b) VALUES ($1, f($2)) ON CONFLICT DO NOTHING [1 [9]]"}},
		"a failure that ends the transaction": {parameters, ends, bulk.Slices{{5}}, []string{"INSERT OR FAIL INTO t (a) VALUES ($1) [5]"}},
		"nothing":                             {parameters, insert, bulk.Slices{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got told
			changed, err := bulk.NewRunner(c.in).Run(t.Context(), &got, c.what, c.rows)
			if err != nil || !slices.Equal(got, c.want) || changed != int64(10*len(c.want)) {
				t.Errorf("%d changed (%v)\n got %q\nwant %q", changed, err, got, c.want)
			}
		})
	}
}
