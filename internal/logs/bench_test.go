package logs

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

func unlimited() Limits { return Limits{Rate: 1 << 40, Burst: 1 << 40} }

// BenchmarkWrite is what a workload that prints lines of 100 bytes in pieces
// of 32 KB can log.
func BenchmarkWrite(b *testing.B) {
	for _, chunk := range []int{100, 32 << 10} {
		b.Run(fmt.Sprintf("chunk=%d", chunk), func(b *testing.B) {
			s := open(b, b.TempDir(), Options{Limits: unlimited()})
			w := s.Writer("shop", "dev", "1", "a", StreamStdout)
			defer w.Close()
			p := []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", chunk/100))
			b.SetBytes(int64(len(p)))
			b.ReportAllocs()
			for b.Loop() {
				w.Write(p)
			}
		})
	}
}

// BenchmarkDropped is what a workload far over its rate costs.
func BenchmarkDropped(b *testing.B) {
	s := open(b, b.TempDir(), Options{Limits: Limits{Rate: 1000, Burst: 1}})
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	defer w.Close()
	p := []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 320))
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		w.Write(p)
	}
}

// BenchmarkQuery searches 64 MB of text, most of it compressed.
func BenchmarkQuery(b *testing.B) {
	s := open(b, b.TempDir(), Options{Limits: unlimited()})
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	defer w.Close()
	const lines = 400_000
	for i := range lines {
		fmt.Fprintf(w, `level=info msg="request served" path=/api/v1/orders/%d status=200 duration=%dms user=%d`+"\n", i, i%500, i%10_000)
	}
	compressed(b, s.journal("shop", "dev"))
	for name, f := range map[string]Filter{
		"grep":   {Grep: regexp.MustCompile(`orders/399999 `)},
		"tail":   {Tail: 100},
		"recent": {Since: time.Now().Add(-time.Millisecond)},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for _, err := range s.Query(b.Context(), f) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
