package route

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// idleTimeout is how long an unused connection to a backend is kept: less than
// the shortest keep-alive of common servers (gunicorn 2 s, Node and uvicorn
// 5 s), so that no request is sent on a connection that the application is just
// closing. A new loopback connection costs less than 0.1 ms.
const idleTimeout = 1500 * time.Millisecond

// backend is one instance with its connections and the requests in flight.
type backend struct {
	Backend
	numbers *numbers
	http1   *http.Transport
	http2   *http.Transport // cleartext HTTP/2, for gRPC only

	inFlight atomic.Int64
	retired  atomic.Bool
	idle     chan struct{} // closed when retired and nothing is in flight
	ended    atomic.Bool   // idle is closed, or about to be
	onIdle   func()        // called once when the last request has closed idle; takes the router's lock
}

// dialError is a failure to connect: nothing of the request was sent.
type dialError struct{ error }

func (e dialError) Unwrap() error { return e.error }

func newBackend(b Backend, dialTimeout time.Duration, n *numbers) *backend {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, "tcp", b.Addr)
		if err != nil {
			return nil, dialError{err}
		}
		return c, nil
	}
	transport := func() *http.Transport {
		return &http.Transport{
			DialContext:           dial,
			MaxIdleConnsPerHost:   128,
			IdleConnTimeout:       idleTimeout,
			ExpectContinueTimeout: time.Second,
			DisableCompression:    true, // bodies pass as they are
		}
	}
	bk := &backend{Backend: b, numbers: n, http1: transport(), http2: transport(), idle: make(chan struct{})}
	bk.http2.Protocols = new(http.Protocols)
	bk.http2.Protocols.SetUnencryptedHTTP2(true)
	return bk
}

// acquire counts a request in; false if the backend is retired. Whoever got
// true calls release.
func (b *backend) acquire() bool {
	b.inFlight.Add(1)
	if b.retired.Load() {
		b.release()
		return false
	}
	return true
}

func (b *backend) release() {
	if b.inFlight.Add(-1) == 0 && b.retired.Load() {
		b.becomeIdle(b.onIdle)
	}
}

// retire lets no new request in.
func (b *backend) retire() {
	b.retired.Store(true)
	if b.inFlight.Load() == 0 {
		b.becomeIdle(nil)
	}
}

// becomeIdle waits for nobody: retire calls it under the router's lock, which
// the last request may be about to take in then.
func (b *backend) becomeIdle(then func()) {
	if b.ended.Swap(true) {
		return
	}
	close(b.idle)
	b.http1.CloseIdleConnections()
	b.http2.CloseIdleConnections()
	if then != nil {
		then()
	}
}

func (b *backend) isIdle() bool {
	select {
	case <-b.idle:
		return true
	default:
		return false
	}
}

// roundTrip sends the request. gRPC needs HTTP/2 all the way; everything else
// goes by HTTP/1.1, which every application speaks.
func (b *backend) roundTrip(req *http.Request, inbound int) (*http.Response, error) {
	if inbound == 2 && strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc") &&
		!strings.HasPrefix(req.Header.Get("Content-Type"), "application/grpc-web") {
		return b.http2.RoundTrip(req)
	}
	return b.http1.RoundTrip(req)
}

func isDialError(err error) bool {
	var d dialError
	return errors.As(err, &d)
}

// pick returns the least busy backend that was not tried, counted in, or nil.
// stale means that a backend was retired meanwhile: look at the table again.
func (rt *route) pick(tried []*backend) (b *backend, stale bool) {
	n := len(rt.backends)
	if n == 0 {
		return nil, false
	}
	start := 0
	if n > 1 {
		start = int(rt.shared.rotation.Add(1) % uint64(n))
	}
	least := int64(-1)
	for i := range n {
		candidate := rt.backends[(start+i)%n]
		if contains(tried, candidate) {
			continue
		}
		if busy := candidate.inFlight.Load(); least < 0 || busy < least {
			b, least = candidate, busy
		}
	}
	if b == nil {
		return nil, false
	}
	if !b.acquire() {
		return nil, true
	}
	return b, false
}

func contains(tried []*backend, b *backend) bool {
	for _, t := range tried {
		if t == b {
			return true
		}
	}
	return false
}
