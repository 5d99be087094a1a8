// Package ranged has flags of numbers with a range.
package ranged

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"
)

// count is a flag of how many: a number outside of its range is refused where it
// is given, not taken for the default.
type count struct {
	to   *int
	most int // 0 is any
}

// Var adds a flag of a number from 1 to most, or of any from 1 when most is 0.
func Var(f *pflag.FlagSet, to *int, name string, value, most int, help string) {
	VarP(f, to, name, "", value, most, help)
}

// VarP is Var with a letter that stands for the name.
func VarP(f *pflag.FlagSet, to *int, name, letter string, value, most int, help string) {
	*to = value
	f.VarP(&count{to, most}, name, letter, help)
}

// Error says which numbers are taken.
type Error struct{ most int }

// Error tells the range.
func (o Error) Error() string {
	if o.most == 0 {
		return "at least 1"
	}
	return fmt.Sprintf("from 1 to %d", o.most)
}

// String gives the number.
func (c *count) String() string { return strconv.Itoa(*c.to) }

// Type is that of a plain number, for help.
func (c *count) Type() string { return "int" }

// Set takes the number.
func (c *count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	if n < 1 || c.most > 0 && n > c.most {
		return Error{c.most}
	}
	*c.to = n
	return nil
}
