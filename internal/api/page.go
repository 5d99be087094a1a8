package api

import (
	"strconv"

	"github.com/stoa-platform/stoa/internal/problem"
)

// pageText gives where a page of the ledger or of a history ended. To clients
// it is opaque, as the cursors of all other lists are.
func pageText(at int64) string { return strconv.FormatInt(at, 10) }

// parsePage reads the query parameter that names a page; "" is the first one
// and 0. For a text that is none it returns problem.Invalid.
func parsePage(parameter, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	at, err := strconv.ParseInt(text, 10, 64)
	if err != nil || at < 0 {
		return 0, problem.New(problem.Invalid, "%s %.80q is no page", parameter, text).
			WithFields(problem.Field{Path: "query." + parameter, Message: "is not the next of a page before"}).
			Do("pass on the next of the page before")
	}
	return at, nil
}
