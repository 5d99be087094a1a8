package store

// values are rows of values, in whatever way they lie in memory.
type values interface {
	rows() int
	at(row, column int) any
	// column gives a column of the rows from one to before another as []int64,
	// []string or [][]byte; nil where it holds something else.
	column(column, from, to int) any
}

// rowValues are rows as slices.
type rowValues [][]any

func (v rowValues) rows() int                       { return len(v) }
func (v rowValues) at(row, column int) any          { return v[row][column] }
func (v rowValues) column(column, from, to int) any { return gather(v, column, from, to) }

// flatValues lie one row after the other.
type flatValues struct {
	all     []any
	columns int
}

func (v flatValues) rows() int                       { return len(v.all) / v.columns }
func (v flatValues) at(row, column int) any          { return v.all[row*v.columns+column] }
func (v flatValues) column(column, from, to int) any { return gather(v, column, from, to) }

// columnValues are columns of one length: []int64, []string or [][]byte.
type columnValues []any

func (v columnValues) rows() int {
	switch c := v[0].(type) {
	case []int64:
		return len(c)
	case []string:
		return len(c)
	case [][]byte:
		return len(c)
	}
	return 0
}

func (v columnValues) at(row, column int) any {
	switch c := v[column].(type) {
	case []int64:
		return c[row]
	case []string:
		return c[row]
	case [][]byte:
		return c[row]
	}
	return nil
}

func (v columnValues) column(column, from, to int) any {
	switch c := v[column].(type) {
	case []int64:
		return c[from:to]
	case []string:
		return c[from:to]
	case [][]byte:
		return c[from:to]
	}
	return nil
}

// gather makes a column of single values.
func gather(v values, column, from, to int) any {
	switch v.at(from, column).(type) {
	case int64, int:
		return gatherAs(v, column, from, to, wholeNumber)
	case string:
		return gatherAs(v, column, from, to, asIs[string])
	case []byte:
		return gatherAs(v, column, from, to, asIs[[]byte])
	}
	return nil
}

func gatherAs[T any](v values, column, from, to int, as func(any) (T, bool)) any {
	all := make([]T, to-from)
	for i := range all {
		var ok bool
		if all[i], ok = as(v.at(from+i, column)); !ok {
			return nil
		}
	}
	return all
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
