package measure

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

func TestParseScope(t *testing.T) {
	now := time.Date(2026, 11, 28, 23, 59, 0, 0, time.UTC)
	day := func(text string) int64 {
		at, err := time.Parse("2006-01-02", text)
		if err != nil {
			t.Fatal(err)
		}
		return Day(at)
	}
	for _, c := range []struct {
		query    string
		from, to string
		want     Scope
		wrong    string // the field
	}{
		{query: "", from: "2026-10-30", to: "2026-11-29"},
		{query: "days=7", from: "2026-11-22", to: "2026-11-29"},
		{query: "to=2026-03-01", from: "2026-01-30", to: "2026-03-01"},
		{query: "from=2026-02-01&to=2026-03-01", from: "2026-02-01", to: "2026-03-01"},
		{query: "from=2026-02-01&days=28", from: "2026-02-01", to: "2026-03-01"},
		{query: "days=1&by=team&step=week&team=a,b", from: "2026-11-28", to: "2026-11-29",
			want: Scope{By: ByTeam, Step: Weekly, Only: map[Dimension][]string{ByTeam: {"a", "b"}}}},
		{query: "from=2026-03-01&to=2026-03-01", wrong: "to"},
		{query: "from=2026-02-30", wrong: "from"},
		{query: "to=yesterday", wrong: "to"},
		{query: "days=0", wrong: "days"},
		{query: "days=99999999999999999999", wrong: "days"},
		{query: "by=colour", wrong: "by"},
		{query: "step=hour", wrong: "step"},
	} {
		q, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseScope(q, UsualDays, now)
		if c.wrong != "" {
			if told := problem.From(err); err == nil || told.Kind != problem.Invalid || told.Fields[0].Path != c.wrong {
				t.Errorf("%q: %v", c.query, err)
			}
			continue
		}
		want := c.want
		want.From, want.To = day(c.from), day(c.to)
		if want.Only == nil {
			want.Only = map[Dimension][]string{}
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v, %v; want %+v", c.query, got, err, want)
		}
		again, err := ParseScope(got.Query(), 1, now)
		if err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%q becomes %+v by way of %s", c.query, again, got.Query().Encode())
		}
	}
}

func FuzzParseScope(f *testing.F) {
	f.Add("from=2026-02-01&to=2026-03-01&by=team&step=month&path=on")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		s, err := ParseScope(q, UsualDays, time.Unix(1_800_000_000, 0))
		if err == nil && s.Days() <= maxDays {
			buckets := s.Buckets()
			if buckets[0].From != s.From || buckets[len(buckets)-1].To != s.To {
				t.Fatalf("%s has buckets from %d to %d", strings.TrimSpace(text), buckets[0].From, buckets[len(buckets)-1].To)
			}
		}
	})
}
