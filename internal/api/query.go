package api

import (
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// knownQuery refuses parameters that the operation does not describe: a filter that
// is misspelt would otherwise be answered with everything.
func (a *api) knownQuery(ctx huma.Context, next func(huma.Context)) {
	query := ctx.URL()
	if query.RawQuery == "" {
		next(ctx)
		return
	}
	var known []string
	for _, p := range ctx.Operation().Parameters {
		if p.In == "query" {
			known = append(known, p.Name)
		}
	}
	var wrong []problem.Field
	for _, name := range slices.Sorted(maps.Keys(query.Query())) {
		if !slices.Contains(known, name) {
			wrong = append(wrong, problem.Field{Path: "query." + name, Message: "unknown parameter; " + object.Suggest(name, known)})
		}
	}
	if len(wrong) == 0 {
		next(ctx)
		return
	}
	told := object.Invalid("the request has a parameter that cannot be taken", wrong).Do("GET /openapi.json    describes every parameter")
	writeProblem(ctx.BodyWriter(), func(k, v string) { ctx.SetHeader(k, v) }, ctx.SetStatus, a.told(ctx.Context(), told))
}
