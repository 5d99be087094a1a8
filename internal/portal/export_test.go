package portal

import (
	"maps"
	"slices"
)

// Pages are the patterns of the table of pages and forms, and Streams those of
// what is live on them.
var (
	Pages   = slices.Sorted(maps.Keys(new(Portal).pages()))
	Streams = slices.Sorted(maps.Keys(new(Portal).streams()))
)
