package ranged_test

import (
	"errors"
	"testing"

	"github.com/spf13/pflag"

	"github.com/stoa-platform/stoa/internal/cli/ranged"
)

// A number outside of the range is refused, and what was there stays.
func TestVar(t *testing.T) {
	for _, c := range []struct {
		most int
		text string
		want int    // 0 is refused
		says string // why
	}{
		{100, "1", 1, ""}, {100, "100", 100, ""}, {0, "100000", 100000, ""},
		{100, "0", 0, "from 1 to 100"}, {100, "101", 0, "from 1 to 100"}, {0, "0", 0, "at least 1"}, {0, "-1", 0, "at least 1"},
		{100, "many", 0, ""}, {0, "99999999999999999999", 0, ""},
	} {
		f, n := pflag.NewFlagSet("t", pflag.ContinueOnError), 0
		ranged.Var(f, &n, "limit", 20, c.most, "how many")
		if n != 20 || f.Lookup("limit").DefValue != "20" {
			t.Fatalf("begins with %d", n)
		}
		err := f.Parse([]string{"--limit=" + c.text})
		if c.want > 0 {
			if err != nil || n != c.want {
				t.Errorf("%s of at most %d: %d, %v", c.text, c.most, n, err)
			}
			continue
		}
		if err == nil || n != 20 {
			t.Errorf("%s of at most %d is taken: %d", c.text, c.most, n)
		}
		if outside := (ranged.Error{}); errors.As(err, &outside) != (c.says != "") || c.says != "" && outside.Error() != c.says {
			t.Errorf("%s of at most %d: %v", c.text, c.most, err)
		}
	}
}
