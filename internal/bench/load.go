package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connections is how many clients ask at once, each on a connection that it keeps.
const connections = 8

// target is a server under load.
type target struct {
	address, token string
	pid            int
}

// loaded is what a server did in a window.
type loaded struct {
	perSecond float64
	cpu       time.Duration // of the server, for each request; 0 is unknown
	size      int64         // of an answer, in bytes
}

// load asks the server for paths, connections at once, for a time. path gives
// the path of the nth request. Any answer but 200 is an error, and so is a
// body without what must be in it.
func (t target) load(ctx context.Context, window time.Duration, must string, path func(n int) string) (loaded, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections, DisableCompression: true}}
	defer client.CloseIdleConnections()
	var n, bytes atomic.Int64
	failures := make(chan error, connections)
	before, cpuErr := cpuTime(t.pid)
	began := time.Now()
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for time.Since(began) < window {
				size, err := t.ask(ctx, client, path(int(n.Add(1))), must)
				if err != nil {
					failures <- err
					cancel()
					return
				}
				bytes.Add(size)
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	close(failures)
	for err := range failures {
		if !errors.Is(err, context.Canceled) {
			return loaded{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return loaded{}, err
	}
	l := loaded{perSecond: float64(n.Load()) / took.Seconds(), size: bytes.Load() / n.Load()}
	if after, err := cpuTime(t.pid); err == nil && cpuErr == nil {
		l.cpu = (after - before) / time.Duration(n.Load())
	}
	return l, nil
}

func (t target) ask(ctx context.Context, client *http.Client, path, must string) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.address+path, nil)
	if err != nil {
		return 0, err
	}
	if t.token != "" {
		r.Header.Set("Authorization", "Bearer "+t.token)
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	if answer.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(must)) {
		return 0, fmt.Errorf("GET %s: %s without %s: %.300s", path, answer.Status, must, body)
	}
	return int64(len(body)), nil
}
