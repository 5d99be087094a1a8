package bulk

// Rows are rows of values, in whatever way they lie in memory.
type Rows interface {
	Len() int
	At(row, column int) any
	// Column gives a column of the rows from one to before another as []int64,
	// []string or [][]byte; nil where it holds something else.
	Column(column, from, to int) any
}

// Slices are rows as slices.
type Slices [][]any

// Len is how many rows there are.
func (v Slices) Len() int { return len(v) }

// At is a value.
func (v Slices) At(row, column int) any { return v[row][column] }

// Column is a part of a column.
func (v Slices) Column(column, from, to int) any { return gather(v, column, from, to) }

// Flat are values that lie one row after the other.
type Flat struct {
	Values  []any
	Columns int
}

// Len is how many rows there are.
func (v Flat) Len() int { return len(v.Values) / v.Columns }

// At is a value.
func (v Flat) At(row, column int) any { return v.Values[row*v.Columns+column] }

// Column is a part of a column.
func (v Flat) Column(column, from, to int) any { return gather(v, column, from, to) }

// Columns are columns of one length: []int64, []string or [][]byte.
type Columns []any

// Len is how many rows there are.
func (v Columns) Len() int {
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

// At is a value.
func (v Columns) At(row, column int) any {
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

// Column is a part of a column.
func (v Columns) Column(column, from, to int) any {
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
func gather(v Rows, column, from, to int) any {
	switch v.At(from, column).(type) {
	case int64, int:
		return gatherAs(v, column, from, to, wholeNumber)
	case string:
		return gatherAs(v, column, from, to, asIs[string])
	case []byte:
		return gatherAs(v, column, from, to, asIs[[]byte])
	}
	return nil
}

func gatherAs[T any](v Rows, column, from, to int, as func(any) (T, bool)) any {
	all := make([]T, to-from)
	for i := range all {
		var ok bool
		if all[i], ok = as(v.At(from+i, column)); !ok {
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
