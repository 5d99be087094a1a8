// Package friction knows what stands in people's way: what Stoa had to ask them, and
// which gates refused them.
package friction

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/measure"
)

// Event types that tell of friction. Their extensions say of what.
const (
	TypeInputAsked  = "dev.stoa.input.asked"
	TypeGateRefused = "dev.stoa.gate.refused"
	ExtQuestion     = "question" // the id of what was asked
	ExtGate         = "gate"     // the gates that refused, with commas between
)

// Projector keeps what stood in somebody's way by day and team: question_day and
// gate_day.
type Projector struct{}

// Name is the projection's name.
func (Projector) Name() string { return "friction" }

// Version grows when the rows that follow from the same events change.
func (Projector) Version() int { return 1 }

// Reset empties the tables.
func (Projector) Reset(ctx context.Context, tx event.SQL) error {
	return tx.Empty(ctx, "question_day", "gate_day")
}

var (
	upsertQuestionDay = event.NewUpsert("question_day",
		"ON CONFLICT (day, question, capability, team) DO UPDATE SET n = question_day.n + excluded.n", "day", "question", "capability", "team", "n")
	upsertGateDay = event.NewUpsert("gate_day", "ON CONFLICT (day, gate, team) DO UPDATE SET n = gate_day.n + excluded.n", "day", "gate", "team", "n")
)

// stood is a key of both tables.
type stood struct {
	day              int64
	what             string
	capability, team int64
}

func compareStood(x, y stood) int {
	return cmp.Or(cmp.Compare(x.day, y.day), cmp.Compare(x.what, y.what), cmp.Compare(x.capability, y.capability), cmp.Compare(x.team, y.team))
}

// Apply adds the records' counts.
func (Projector) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	questions, gates := map[stood]int64{}, map[stood]int64{}
	for i := range records {
		r := &records[i]
		switch r.Type {
		case TypeInputAsked:
			questions[stood{measure.Day(r.Time), question(r), r.IDs.Capability, r.IDs.Team}]++
		case TypeGateRefused:
			for _, gate := range refusedBy(r) {
				gates[stood{measure.Day(r.Time), gate, 0, r.IDs.Team}]++
			}
		}
	}
	var args []any
	for _, k := range slices.SortedFunc(maps.Keys(questions), compareStood) {
		args = append(args, k.day, k.what, k.capability, k.team, questions[k])
	}
	if err := upsertQuestionDay.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, k := range slices.SortedFunc(maps.Keys(gates), compareStood) {
		args = append(args, k.day, k.what, k.team, gates[k])
	}
	return upsertGateDay.Run(ctx, tx, args)
}

// maxName bounds the name of a question or a gate.
const maxName = 100

// unnamed is what says no name, or none that can be one.
const unnamed = "unnamed"

func question(r *event.Record) string {
	if name := r.Extensions[ExtQuestion]; name != "" {
		return cleanName(name)
	}
	var data struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(r.Data, &data) // what is no question has no id
	return cleanName(data.ID)
}

// refusedBy gives the gates that refused, each once. A refusal by no named gate
// is one still.
func refusedBy(r *event.Record) []string {
	var names []string
	for name := range strings.SplitSeq(r.Extensions[ExtGate], ",") {
		names = append(names, cleanName(strings.TrimSpace(name)))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func cleanName(name string) string {
	if name == "" || len(name) > maxName || strings.ContainsRune(name, 0) {
		return unnamed
	}
	return name
}
