//go:build race

package portal_test

// Under the race detector everything takes many times as long, and what it
// takes says nothing: the tests then look at fewer services, and wait longer.
const (
	slowness = 30
	crowd    = 1_000
)
