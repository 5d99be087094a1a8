package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Host says how the API of a host of repositories is reached.
type Host struct {
	// API is its address, such as "https://api.github.com".
	API string
	// Token is sent to that address and to no other. Empty: nobody signs in.
	Token string
	// TokenFrom says where the token is kept, for who has to renew it.
	TokenFrom string
	// HTTP makes the requests; nil is one that gives up after a minute without an answer.
	HTTP *http.Client
	// Clock and Pause are the time that waits are made of; nil is the real one.
	Clock func() time.Time
	Pause func(context.Context, time.Duration) error
}

// Bounds of patience.
const (
	maxTries = 6                // of one request that fails
	maxWait  = 2 * time.Hour    // that a host may ask for
	slowest  = 15 * time.Minute // that is waited where a host does not say how long
	maxSlow  = 8                // such waits in a row
	maxPage  = 64 << 20         // bytes of one answer
)

// api asks a host, one request at a time, and waits when the host asks for it.
type api struct {
	Host
	name    string // of the host, in front of people
	base    *url.URL
	header  http.Header
	waiting func(why string, until time.Time)
	blocked time.Time // no request before
	slow    int       // waits in a row of a length that the host did not say
}

// newAPI checks the address. A token travels encrypted, or not at all beyond
// this machine.
func newAPI(h Host, name string, header http.Header) (*api, error) {
	base, err := url.Parse(strings.TrimSuffix(h.API, "/"))
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.User != nil {
		return nil, problem.New(problem.Invalid, "%q is not the address of an API", h.API).Do("give one such as --api https://git.example.org/api/v4")
	}
	local := base.Hostname() == "localhost" || strings.HasPrefix(base.Hostname(), "127.") || base.Hostname() == "::1"
	if base.Scheme == "http" && h.Token != "" && !local {
		return nil, problem.New(problem.Invalid, "%s is not encrypted: the token would travel for all to read", h.API).Do("give its https address")
	}
	if h.HTTP == nil {
		h.HTTP = &http.Client{Timeout: time.Minute}
	}
	if h.Clock == nil {
		h.Clock = time.Now
	}
	if h.Pause == nil {
		h.Pause = pause
	}
	if h.Token != "" {
		header.Set("Authorization", "Bearer "+h.Token)
	}
	header.Set("User-Agent", "stoa")
	return &api{Host: h, name: name, base: base, header: header, waiting: func(string, time.Time) {}}, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// answer is one page of what a host knows.
type answer struct {
	body      []byte
	next      string // the address of the next page
	tag       string // the version of this one
	unchanged bool   // it still has the version that was asked with
}

// statusError is an answer that says no.
type statusError struct {
	status int
	words  string
}

// Error gives the host's words.
func (e *statusError) Error() string {
	text := fmt.Sprintf("answered %d %s", e.status, http.StatusText(e.status))
	if e.words != "" {
		text += ": " + e.words
	}
	return text
}

// closed reports whether a host says that there is no such thing, or not for
// this token.
func closed(err error) bool {
	switch statusOf(err) {
	case http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusUnavailableForLegalReasons:
		return true
	}
	return false
}

// missing reports whether a host says that there is no such thing.
func missing(err error) bool { return statusOf(err) == http.StatusNotFound }

// statusOf is the status of an answer that says no; 0 for any other error.
func statusOf(err error) int {
	var s *statusError
	if errors.As(err, &s) {
		return s.status
	}
	return 0
}

// notShown tells that a host does not show what was to be read.
func (a *api) notShown(err error, what string) error {
	next := "put a token that may read it into " + a.TokenFrom
	switch {
	case missing(err):
		return problem.New(problem.NotFound, "%s knows no %s, or does not show it to this token", a.base.Host, what).Do(next).Cause(err)
	case closed(err):
		return problem.New(problem.Forbidden, "%s does not show %s", a.base.Host, what).Because(err.Error()).Do(next).Cause(err)
	}
	return err
}

// get asks for one address: a path below the API's, or the whole address of a
// next page. tag, which may be empty, is the version that is known already.
func (a *api) get(ctx context.Context, address, tag string) (answer, error) {
	if !strings.Contains(address, "://") {
		address = a.base.String() + address
	}
	for try := 1; ; try++ {
		if wait := a.blocked.Sub(a.Clock()); wait > 0 {
			a.waiting(a.name+" takes no more requests until then", a.blocked)
			if err := a.Pause(ctx, wait); err != nil {
				return answer{}, err
			}
		}
		got, again, err := a.once(ctx, address, tag)
		switch {
		case again && err == nil:
			try-- // the host asked for patience, which is no failure
		case !again:
			return got, err
		case ctx.Err() != nil:
			return answer{}, ctx.Err()
		case try == maxTries:
			var s *statusError
			if errors.As(err, &s) {
				return answer{}, problem.New(problem.Failed, "%s %v, %d times", a.name, s, try).Cause(err)
			}
			return answer{}, problem.New(problem.Unavailable, "%s cannot be reached", a.base.Host).
				Because(clean(plainError(err), 300)).Do("try again: it goes on where it was").Cause(err)
		default:
			backoff := time.Second << (try - 1)
			if err := a.Pause(ctx, backoff+rand.N(backoff)); err != nil {
				return answer{}, err
			}
		}
	}
}

func plainError(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err.Error()
	}
	return err.Error()
}

// once makes one request. again says that it is worth another, after a wait
// that is noted in blocked when there is no error.
func (a *api) once(ctx context.Context, address, tag string) (got answer, again bool, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return got, false, err
	}
	request.Header = a.header.Clone()
	if tag != "" {
		request.Header.Set("If-None-Match", tag)
	}
	response, err := a.HTTP.Do(request)
	if err != nil {
		return got, true, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxPage+1))
	if err != nil {
		return got, true, err
	}
	if len(body) > maxPage {
		return got, false, problem.New(problem.Failed, "%s answers with more than %d MiB at once", a.name, maxPage>>20)
	}
	if limited, err := a.limited(response, body); limited || err != nil {
		return got, limited, err
	}
	switch status := response.StatusCode; {
	case status == http.StatusNotModified:
		return answer{unchanged: true, tag: tag}, false, nil
	case status == http.StatusUnauthorized:
		return got, false, a.unauthorized()
	case status >= 500 || status == http.StatusRequestTimeout:
		return got, true, &statusError{status, words(body)}
	case status != http.StatusOK:
		return got, false, &statusError{status, words(body)}
	}
	got = answer{body: body, tag: response.Header.Get("Etag")}
	got.next, err = a.next(response.Header, address)
	return got, false, err
}

func (a *api) unauthorized() error {
	p := problem.New(problem.Unauthenticated, "%s does not accept the token", a.name)
	if a.Token == "" {
		p = problem.New(problem.Unauthenticated, "%s wants a token", a.name)
	}
	return p.Do("put a token that may read into " + a.TokenFrom)
}

// words gives what an answer says of itself.
func words(body []byte) string {
	var told struct {
		Message any `json:"message"`
		Error   any `json:"error"`
	}
	_ = json.Unmarshal(body, &told) // what is no JSON says nothing
	for _, v := range []any{told.Message, told.Error} {
		if text, ok := v.(string); ok {
			return clean(text, 200)
		}
	}
	return ""
}

// next reads the address of the next page. It must be one of the same host,
// which alone may see the token.
func (a *api) next(header http.Header, current string) (string, error) {
	for _, line := range header.Values("Link") {
		for part := range strings.SplitSeq(line, ",") {
			target, attributes, _ := strings.Cut(strings.TrimSpace(part), ";")
			if !strings.Contains(strings.ReplaceAll(attributes, `"`, ""), "rel=next") || len(target) < 2 {
				continue
			}
			u, err := url.Parse(target[1 : len(target)-1])
			if err != nil || !strings.EqualFold(u.Host, a.base.Host) {
				return "", problem.New(problem.Failed, "%s names a next page on another host", a.name).Because(clean(target, 300))
			}
			u.Scheme, u.User = a.base.Scheme, nil
			if u.String() == current {
				return "", problem.New(problem.Failed, "%s names the same page as the next one", a.name).Because(clean(target, 300))
			}
			return u.String(), nil
		}
	}
	return "", nil
}

// pages asks for all pages from an address on, until each wants no more of them.
// It returns the version of the first page; unchanged says that it is still tag.
func (a *api) pages(ctx context.Context, address, tag string, each func([]byte) (more bool, err error)) (first answer, err error) {
	for n := 0; address != ""; n++ {
		got, err := a.get(ctx, address, tag)
		if err != nil {
			return first, err
		}
		if n == 0 {
			first, tag = got, ""
		}
		if got.unchanged {
			return first, nil
		}
		more, err := each(got.body)
		if err != nil || !more {
			return first, err
		}
		address = got.next
	}
	return first, nil
}

// items reads pages that are arrays.
func items[T any](each func(T) (more bool, err error)) func([]byte) (bool, error) {
	return func(body []byte) (bool, error) {
		var page []T
		if err := json.Unmarshal(body, &page); err != nil {
			return false, problem.New(problem.Failed, "an answer cannot be understood").Because(clean(err.Error(), 300)).Cause(err)
		}
		for _, item := range page {
			if more, err := each(item); err != nil || !more {
				return false, err
			}
		}
		return true, nil
	}
}
