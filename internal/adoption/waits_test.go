package adoption

import "testing"

func TestDurationInWords(t *testing.T) {
	for seconds, want := range map[float64]string{0: "less than a minute", 29: "less than a minute", 60: "1 minute", 150: "3 minutes", 7200: "2 hours", 172800: "2 days"} {
		if got := duration(seconds); got != want {
			t.Errorf("%v seconds are %q, want %q", seconds, got, want)
		}
	}
}
