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

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// Status is how a service runs now.
type Status struct {
	Service      string                       `json:"service"`
	Owner        string                       `json:"owner"`
	Environments map[string]EnvironmentStatus `json:"environments"`
}

// EnvironmentStatus is how a service runs in one environment.
type EnvironmentStatus struct {
	catalog.Deployment
	Replicas  int                `json:"replicas"`
	Healthy   int                `json:"healthy"`
	Instances []runtime.Instance `json:"instances"`
}

// ServiceStatus tells how a service runs now.
func (c *Client) ServiceStatus(ctx context.Context, service string) (Status, error) {
	var s Status
	err := c.do(ctx, http.MethodGet, "/api/v1/services/"+url.PathEscape(service)+"/status", nil, nil, &s)
	return s, err
}

// LogEntry is one line that an instance printed.
type LogEntry = logs.Entry

// LogQuery selects lines. The zero value of a field selects all.
type LogQuery struct {
	Environment, Release, Instance, Stream string
	Since, Until                           time.Time
	Grep                                   string // regular expression, RE2
	Tail                                   int    // only the newest so many
	Follow                                 bool   // go on until the context ends
}

// Logs calls each for every line, in order of time, until it returns an error.
// With Follow it goes on until the context ends; a connection that breaks off
// is taken up after the last line.
func (c *Client) Logs(ctx context.Context, service string, q LogQuery, each func(LogEntry) error) error {
	for {
		var stop error
		err := c.logs(ctx, service, q, func(e LogEntry) error {
			q.Since, q.Tail = e.Time.Add(time.Microsecond), 0
			stop = each(e)
			return stop
		})
		if !q.Follow || stop != nil {
			return err
		}
		if q.Since.IsZero() {
			q.Since = time.Now()
		}
		if err := c.again(ctx, err); err != nil {
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

// SetSecrets keeps values encrypted and hands them to the service's environment.
func (c *Client) SetSecrets(ctx context.Context, service, env string, values map[string]string) error {
	return c.do(ctx, http.MethodPut, "/api/v1/services/"+url.PathEscape(service)+"/secrets", url.Values{"environment": {env}}, map[string]any{"values": values}, nil)
}

// SetSecretValues keeps values in a secret that is of no service, such as a
// webhook's.
func (c *Client) SetSecretValues(ctx context.Context, name string, values map[string]string) error {
	return c.do(ctx, http.MethodPut, "/api/v1/secrets/"+url.PathEscape(name)+"/values", nil, map[string]any{"values": values}, nil)
}

// UnsetSecretValues removes values of a secret that is of no service.
func (c *Client) UnsetSecretValues(ctx context.Context, name string, keys []string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/secrets/"+url.PathEscape(name)+"/values", url.Values{"key": keys}, nil, nil)
}

// SecretKeys lists the names of a service's secret values.
func (c *Client) SecretKeys(ctx context.Context, service, env string) ([]string, error) {
	var out struct {
		Keys []string `json:"keys"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/services/"+url.PathEscape(service)+"/secrets", url.Values{"environment": {env}}, nil, &out)
	return out.Keys, err
}

// UnsetSecrets removes secret values.
func (c *Client) UnsetSecrets(ctx context.Context, service, env string, keys []string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/services/"+url.PathEscape(service)+"/secrets", url.Values{"environment": {env}, "key": keys}, nil, nil)
}
