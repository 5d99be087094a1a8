package api

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// tellings turn what huma says of a value into what Stoa says of one. $1 is what
// the pattern has caught.
var tellings = []struct {
	says  *regexp.Regexp
	means string
	given bool // the value that was given belongs to it
}{
	{regexp.MustCompile(`^expected number <= (.+)$`), "must be at most $1", true},
	{regexp.MustCompile(`^expected number < (.+)$`), "must be less than $1", true},
	{regexp.MustCompile(`^expected number >= (.+)$`), "must be at least $1", true},
	{regexp.MustCompile(`^expected number > (.+)$`), "must be more than $1", true},
	{regexp.MustCompile(`^expected value to be one of "(.+)"$`), "must be one of $1", true},
	{regexp.MustCompile(`^expected length <= (\d+)$`), "must have at most $1 characters", false},
	{regexp.MustCompile(`^expected length >= 1$`), "must not be empty", false},
	{regexp.MustCompile(`^expected length >= (\d+)$`), "must have at least $1 characters", false},
	{regexp.MustCompile(`^expected array length <= (\d+)$`), "must have at most $1 items", false},
	{regexp.MustCompile(`^expected array length >= (\d+)$`), "must have at least $1 items", false},
	{regexp.MustCompile(`^expected required property (\S+) to be present$`), "$1 is missing", false},
	{regexp.MustCompile(`^unexpected property$`), "unknown field", false},
	{regexp.MustCompile(`^(?:expected|invalid) boolean$`), "must be true or false", true},
	{regexp.MustCompile(`^(?:expected|invalid) integer$`), "must be a whole number", true},
	{regexp.MustCompile(`^(?:expected|invalid) (?:number|float)$`), "must be a number", true},
	{regexp.MustCompile(`^expected string$`), "must be text", true},
	{regexp.MustCompile(`^expected array$`), "must be a list", false},
	{regexp.MustCompile(`^expected object$`), "must be an object", false},
	{regexp.MustCompile(`RFC ?3339|^invalid date/time`), "must be a time such as 2026-01-31T12:00:00Z", true},
}

// wrongValue says what is wrong with a value, with the value and the limit.
func wrongValue(d *huma.ErrorDetail) string {
	for _, t := range tellings {
		m := t.says.FindStringSubmatch(d.Message)
		if m == nil {
			continue
		}
		text := t.means
		if len(m) > 1 {
			text = strings.ReplaceAll(text, "$1", strings.TrimSuffix(m[1], ", ")) // an empty choice is none to tell
		}
		switch v := d.Value.(type) {
		case string:
			if t.given && len(v) <= 100 {
				text += fmt.Sprintf(", not %q", v)
			}
		case bool, int, int64, float64:
			if t.given {
				text += fmt.Sprintf(", not %v", v)
			}
		}
		return text
	}
	return d.Message
}
