package catalog

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// units are the suffixes of a quantity of bytes, as Kubernetes writes them.
var units = []struct {
	suffix string
	bytes  float64
}{
	{"Ki", 1 << 10}, {"Mi", 1 << 20}, {"Gi", 1 << 30}, {"Ti", 1 << 40},
	{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"", 1},
}

// ParseBytes reads a quantity of memory such as "256Mi", "1.5Gi" or "2G".
func ParseBytes(s string) (int64, error) {
	for _, u := range units {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, ok := decimal(number)
		if n *= u.bytes; !ok || n < 1 || n > 1<<50 {
			break
		}
		return int64(n), nil
	}
	return 0, fmt.Errorf("%q is not a quantity of memory: write 256Mi, 1.5Gi or 2G", s)
}

// decimal reads digits with at most one point among them: no sign, exponent,
// hexadecimal or NaN, all of which strconv would take.
func decimal(s string) (float64, bool) {
	if strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' }) {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// FormatBytes writes a number of bytes in the largest binary unit that keeps
// it readable, such as "1.5 GiB".
func FormatBytes(n int64) string {
	size, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if size < 1024 {
			break
		}
		size, unit = size/1024, next
	}
	return strconv.FormatFloat(math.Round(size*10)/10, 'f', -1, 64) + " " + unit
}

// ParseCPU reads processors such as "0.5", "2" or "500m" as thousandths.
func ParseCPU(s string) (int64, error) {
	number, milli := strings.CutSuffix(s, "m")
	n, ok := decimal(number)
	if !milli {
		n *= 1000
	}
	if !ok || n < 1 || n > 1e6 {
		return 0, fmt.Errorf("%q is not a quantity of processors: write 0.5, 2 or 500m", s)
	}
	return int64(n), nil
}
