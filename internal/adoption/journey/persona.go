package journey

import (
	"slices"
	"strings"
)

// Persona is what somebody does on the platform, as far as their use of it tells.
type Persona string

// The personas.
const (
	Developer  Persona = "developer"
	Data       Persona = "data"
	QA         Persona = "qa"
	Operations Persona = "operations"
	Visitor    Persona = "visitor" // looked around, and nothing that tells more
)

// Everybody is all personas together.
const Everybody Persona = "all"

// Personas lists them in the order in which of two that fit alike the first is
// taken.
func Personas() []Persona { return []Persona{Data, QA, Operations, Developer, Visitor} }

// PersonaRule says which uses tell of a persona: those of capabilities with one of
// the words in their name.
type PersonaRule struct {
	Persona Persona  `json:"persona"`
	Words   []string `json:"words"`
}

// PersonaRules is the whole of what personas are inferred from: somebody is what
// they did on most days. Whoever did nothing that a rule knows is a visitor.
// What people of every persona do, such as reading logs, tells of none.
func PersonaRules() []PersonaRule {
	return []PersonaRule{
		{Data, []string{"data", "database", "dataset", "etl", "kafka", "model", "notebook", "queue", "stream", "topic", "warehouse"}},
		{QA, []string{"preview", "qa", "quality", "scan", "test", "testing", "tests"}},
		{Operations, []string{"alert", "alerts", "audit", "incident", "incidents", "metrics", "oncall", "runbooks", "slo", "status"}},
		{Developer, []string{"api", "build", "deploy", "secrets", "template", "templates"}},
	}
}

// PersonaOf gives the persona that the use of a capability tells of; Visitor when
// none does.
func PersonaOf(rules []PersonaRule, capability string) Persona {
	words := strings.FieldsFunc(capability, func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == '/' })
	for _, rule := range rules {
		if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(rule.Words, w) }) {
			return rule.Persona
		}
	}
	return Visitor
}

// likeliest gives the persona with the most days; of several the first in the
// order of Personas.
func likeliest(days map[Persona]int) Persona {
	best := Visitor
	for _, p := range Personas() {
		if p != Visitor && days[p] > 0 && (best == Visitor || days[p] > days[best]) {
			best = p
		}
	}
	return best
}
