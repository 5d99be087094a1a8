package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// errStop ends a stream without an error.
var errStop = errors.New("stop")

// events reads server-sent events until the stream ends or each returns an error.
func (c *Client) events(ctx context.Context, path string, query url.Values, each func(event string, data []byte) error) error {
	response, err := c.open(ctx, http.MethodGet, path, query, "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	r := bufio.NewReaderSize(response.Body, 64<<10)
	var event string
	var data []byte
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case len(line) == 0 && event != "":
			if err := each(event, data); err != nil {
				if errors.Is(err, errStop) {
					return nil
				}
				return err
			}
			event, data = "", nil
		case bytes.HasPrefix(line, []byte("event: ")):
			event = string(line[7:])
		case bytes.HasPrefix(line, []byte("data: ")):
			data = append(data, line[6:]...)
		}
	}
}

// How long a follower puts up with a platform that does not answer.
const (
	silent      = 2 * time.Second // until it is told
	longestAway = 5 * time.Minute // until it is given up
)

// follower is the patience of who follows something over connections that may
// break off: a platform that restarts is soon there again, one that is gone is not
// waited for without end.
type follower struct {
	c     *Client
	since time.Time // nobody has answered from then on
	told  bool
}

// again decides whether a stream that ended is to be opened again: not after
// an answer that says no, and not faster than the platform can bear.
func (f *follower) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var p *Problem
	refused := errors.As(err, &p)
	if refused && p.Kind != Unavailable && p.Kind != TooMany {
		return err
	}
	switch now := time.Now(); {
	case !refused || p.Kind != Unavailable:
		f.since, f.told = time.Time{}, false
	case f.since.IsZero():
		f.since = now
	case now.Sub(f.since) >= f.c.away:
		return &Problem{Kind: Unavailable, Title: fmt.Sprintf("no platform has answered at %s for %s", f.c.base, f.c.away), Why: p.Why, cause: err,
			Next: []string{"stoa serve    starts one on this host", "the same command again goes on"}}
	case !f.told && now.Sub(f.since) >= min(silent, f.c.away/2) && f.c.waiting != nil:
		f.told = true
		f.c.waiting(f.c.away)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}
