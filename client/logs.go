package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// LogEntry is one line that an instance printed.
type LogEntry struct {
	Time        time.Time `json:"time"` // later than that of every earlier line of the process in its environment
	Service     string    `json:"service"`
	Process     string    `json:"process,omitempty"` // such as worker; "" for the one that serves
	Environment string    `json:"environment"`
	Release     string    `json:"release"`
	Instance    string    `json:"instance"`
	Stream      string    `json:"stream"` // "stdout", "stderr", or "stoa" for what the platform says itself
	// Line is valid UTF-8 without its line end. Escape sequences are kept: do
	// not write it to a terminal as it is.
	Line string `json:"line"`
	// Partial says that the line goes on in the next entry of this instance and
	// stream: it was too long, or not ended for a while.
	Partial bool   `json:"partial,omitempty"`
	Seq     uint64 `json:"seq"` // counts the lines of the process in its environment, from 1
}

// LogQuery selects lines. The zero value of a field selects all.
type LogQuery struct {
	Environment, Release, Instance, Stream string
	Since, Until                           time.Time
	Grep                                   string // regular expression, RE2
	Tail                                   int    // only the newest so many
	Follow                                 bool   // go on until the context ends
	// Attached says that nobody asked for the lines: a command that released the
	// service shows them with it. It is recorded as no use of the logs.
	Attached bool
}

// Logs calls each for every line, in order of time, until it returns an error.
// With Follow it goes on until the context ends; a connection that breaks off
// is taken up after the last line.
func (c *Client) Logs(ctx context.Context, service string, q LogQuery, each func(LogEntry) error) error {
	patience := &follower{c: c}
	for {
		var stop error
		err := c.logs(ctx, service, q, func(e LogEntry) error {
			q.Since, q.Tail = e.Time.Add(1), 0 // lines of one write stand a nanosecond apart
			stop = each(e)
			return stop
		})
		if !q.Follow || stop != nil {
			return err
		}
		if q.Since.IsZero() {
			q.Since = time.Now()
		}
		if err := patience.again(ctx, err); err != nil {
			return err
		}
	}
}

func (c *Client) logs(ctx context.Context, service string, q LogQuery, each func(LogEntry) error) error {
	v := url.Values{}
	set(v, "environment", q.Environment)
	set(v, "release", q.Release)
	set(v, "instance", q.Instance)
	set(v, "stream", q.Stream)
	set(v, "grep", q.Grep)
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if q.Tail > 0 {
		v.Set("tail", strconv.Itoa(q.Tail))
	}
	if q.Follow {
		v.Set("follow", "true")
	}
	if q.Attached {
		v.Set("attached", "true")
	}
	response, err := c.open(ctx, http.MethodGet, "/api/v1/services/"+url.PathEscape(service)+"/logs", v, "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	d := json.NewDecoder(bufio.NewReader(response.Body))
	for {
		var entry LogEntry
		err := d.Decode(&entry)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("read logs of %s: %w", service, err)
		}
		if err := each(entry); err != nil {
			return err
		}
	}
}
