package page

import (
	"testing"
	"time"
)

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Time{}, "never"}, {now, "just now"}, {now.Add(-4 * time.Second), "just now"}, {now.Add(-59 * time.Second), "59 s ago"},
		{now.Add(-time.Minute), "1 min ago"}, {now.Add(-90 * time.Minute), "1 h ago"}, {now.Add(-25 * time.Hour), "1 day ago"},
		{now.Add(-59 * 24 * time.Hour), "59 days ago"}, {now.Add(-90 * 24 * time.Hour), "on 24 Aug 2026"}, {now.Add(3 * 24 * time.Hour), "in 3 days"},
	} {
		if got := Ago(now, c.at); got != c.want {
			t.Errorf("Ago(%v) = %q, want %q", c.at, got, c.want)
		}
	}
}

func TestNumbersReadWell(t *testing.T) {
	for got, want := range map[string]string{
		Count(0): "0", Count(999): "999", Count(1000): "1,000", Count(-1234567): "−1,234,567",
		Plural(1, "service"): "1 service", Plural(0, "service"): "0 services", Plural(2, "policy"): "2 policies", Plural(3, "day"): "3 days", Plural(2, "entity"): "2 entities", Plural(2, "key"): "2 keys",
		Took(0): "under 1 ms", Took(15): "15 ms", Took(1592): "1.6 s", Took(125_000): "2 min 5 s", Took(25_185_000): "6 h 59 min", Took(206_643_000): "2 days 9 h",
		Rate(0): "0/s", Rate(0.004): "<0.01/s", Rate(0.25): "0.25/s", Rate(1234.4): "1,234/s",
		Share(0): "0 %", Share(0.0004): "<0.1 %", Share(0.0125): "1.3 %", Share(0.5): "50 %", Share(1): "100 %",
		Seconds(0): "0 ms", Seconds(0.00042): "0.42 ms", Seconds(0.0042): "4.2 ms", Seconds(0.042): "42 ms", Seconds(1.26): "1.3 s",
		Short("sha256:0123456789abcdef"): "0123456789ab", Short("ab"): "ab",
		Person("user/ann"): "ann", Person("token/ci-7f3a"): "token/ci-7f3a", Person(""): "nobody known", Person("0123456789abcdef0123"): "erased person 012345",
		List(nil): "", List([]string{"a"}): "a", List([]string{"a", "b", "c"}): "a, b and c",
		Link("/x", "a", "1 2", "b", ""): "/x?a=1+2", Link("/x"): "/x",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
