package store_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/store/storetest"
)

func benchBoth(b *testing.B, run func(b *testing.B, address func(testing.TB) string)) {
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) { run(b, databases[name]) })
	}
}

// BenchmarkApply stores 10,000 services in one transaction. Beside it stand the
// same rows by prepared inserts of one row each: same tables, same indexes, no
// reading, no JSON.
func BenchmarkApply(b *testing.B) {
	const n = 10_000
	benchBoth(b, func(b *testing.B, address func(testing.TB) string) {
		b.Run("store", func(b *testing.B) {
			objects := storetest.Services(n)
			for range b.N {
				b.StopTimer()
				s := open(b, address(b), options)
				b.StartTimer()
				apply(b, s, objects)
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "objects/s")
		})
		b.Run("inserts", func(b *testing.B) {
			from := open(b, address(b), options)
			apply(b, from, storetest.Services(n))
			for range b.N {
				b.StopTimer()
				s := open(b, address(b), options)
				rows := from.RowsForBenchmark(b)
				b.StartTimer()
				s.InsertForBenchmark(b, rows)
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "objects/s")
		})
	})
}

func apply(b testing.TB, s *store.Store, objects []object.Object) {
	b.Helper()
	err := s.Write(b.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.PutAll(ctx, objects)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkRead reads from 10,000 services by eight readers at once.
func BenchmarkRead(b *testing.B) {
	benchBoth(b, func(b *testing.B, address func(testing.TB) string) {
		s := open(b, address(b), options)
		apply(b, s, storetest.Services(10_000))
		queries := map[string]func() object.Query{
			"list 20 by owner": func() object.Query {
				return object.Query{Kind: "Widget", Owner: fmt.Sprintf("team-%03d", rand.IntN(200)), Limit: 20}
			},
			"list 20 by field": func() object.Query {
				return object.Query{Kind: "Widget", Fields: map[string]string{"spec.colour": fmt.Sprintf("c%d", rand.IntN(50))}, Limit: 20, Newest: true}
			},
			"search a name": func() object.Query {
				return object.Query{Kind: "Widget", Search: fmt.Sprintf("w%05d", rand.IntN(10_000)), Limit: 20}
			},
			"search a common word": func() object.Query { return object.Query{Kind: "Widget", Search: "invoices", Limit: 20} },
			"search a word of all": func() object.Query { return object.Query{Kind: "Widget", Search: "service", Limit: 20} },
		}
		b.Run("get", func(b *testing.B) {
			parallel(b, func(ctx context.Context) error {
				_, err := s.Get(ctx, "Widget", fmt.Sprintf("w%05d", rand.IntN(10_000)))
				return err
			})
		})
		for name, query := range queries {
			b.Run(name, func(b *testing.B) {
				parallel(b, func(ctx context.Context) error {
					page, err := s.List(ctx, query())
					if err == nil && len(page.Items) == 0 {
						return fmt.Errorf("nothing found")
					}
					return err
				})
			})
		}
	})
}

func parallel(b *testing.B, do func(context.Context) error) {
	b.SetParallelism(4) // of 2 processors: 8 at once
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := do(b.Context()); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "per-second")
}

// BenchmarkPut changes one object in a transaction of its own, durably.
func BenchmarkPut(b *testing.B) {
	benchBoth(b, func(b *testing.B, address func(testing.TB) string) {
		s := open(b, address(b), options)
		apply(b, s, storetest.Services(1_000))
		b.ResetTimer()
		for n := range b.N {
			apply(b, s, []object.Object{storetest.Widget(fmt.Sprintf("w%05d", n%1000), "team", n)})
		}
	})
}
