package page

import (
	"fmt"
	"os"
	"regexp"
	"testing"
)

// What the style sheet hides begins after the rows that restAfter counts.
func TestRestAfter(t *testing.T) {
	css, err := os.ReadFile("../assets/own/stoa.css")
	if err != nil {
		t.Fatal(err)
	}
	hidden := regexp.MustCompile(`\.list-rest[^{}]*tr:nth-child\(n\+(\d+)\)\s*\{\s*display: none`).FindAllSubmatch(css, -1)
	if len(hidden) != 1 || string(hidden[0][1]) != fmt.Sprint(restAfter+1) {
		t.Errorf("the style sheet hides rows from %q on, want %d", hidden, restAfter+1)
	}
}
