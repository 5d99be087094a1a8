package catalog_test

import (
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/catalog"
)

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "256Mi": 256 << 20, "1.5Gi": 3 << 29, "2G": 2e9, "1k": 1000, "1Ki": 1024, "1Ti": 1 << 40, "0.5Ki": 512, "1024Ti": 1 << 50, "1.": 1, ".5k": 500,
		// 0 stands for what is no quantity
		"": 0, "0": 0, "0.1": 0, "-1Mi": 0, "+1Mi": 0, "1025Ti": 0, "Mi": 0, "1 Mi": 0, "1MiB": 0, "1m": 0, "1e3": 0, "0x10": 0, "NaN": 0, "InfG": 0, "1.2.3": 0, "1_000": 0, "１": 0,
	} {
		got, err := catalog.ParseBytes(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
		if err != nil && !strings.Contains(err.Error(), "256Mi") {
			t.Errorf("%q: the error %q shows no example", text, err)
		}
	}
}

func TestParseCPU(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1000, "0.5": 500, "500m": 500, "2": 2000, "1m": 1, "1000": 1e6, "0.001": 1,
		"": 0, "0": 0, "0m": 0, "0.5m": 0, "1001": 0, "-1": 0, "NaN": 0, "NaNm": 0, "m": 0, "1e2": 0, "2 ": 0, "1k": 0,
	} {
		got, err := catalog.ParseCPU(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
	}
}

func TestFormatBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1 KiB", 3 << 29: "1.5 GiB", 256 << 20: "256 MiB", 1 << 40: "1 TiB", 5 << 50: "5120 TiB",
	} {
		if got := catalog.FormatBytes(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

func FuzzParseBytes(f *testing.F) {
	for _, seed := range []string{"256Mi", "1.5Gi", "2G", "NaN", "1e400", "", "."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := catalog.ParseBytes(text)
		if err == nil && (n < 1 || n > 1<<50) || err != nil && n != 0 {
			t.Errorf("%q is %d, %v", text, n, err)
		}
	})
}

func FuzzParseCPU(f *testing.F) {
	for _, seed := range []string{"0.5", "500m", "2", "NaNm", "1e9", ".m"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := catalog.ParseCPU(text)
		if err == nil && (n < 1 || n > 1e6) || err != nil && n != 0 {
			t.Errorf("%q is %d, %v", text, n, err)
		}
	})
}
