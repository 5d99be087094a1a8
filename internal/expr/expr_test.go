package expr_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/expr"
)

func TestConditions(t *testing.T) {
	c := expr.New(map[string]expr.Type{"team": expr.Object, "use": expr.Texts, "now": expr.Time})
	values := map[string]any{
		"team": map[string]any{"spec": map[string]any{"members": []any{"ann", "bob"}, "size": 7}},
		"use":  map[string]string{"type": "dev.stoa.usage.recorded", "surface": "cli"},
		"now":  time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC),
	}
	for expression, want := range map[string]string{
		"true": "true",
		`use.surface == "cli" && use.type.startsWith("dev.stoa.")`: "true",
		`"ann" in team.spec.members && team.spec.size > 6.5`:       "true",
		`now < timestamp("2026-03-04T00:00:00Z")`:                  "false",
		`use.surface`:                   "must give a bool",
		`team.spec.size`:                "not a bool",
		`team.spec.none == 1`:           "no such key",
		`owner == "ann"`:                "undeclared reference",
		`team.spec.members.all(m, m ==`: "Syntax error",
		strings.Repeat("(", 500):        "ERROR",
		`[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, a+b+c+d+e > 0)))))`: "limit",
	} {
		holds, err := c.Holds(t.Context(), expression, values)
		switch {
		case err != nil && !strings.Contains(err.Error(), want):
			t.Errorf("%s: %v, want %s", expression, err, want)
		case err == nil && want != map[bool]string{true: "true", false: "false"}[holds]:
			t.Errorf("%s: %v, want %s", expression, holds, want)
		}
	}
	if err := c.Check("use.surface"); err == nil {
		t.Error("a text is taken for a condition")
	}
	if err := c.Check("use.surface != ''"); err != nil {
		t.Error(err)
	}
}

func TestMoreExpressionsThanAreKept(t *testing.T) {
	c := expr.New(map[string]expr.Type{"use": expr.Texts})
	for i := range 1100 {
		name := strconv.Itoa(i)
		holds, err := c.Holds(t.Context(), "use.n == '"+name+"'", map[string]any{"use": map[string]string{"n": name}})
		if err != nil || !holds {
			t.Fatal(name, holds, err)
		}
	}
}
