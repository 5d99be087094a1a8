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

// Projector keeps what stood in somebody's way by day and team, and by what it was
// about: question_day and gate_day; and the runs of each service, run_day.
type Projector struct{}

// Name is the projection's name.
func (Projector) Name() string { return "friction" }

// Version grows when the rows that follow from the same events change.
func (Projector) Version() int { return 3 }

// Reset empties the tables.
func (Projector) Reset(ctx context.Context, tx event.SQL) error {
	return tx.Empty(ctx, "question_day", "gate_day", "run_day")
}

var (
	upsertQuestionDay = event.NewUpsert("question_day",
		"ON CONFLICT (day, question, capability, team, service) DO UPDATE SET n = question_day.n + excluded.n", "day", "question", "capability", "team", "service", "n")
	upsertGateDay = event.NewUpsert("gate_day",
		"ON CONFLICT (day, gate, team, service, capability) DO UPDATE SET n = gate_day.n + excluded.n", "day", "gate", "team", "service", "capability", "n")
	upsertRunDay = event.NewUpsert("run_day", "ON CONFLICT (day, team, service) DO UPDATE SET n = run_day.n + excluded.n", "day", "team", "service", "n")
)

// stood is a key of all tables; of run_day no question or gate is in it.
type stood struct {
	day                       int64
	what                      string
	capability, team, service int64
}

func compareStood(x, y stood) int {
	return cmp.Or(cmp.Compare(x.day, y.day), cmp.Compare(x.what, y.what), cmp.Compare(x.capability, y.capability), cmp.Compare(x.team, y.team),
		cmp.Compare(x.service, y.service))
}

// Apply adds the records' counts.
func (Projector) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	questions, gates, runs := map[stood]int64{}, map[stood]int64{}, map[stood]int64{}
	for i := range records {
		r := &records[i]
		switch r.Type {
		case TypeInputAsked:
			questions[stood{measure.Day(r.Time), question(r), r.IDs.Capability, r.IDs.Team, r.IDs.Service}]++
		case TypeGateRefused:
			for _, gate := range refusedBy(r) {
				gates[stood{measure.Day(r.Time), gate, r.IDs.Capability, r.IDs.Team, r.IDs.Service}]++
			}
		default:
			if isRun(r.Type, r.Capability) {
				runs[stood{measure.Day(r.Time), "", 0, r.IDs.Team, r.IDs.Service}]++
			}
		}
	}
	var args []any
	for _, k := range slices.SortedFunc(maps.Keys(questions), compareStood) {
		args = append(args, k.day, k.what, k.capability, k.team, k.service, questions[k])
	}
	if err := upsertQuestionDay.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, k := range slices.SortedFunc(maps.Keys(gates), compareStood) {
		args = append(args, k.day, k.what, k.team, k.service, k.capability, gates[k])
	}
	if err := upsertGateDay.Run(ctx, tx, args); err != nil {
		return err
	}
	args = args[:0]
	for _, k := range slices.SortedFunc(maps.Keys(runs), compareStood) {
		args = append(args, k.day, k.team, k.service, runs[k])
	}
	return upsertRunDay.Run(ctx, tx, args)
}

// isRun reports whether an event of a type and a capability is a deployment on the
// golden path that puts nothing back.
func isRun(eventType, capability string) bool {
	if capability != event.CapabilityDeploy {
		return false
	}
	subject, predicate, ok := event.CDEvent(eventType)
	return ok && subject == "service" && (predicate == "deployed" || predicate == "upgraded")
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
