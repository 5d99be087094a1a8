package stat_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure/stat"
)

const benchValues = 100_000

func BenchmarkMedian(b *testing.B) {
	xs := logNormal(benchValues, 0, 1, rand.New(rand.NewPCG(1, 1)))
	for b.Loop() {
		stat.Median(xs)
	}
}

func BenchmarkMedianDifference(b *testing.B) {
	for name, n := range map[string]int{"100": 100, "100000": benchValues} {
		xs, ys := logNormal(n, 0, 1, rand.New(rand.NewPCG(1, 1))), logNormal(n, 1, 1, rand.New(rand.NewPCG(2, 1)))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				stat.MedianDifference(xs, ys, 1)
			}
		})
	}
}

func BenchmarkKaplanMeier(b *testing.B) {
	draw := rand.New(rand.NewPCG(1, 1))
	ws := make([]stat.Wait, benchValues)
	for i, x := range logNormal(benchValues, 0, 1, draw) {
		ws[i] = stat.Wait{Duration: x, Event: draw.Float64() < 0.7}
	}
	for b.Loop() {
		s, _ := stat.KaplanMeier(ws)
		s.Median()
	}
}

func BenchmarkFitBass(b *testing.B) {
	months := airConditioners()
	for name, market := range map[string]float64{"known": 19_000, "unknown": 0} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := stat.FitBass(months, market); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRate(b *testing.B) {
	for name, n := range map[string]int{"100": 100, "100000": 99_000} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				stat.Rate(n, 1)
			}
		})
	}
}
