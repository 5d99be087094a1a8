// Package client is the Go client of a Stoa platform's API.
//
//	c, err := client.New("http://127.0.0.1:7700", os.Getenv("STOA_TOKEN"))
//	rel, err := c.Release(ctx, client.ReleaseSpec{…}, "", "", false)
//
// Every error that the platform tells is a *Problem: what was wrong, why, what
// to do next. A client is safe for concurrent use.
//
// The types are those of the API's JSON, with its names. Times are in UTC; a
// field that the platform leaves out has its zero value.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client talks to one platform.
type Client struct {
	base    *url.URL
	token   string
	http    *http.Client
	surface string
	away    time.Duration               // how long followers wait for a platform that does not answer
	waiting func(longest time.Duration) // told when they do
}

// Option changes a client.
type Option func(*Client)

// WithHTTPClient makes requests by another http.Client, such as one with a
// private certificate authority.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithSurface says through which door the requests come, such as "cli"; it
// stands in the ledger.
func WithSurface(name string) Option { return func(c *Client) { c.surface = name } }

// WithWaiting tells, once each time, that what is followed waits for a platform that
// does not answer, and how long at most.
func WithWaiting(told func(longest time.Duration)) Option {
	return func(c *Client) { c.waiting = told }
}

// New returns a client of the platform at server, "http://host:port".
func New(server, token string, options ...Option) (*Client, error) {
	base, err := url.Parse(server)
	if err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" {
		return nil, &Problem{Kind: Invalid, Title: fmt.Sprintf("%q is not the address of a platform", server), Next: []string{"give one like http://127.0.0.1:7700"}}
	}
	base.Path = strings.TrimSuffix(base.Path, "/")
	c := &Client{base: base, token: token, http: http.DefaultClient, away: longestAway}
	for _, o := range options {
		o(c)
	}
	return c, nil
}

// Server gives the platform's address.
func (c *Client) Server() string { return c.base.String() }

// do sends in as JSON and decodes the answer into out; either may be nil.
func (c *Client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	kind := ""
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		body, kind = bytes.NewReader(raw), "application/json"
	}
	return c.send(ctx, method, path, query, kind, body, out)
}

// send sends the body as it is and decodes the answer into out.
func (c *Client) send(ctx context.Context, method, path string, query url.Values, kind string, body io.Reader, out any) error {
	response, err := c.open(ctx, method, path, query, kind, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if out == nil {
		_, err := io.Copy(io.Discard, response.Body)
		return err
	}
	if raw, ok := out.(*json.RawMessage); ok {
		*raw, err = io.ReadAll(response.Body)
		return err
	}
	if err := json.NewDecoder(response.Body).Decode(out); err != nil {
		return fmt.Errorf("decode answer of %s %s: %w", method, path, err)
	}
	return nil
}

// open sends a request and returns its successful answer, whose body the
// caller closes. Any other answer is returned as a *Problem.
func (c *Client) open(ctx context.Context, method, path string, query url.Values, kind string, body io.Reader) (*http.Response, error) {
	address := *c.base
	plain, err := url.PathUnescape(path)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	address.RawPath = address.EscapedPath() + path // a slash within a name stays escaped
	address.Path += plain
	address.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.surface != "" {
		request.Header.Set("X-Stoa-Surface", c.surface)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Problem{
			Kind: Unavailable, Title: fmt.Sprintf("no platform answers at %s", c.base), Why: []string{reason(err)},
			Next: []string{
				"stoa serve    starts one here", "stoa up DIR    starts one in the same process, for as long as it runs",
				"--server URL or STOA_SERVER    names another",
			},
			cause: err,
		}
	}
	if response.StatusCode < 300 {
		return response, nil
	}
	defer response.Body.Close()
	return nil, decodeProblem(response)
}

func reason(err error) string {
	var op *url.Error
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// Version tells the platform's own version.
func (c *Client) Version(ctx context.Context) (string, error) {
	var out struct {
		Version string `json:"version"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/version", nil, nil, &out)
	return out.Version, err
}

// Ready waits until the platform serves, or returns why it does not.
func (c *Client) Ready(ctx context.Context) error {
	for {
		err := c.send(ctx, http.MethodGet, "/readyz", nil, "", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}
