package app

import (
	"fmt"
	"strings"

	"github.com/stoa-platform/stoa/internal/object"
)

// Recorded is a kind of event that Stoa writes by itself.
type Recorded struct {
	// Type is the event's type; a part in angle brackets stands for any word.
	Type string
	When string // what happened
	Data string // what the event carries beside who, when, team, service, environment
}

// recorded lists all of them but those of kinds, which follow from the kinds.
func recorded() []Recorded {
	return []Recorded{
		{"dev.stoa.usage.recorded", "a person or a machine used a capability", "how often in that minute, through which door (command line, portal, API); never what was looked at"},
		{"dev.stoa.usage.lost", "uses could not be recorded", "how many, or since when"},
		{"dev.stoa.input.asked", "a person had to be asked something", "which question, about which field, through which door"},
		{"dev.stoa.input.answered", "a release was made with the answer", "which question, and the answer"},
		{"dev.stoa.gate.refused", "a gate refused a change", "the gates' verdicts, through which door"},
		{"dev.stoa.access.refused", "a role or a token does not allow a change or a look", "how often in that minute, through which door, which verb of which kind; never what was written or looked for"},
		{"dev.stoa.access.asked", "somebody asked to join a team", "why, in their words"},
		{"dev.stoa.access.granted", "somebody became a member or owner of a team", "who"},
		{"dev.stoa.access.revoked", "somebody is no longer in a team", "who"},
		{"dev.stoa.alert.received", "an alert came in by a webhook", "its name, severity and fingerprint"},
		{"dev.stoa.webhook.refused", "requests to a webhook were not its sender's, told once a minute", "how many, since when, what was wrong"},
		{"dev.stoa.release.<step>.<state>", "a step of a release ended", "the release, milliseconds, and what it said"},
		{"dev.stoa.service.crashlooping", "an instance ends again and again", "the release, the process if it is a further one, the exit, how often"},
		{"dev.stoa.secret.set", "values of a secret were set", "the names of its keys, never their values"},
		{"dev.stoa.account.<verb>", "an account was made, changed or deleted", "whose"},
		{"dev.stoa.token.<verb>", "a token was made or revoked", "its name, scopes and end, never its value"},
		{"dev.stoa.session.<verb>", "somebody signed in or out", "nothing"},
		{"dev.stoa.event.conflict", "other bytes came under the id of an event", "both"},
		{"dev.stoa.source.bound", "a source of events now belongs to whoever posted it first", "the source and its owner's pseudonym"},
		{"dev.stoa.source.released", "a source belongs to nobody again", "the source"},
		{"dev.stoa.payload.erased", "what events carried was erased", "which events"},
		{"dev.stoa.person.erased", "a pseudonym lost its name", "nothing"},
		{"dev.cdevents.service.deployed.<version>", "a service runs in an environment for the first time", "artifact, release, commit and its time"},
		{"dev.cdevents.service.upgraded.<version>", "a newer artifact of it serves", "the same, and the release before"},
		{"dev.cdevents.service.rolledback.<version>", "an older artifact serves again", "the same"},
		{"dev.cdevents.service.removed.<version>", "it runs in the environment no more", "nothing"},
		{"dev.cdevents.pipelinerun.finished.<version>", "a release failed or was cancelled", "the outcome and why"},
		{"dev.cdevents.<subject>.<predicate>.<version>", "another tool told it by a webhook", "what docs/webhooks.md says; of people only who opened a ticket, as a pseudonym"},
	}
}

// RecordedPage tells people what is recorded about them, as Markdown: made from
// the list above, the kinds and the operations of the API.
func RecordedPage(kinds []object.Kind, operations []string) string {
	var b strings.Builder
	b.WriteString("# What is recorded\n\n<!-- Made from the code: go test ./internal/app -run Recorded -update -->\n\n" +
		"Everything below lies in the ledger. Each event carries who did it as a pseudonym, when, and the team, service, capability and\n" +
		"environment where they are known. Names of people live in one table beside the ledger: `stoa person erase` empties it of a person,\n" +
		"with the payloads that name them, and every proof still holds. `stoa me` shows what is kept about oneself. Measures are of teams and\n" +
		"capabilities, never of persons.\n\n## Facts\n\n| event | when | what it carries |\n|---|---|---|\n")
	for _, r := range recorded() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Type, r.When, r.Data)
	}
	var names []string
	for _, k := range kinds {
		names = append(names, strings.ToLower(k.Name))
	}
	fmt.Fprintf(&b, "| `dev.stoa.<kind>.created`, `.updated`, `.deleted` | an object was declared, changed or deleted; the kinds: %s | its version, which fields changed, why, through which door |\n",
		strings.Join(names, ", "))
	b.WriteString("\n## Use\n\nUse is counted off the request's path and appended once a minute: one event for each person, capability and door. A crash loses at\n" +
		"most what came since the last minute, and the loss is recorded. What was refused, and what asks for what there is not, is no use. The\n" +
		"last three are offered to nobody: they make no team one that uses the platform.\n\n| capability | operations of the API and commands that count as its use |\n|---|---|\n")
	for _, name := range []string{"deploy", "logs", "secrets", "catalog", "audit", "events", "portal", useMeasures, useSession, useAdministration} {
		var of []string
		for _, op := range operations {
			if capability(op) == name {
				of = append(of, "`"+op+"`")
			}
		}
		if name == "portal" {
			of = []string{"every page that is looked at; of what is done there, what counts as a use of another capability counts as that"}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(of, ", "))
	}
	return b.String()
}
