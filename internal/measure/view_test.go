package measure_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stoa-platform/stoa/internal/measure"
)

func day(text string) int64 {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return measure.Day(at)
}

func TestDays(t *testing.T) {
	winter, summer := time.FixedZone("CET", 3600), time.FixedZone("CEST", 7200)
	for _, c := range []struct {
		at   time.Time
		want string
	}{
		{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "1970-01-01"},
		{time.Date(1969, 12, 31, 23, 59, 59, 999, time.UTC), "1969-12-31"},
		{time.Date(2026, 3, 29, 23, 59, 59, 0, time.UTC), "2026-03-29"},
		{time.Date(2026, 3, 29, 1, 30, 0, 0, winter), "2026-03-29"}, // the night in which clocks go forward
		{time.Date(2026, 3, 30, 0, 30, 0, 0, summer), "2026-03-29"},
		{time.Date(2026, 10, 25, 0, 30, 0, 0, summer), "2026-10-24"}, // and back
		{time.Date(2026, 10, 26, 0, 30, 0, 0, winter), "2026-10-25"},
	} {
		if got := measure.Day(c.at); got != day(c.want) || measure.Date(got).Format(time.DateOnly) != c.want || measure.Micros(got) != measure.Date(got).UnixMicro() {
			t.Errorf("%s is day %d, want that of %s", c.at, got, c.want)
		}
	}
}

func TestBuckets(t *testing.T) {
	for _, c := range []struct {
		from, to string
		step     measure.Step
		edges    []string
	}{
		{"2026-03-10", "2026-04-02", measure.Whole, []string{"2026-03-10", "2026-04-02"}},
		{"2026-03-28", "2026-03-31", measure.Daily, []string{"2026-03-28", "2026-03-29", "2026-03-30", "2026-03-31"}}, // clocks go forward on the 29th
		{"2026-10-24", "2026-10-27", measure.Daily, []string{"2026-10-24", "2026-10-25", "2026-10-26", "2026-10-27"}},
		{"2026-03-04", "2026-03-18", measure.Weekly, []string{"2026-03-04", "2026-03-09", "2026-03-16", "2026-03-18"}},
		{"2026-03-09", "2026-03-16", measure.Weekly, []string{"2026-03-09", "2026-03-16"}},
		{"1969-12-24", "1970-01-07", measure.Weekly, []string{"1969-12-24", "1969-12-29", "1970-01-05", "1970-01-07"}},
		{"2027-12-15", "2028-03-02", measure.Monthly, []string{"2027-12-15", "2028-01-01", "2028-02-01", "2028-03-01", "2028-03-02"}},
	} {
		var got []string
		buckets := measure.Scope{From: day(c.from), To: day(c.to), Step: c.step}.Buckets()
		for i, b := range buckets {
			if i == 0 {
				got = append(got, measure.Date(b.From).Format(time.DateOnly))
			}
			got = append(got, measure.Date(b.To).Format(time.DateOnly))
		}
		if !slices.Equal(got, c.edges) {
			t.Errorf("%s to %s by %q: %v, want %v", c.from, c.to, c.step, got, c.edges)
		}
	}
}

// Buckets lie side by side, fill the time, and begin where the calendar says.
func TestBucketsFillTheTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(-5000, 30_000).Draw(t, "from")
		s := measure.Scope{From: from, To: from + rapid.Int64Range(1, 900).Draw(t, "days"),
			Step: rapid.SampledFrom([]measure.Step{measure.Whole, measure.Daily, measure.Weekly, measure.Monthly}).Draw(t, "step")}
		at := s.From
		for i, b := range s.Buckets() {
			start := measure.Date(b.From)
			if b.From != at || b.To <= b.From {
				t.Fatalf("bucket %d of %+v is %+v", i, s, b)
			}
			if i > 0 && (s.Step == measure.Weekly && start.Weekday() != time.Monday || s.Step == measure.Monthly && start.Day() != 1) {
				t.Fatalf("bucket %d of %+v begins on %s", i, s, start)
			}
			at = b.To
		}
		if at != s.To {
			t.Fatalf("%+v ends at %d", s, at)
		}
		if before := s.Before(); before.To != s.From || before.Days() != s.Days() {
			t.Fatalf("before %+v is %+v", s, before)
		}
	})
}

// org has two teams, one of which is the platform's own, and a name of old.
func org() *measure.Org {
	o := &measure.Org{
		Teams: []*measure.Team{
			{Name: "blue", Segment: "data", IDs: []int64{2}},
			{Name: "platform", Platform: true, IDs: []int64{3}},
			{Name: "red", Segment: "web", Wave: "pilot", IDs: []int64{1, 9}},
		},
		Services: map[int64]string{11: "shop"}, CapabilityNames: map[int64]string{21: "logs"},
		Capabilities: []*measure.Capability{{Name: "deploy"}, {Name: "logs", ID: 21}},
	}
	o.Index()
	return o
}

func TestKey(t *testing.T) {
	from := day("2026-03-02")
	view := func(by measure.Dimension, only map[measure.Dimension][]string) *measure.View {
		return measure.NewView(nil, org(), measure.Scope{From: from, To: from + 14, By: by, Step: measure.Weekly, Only: only})
	}
	cell := measure.Cell{Day: from + 8, Team: 9, Service: 11, Capability: 21, Path: measure.OnPath}
	for _, c := range []struct {
		by    measure.Dimension
		only  map[measure.Dimension][]string
		cell  measure.Cell
		group string
		in    bool
	}{
		{"", nil, cell, "", true},
		{measure.ByTeam, nil, cell, "red", true}, // by the name that it had
		{measure.BySegment, nil, cell, "web", true},
		{measure.ByWave, nil, cell, "pilot", true},
		{measure.ByService, nil, cell, "shop", true},
		{measure.ByCapability, nil, cell, "logs", true},
		{measure.ByPath, nil, cell, "on", true},
		{measure.ByTeam, nil, measure.Cell{Day: from, Team: 77}, "none", true},
		{measure.ByWave, nil, measure.Cell{Day: from, Team: 2}, "none", true},
		{measure.ByPath, nil, measure.Cell{Day: from}, "none", true},
		{measure.ByTeam, nil, measure.Cell{Day: from - 1, Team: 1}, "", false},
		{measure.ByTeam, nil, measure.Cell{Day: from + 14, Team: 1}, "", false},
		{measure.ByTeam, nil, measure.Cell{Day: from, Team: 3}, "", false}, // the platform's own
		{"", map[measure.Dimension][]string{measure.BySegment: {"none"}}, measure.Cell{Day: from, Team: 3}, "", false},
		{"", map[measure.Dimension][]string{measure.ByTeam: {"platform"}}, measure.Cell{Day: from, Team: 3}, "", true}, // asked for by name
		{measure.ByTeam, map[measure.Dimension][]string{measure.ByTeam: {"platform", "red"}}, measure.Cell{Day: from, Team: 3}, "platform", true},
		{measure.ByTeam, map[measure.Dimension][]string{measure.ByService: {"shop"}}, measure.Cell{Day: from, Team: 3, Service: 11}, "platform", true},
		{measure.ByService, map[measure.Dimension][]string{measure.ByTeam: {"red", "green"}}, cell, "shop", true},
		{measure.ByService, map[measure.Dimension][]string{measure.ByTeam: {"blue"}}, cell, "", false},
		{"", map[measure.Dimension][]string{measure.BySegment: {"web"}, measure.ByCapability: {"deploy"}}, cell, "", false},
		{"", map[measure.Dimension][]string{measure.BySegment: {"none"}}, measure.Cell{Day: from}, "", true},
		{"", map[measure.Dimension][]string{measure.BySegment: {}}, cell, "", false},
	} {
		key, in := view(c.by, c.only).Key(c.cell)
		if in != c.in || in && (key.Group != c.group || key.Bucket != int(c.cell.Day-from)/7) {
			t.Errorf("by %q, only %v, %+v: %+v %v", c.by, c.only, c.cell, key, in)
		}
	}
	var names []string
	for _, team := range view("", map[measure.Dimension][]string{measure.BySegment: {"web", "data"}, measure.ByService: {"shop"}}).Teams() {
		names = append(names, team.Name)
	}
	if !slices.Equal(names, []string{"blue", "red"}) {
		t.Errorf("teams %v", names)
	}
	if c := view("", map[measure.Dimension][]string{measure.ByCapability: {"logs"}}).Capabilities(); len(c) != 1 || c[0].Name != "logs" {
		t.Errorf("capabilities %v", c)
	}
}

// What is left out of a number for being of a team that runs the platform is told
// beside it, and is there for who asks for that team.
func TestTeamsThatRunThePlatform(t *testing.T) {
	from := day("2026-03-02")
	own := measure.Cell{Day: from + 8, Team: 3, Path: measure.OnPath}
	for name, c := range map[string]struct {
		by    measure.Dimension
		only  map[measure.Dimension][]string
		cell  measure.Cell
		own   bool
		apart []string
		teams int
	}{
		"all":             {"", nil, own, true, []string{"platform"}, 2},
		"of the path":     {"", map[measure.Dimension][]string{measure.ByPath: {"on"}}, own, true, []string{"platform"}, 2},
		"off the path":    {"", map[measure.Dimension][]string{measure.ByPath: {"off"}}, own, false, []string{"platform"}, 2},
		"too early":       {"", nil, measure.Cell{Day: from - 1, Team: 3}, false, []string{"platform"}, 2},
		"another's":       {"", nil, measure.Cell{Day: from, Team: 1}, false, []string{"platform"}, 2},
		"cut":             {measure.ByTeam, nil, own, false, []string{"platform"}, 2},
		"of others":       {"", map[measure.Dimension][]string{measure.ByTeam: {"red"}}, own, false, nil, 1},
		"asked for":       {"", map[measure.Dimension][]string{measure.ByTeam: {"platform"}}, own, false, nil, 1},
		"asked with more": {"", map[measure.Dimension][]string{measure.ByTeam: {"platform", "red"}}, own, false, nil, 2},
	} {
		v := measure.NewView(nil, org(), measure.Scope{From: from, To: from + 14, By: c.by, Step: measure.Weekly, Only: c.only})
		key, left := v.Own(c.cell)
		if left != c.own || left && key.Bucket != 1 || !slices.Equal(v.Apart(), c.apart) || len(v.Teams()) != c.teams {
			t.Errorf("%s: %+v %v, apart %v, %d teams", name, key, left, v.Apart(), len(v.Teams()))
		}
	}
	o := org()
	o.Insiders = map[int64]bool{7: true}
	v := measure.NewView(nil, o, measure.Scope{From: from, To: from + 14})
	if !v.Insider(7, 1) || !v.Insider(7, 0) || v.Insider(7, 3) || v.Insider(8, 1) {
		t.Error("who runs the platform counts in its own team and in no other")
	}
}
