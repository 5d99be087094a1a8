package history

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// limited reports whether an answer asks to come back later, and notes when.
// It also notes when this was the last request that is allowed for now.
func (a *api) limited(response *http.Response, body []byte) (bool, error) {
	now := a.Clock()
	header := response.Header
	left, reset := either(header, "X-RateLimit-Remaining", "RateLimit-Remaining"), resetAt(header)
	after, said := retryAfter(header.Get("Retry-After"), now)
	status := response.StatusCode
	limited := status == http.StatusTooManyRequests || (status == http.StatusServiceUnavailable && said) ||
		(status == http.StatusForbidden && (said || left == "0" || strings.Contains(strings.ToLower(string(body[:min(len(body), 4096)])), "rate limit")))
	if !limited {
		a.slow = 0
		a.blocked = time.Time{}
		if left == "0" && reset.After(now) && reset.Sub(now) <= maxWait {
			a.blocked = reset.Add(time.Second)
		}
		return false, nil
	}
	switch {
	case said:
		a.blocked = after
	case left == "0" && !reset.IsZero():
		a.blocked = reset.Add(time.Second)
	case a.slow == maxSlow:
		return false, problem.New(problem.TooMany, "%s takes no requests and does not say for how long", a.name).
			Because(words(body)).Do("try again later: it goes on where it was")
	default:
		a.blocked = now.Add(min(time.Minute<<a.slow, slowest))
		a.slow++
	}
	if least := now.Add(time.Second); a.blocked.Before(least) {
		a.blocked = least
	}
	if wait := a.blocked.Sub(now); wait > maxWait {
		p := problem.New(problem.TooMany, "%s takes no requests until %s", a.name, a.blocked.UTC().Format(time.RFC3339)).Do("try again then: it goes on where it was")
		p.RetryAfter = int(wait / time.Second)
		return false, p
	}
	return true, nil
}

func either(header http.Header, names ...string) string {
	for _, name := range names {
		if v := header.Get(name); v != "" {
			return v
		}
	}
	return ""
}

func resetAt(header http.Header) time.Time {
	return seconds(either(header, "X-RateLimit-Reset", "RateLimit-Reset"))
}

// retryAfter reads a header of seconds, or of a date.
func retryAfter(text string, now time.Time) (time.Time, bool) {
	if text == "" {
		return time.Time{}, false
	}
	if n, err := strconv.ParseInt(text, 10, 32); err == nil && n >= 0 {
		return now.Add(time.Duration(n) * time.Second), true
	}
	at, err := http.ParseTime(text)
	return at, err == nil
}
