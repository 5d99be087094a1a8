package insight

import (
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/measure"
)

// A form keeps both ends of a target and what it does not show, and says which field
// holds no number.
func TestTargetsForm(t *testing.T) {
	engine, err := measure.NewEngine(nil, fixed{&measure.Org{}}, measure.Waiting(measure.Definition{Name: "wishes", Title: "Wishes", Unit: measure.PerMonth}),
		measure.Waiting(measure.Definition{Name: "share", Title: "Share", Unit: measure.Ratio}), measure.Waiting(measure.Definition{Name: "latency", Unit: measure.Seconds}), measure.Waiting(measure.Definition{Name: "time", Title: "Time", Unit: measure.Seconds}))
	if err != nil {
		t.Fatal(err)
	}
	i, twenty := Insight{Measures: engine}, 20.0
	spec := measure.ScorecardSpec{Rows: []measure.ScorecardRow{{Measure: "wishes", Title: "Mine", Target: &measure.Target{Op: ">=", Value: 5, AtMost: &twenty}},
		{Measure: "share", Target: &measure.Target{Op: "<=", Value: -0.3, Relative: true}}, {Measure: "time"}, {Measure: "latency", Target: &measure.Target{Op: "<=", Value: 0.1}}}}
	shown, err := i.TargetRows(spec, nil, nil)
	if err != nil || len(shown) != 4 || shown[3].Value != "0.1" || shown[3].Unit != "seconds" || shown[2].Unit != "hours" || shown[0].Value != "5" || !shown[0].TwoEnds || shown[0].AtMost != "20" || shown[1].Value != "-30" || shown[2].TwoEnds {
		t.Fatalf("%+v, %v", shown, err)
	}
	form := func(of map[string]string) func(string) string { return func(field string) string { return of[field] } }
	rows, wrong, err := i.ReadTargets(spec, form(map[string]string{"op.wishes": ">", "value.wishes": "4,5", "atMost.wishes": "15", "op.share": "<", "value.share": "-20", "value.time": " ", "atMost.time": "9"}))
	if err != nil || len(wrong) > 0 || rows[0].Title != "Mine" || *rows[0].Target.AtMost != 15 || rows[0].Target.Value != 4.5 || rows[0].Target.Op != ">" ||
		rows[1].Target.Value != -0.2 || !rows[1].Target.Relative || rows[1].Target.AtMost != nil || rows[2].Target != nil {
		t.Errorf("%+v, %v, %v", rows, wrong, err)
	}
	if rows, _, _ := i.ReadTargets(spec, form(map[string]string{"op.wishes": ">=", "value.wishes": "5"})); rows[0].Target.AtMost != nil {
		t.Errorf("an upper end that was emptied: %+v", rows[0].Target)
	}
	_, wrong, _ = i.ReadTargets(spec, form(map[string]string{"value.wishes": "5", "atMost.wishes": "many"}))
	if len(wrong) != 1 || wrong[0].Path != "atMost.wishes" || !strings.Contains(wrong[0].Message, `"many" is no number`) {
		t.Errorf("%+v", wrong)
	}
}
