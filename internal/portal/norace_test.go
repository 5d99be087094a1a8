//go:build !race

package portal_test

const (
	slowness = 1
	crowd    = 10_000 // services of the platform on which lists must be fast
)
