package object_test

import (
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
)

func BenchmarkDecode10000(b *testing.B) {
	text := manyGadgets(10_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		parsed, err := object.Decode(strings.NewReader(text), "many.yaml")
		if err != nil || len(parsed) != 10_000 {
			b.Fatalf("%d objects, %v", len(parsed), err)
		}
	}
}

func BenchmarkAdmit10000(b *testing.B) {
	r := registry(b)
	parsed, err := object.Decode(strings.NewReader(manyGadgets(10_000)), "many.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, p := range parsed {
			if _, fields := r.AdmitParsed(p); len(fields) > 0 {
				b.Fatal(fields)
			}
		}
	}
}

func BenchmarkFirstSchema(b *testing.B) {
	for b.Loop() {
		if _, err := registry(b).Schema("Gadget"); err != nil {
			b.Fatal(err)
		}
	}
}
