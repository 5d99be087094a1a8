package page

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Ago says how long before now a time was, in the fewest words.
func Ago(now, at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	d := now.Sub(at)
	if d < 0 {
		return "in " + span(-d)
	}
	if d < 5*time.Second {
		return "just now"
	}
	if d > 60*24*time.Hour {
		return "on " + at.UTC().Format("2 Jan 2006")
	}
	return span(d) + " ago"
}

func span(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}} {
		if n := int(d / unit.size); n > 0 {
			if unit.name == "day" && n > 1 {
				return strconv.Itoa(n) + " days"
			}
			return strconv.Itoa(n) + " " + unit.name
		}
	}
	return "under 1 s"
}

// Took writes a duration in milliseconds in two units at most, such as "1.6 s",
// "2 min 5 s" or "2 days 9 h".
func Took(ms int64) string {
	switch d := time.Duration(ms) * time.Millisecond; {
	case ms < 1:
		return "under 1 ms"
	case d < time.Second:
		return strconv.FormatInt(ms, 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// Count writes a whole number with thousands set apart.
func Count(n int64) string {
	if n < 0 {
		return "−" + Count(-n)
	}
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural writes a number with its noun: "1 service", "2 services".
func Plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok && stem != "" && !strings.ContainsAny(stem[len(stem)-1:], "aeou") {
		return Count(n) + " " + stem + "ies"
	}
	return Count(n) + " " + noun + "s"
}

// Rate writes requests a second with two significant digits.
func Rate(v float64) string {
	switch {
	case v == 0:
		return "0/s"
	case v < 0.01:
		return "<0.01/s"
	case v < 10:
		return strconv.FormatFloat(v, 'g', 2, 64) + "/s"
	default:
		return Count(int64(math.Round(v))) + "/s"
	}
}

// Share writes a share of 0 to 1 in percent.
func Share(v float64) string {
	switch {
	case v == 0:
		return "0 %"
	case v < 0.001:
		return "<0.1 %"
	case v < 0.1:
		return strconv.FormatFloat(math.Round(v*1000)/10, 'f', -1, 64) + " %"
	default:
		return strconv.Itoa(int(math.Round(v*100))) + " %"
	}
}

// Seconds writes a duration given in seconds.
func Seconds(v float64) string {
	switch {
	case v == 0:
		return "0 ms"
	case v < 0.001:
		return strconv.FormatFloat(v*1000, 'f', 2, 64) + " ms"
	case v < 0.01:
		return strconv.FormatFloat(v*1000, 'f', 1, 64) + " ms"
	case v < 1:
		return strconv.Itoa(int(math.Round(v*1000))) + " ms"
	default:
		return strconv.FormatFloat(v, 'f', 1, 64) + " s"
	}
}

// Short cuts a digest or commit to what a person compares.
func Short(digest string) string {
	digest = strings.TrimPrefix(digest, "sha256:")
	return digest[:min(12, len(digest))]
}

// Person writes a principal as people know it: "admin" for "user/admin". A
// pseudonym without a name stays what it is, cut.
func Person(principal string) string {
	name, ok := strings.CutPrefix(principal, "user/")
	switch {
	case principal == "":
		return "nobody known"
	case ok:
		return name
	case !strings.Contains(principal, "/") && len(principal) > 16:
		return "erased person " + principal[:6]
	}
	return principal
}

// List joins words as a sentence does.
func List(words []string) string {
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// Link makes an address of a path and its query; a later value takes the place of
// an earlier one of its name, and empty ones are left out.
func Link(path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Del(pairs[i])
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// stamp is a time as people compare it, in UTC.
func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

func barWidth(share float64) string {
	return strconv.FormatFloat(math.Round(min(max(share, 0), 1)*1000)/10, 'f', -1, 64) + "%"
}

// Decimal writes a number as addresses have it.
func Decimal(n int64) string { return strconv.FormatInt(n, 10) }
