package auth

import (
	"cmp"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Refusal gives what to count when p is told err: the use that p wanted and may
// not make. ok is false when err refuses nothing, when nobody known asked, and
// when it was counted already: whoever is nearest to the refusal counts it, once.
// instead says what was wanted where the permission table did not decide.
func Refusal(p Principal, err error, instead string) (use event.Use, ok bool) {
	if !problem.Is(err, problem.Forbidden) {
		return event.Use{}, false
	}
	told := problem.From(err)
	if told.Counted || p.Name == "" {
		return event.Use{}, false
	}
	told.Counted = true
	return event.Use{Actor: p.Name, Team: p.Using(""), Bot: p.Bot, Refused: cmp.Or(told.Wanted, instead)}, true
}
