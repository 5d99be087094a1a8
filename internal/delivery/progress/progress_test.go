package progress

import (
	"slices"
	"strings"
	"testing"
)

// Who watches hears of its release alone, and until it stops; who is slow keeps
// nobody waiting.
func TestHub(t *testing.T) {
	var hub Hub
	hub.Publish("nobody-1", Change{Status: true})
	heard, stop := hub.Watch("shop-1")
	_, stopOther := hub.Watch("shop-2")
	hub.Publish("shop-2", Change{Step: "build", Line: "of another"})
	for range 1000 {
		hub.Publish("shop-1", Change{Status: true})
	}
	if got := <-heard; got != (Change{Status: true}) {
		t.Errorf("heard %+v", got)
	}
	n := len(heard)
	stop()
	stopOther()
	hub.Publish("shop-1", Change{Status: true})
	if len(heard) != n || n == 0 || len(hub.watchers) != 0 {
		t.Errorf("%d and after the end %d are to be heard, %d releases are watched", n, len(heard), len(hub.watchers))
	}
}

// However a stream is cut into writes, the lines are the same; one that never ends is cut.
func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine)
	for _, writes := range [][]string{{"one\ntwo\r\n\nfo", "ur"}, {"o", "ne", "\n", "two\r", "\n\n", "four"}} {
		var got []string
		l := Lines{Emit: func(line string) { got = append(got, line) }}
		for _, w := range writes {
			if n, err := l.Write([]byte(w)); n != len(w) || err != nil {
				t.Fatal(n, err)
			}
		}
		l.Flush()
		l.Flush()
		if want := []string{"one", "two", "", "four"}; !slices.Equal(got, want) {
			t.Errorf("%q gives %q, want %q", writes, got, want)
		}
	}
	n := 0
	l := Lines{Emit: func(string) { n++ }}
	for range 3 {
		_, _ = l.Write([]byte(long))
	}
	if n != 3 {
		t.Errorf("a line that never ends is cut %d times, want 3", n)
	}
}
