package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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

// again decides whether a stream that ended is to be opened again: not after
// an answer that says no, and not faster than the platform can bear.
func (c *Client) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var p *Problem
	if errors.As(err, &p) && p.Kind != Unavailable && p.Kind != TooMany {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(200 * time.Millisecond):
		return nil
	}
}
