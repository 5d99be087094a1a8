package route

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What the router answers by itself, as label "reason" of its error counter.
var (
	errUnknown     = errors.New("unknown_host")
	errNoBackend   = errors.New("no_instance")  // nothing to send it to
	errHoldTimeout = errors.New("hold_timeout") // waited for a backend in vain
	errHoldFull    = errors.New("hold_full")    // too many wait already
)

// exchange is one request on its way; the proxy's hooks find it in the context.
type exchange struct {
	name    string // "service.environment"
	start   time.Time
	inbound int         // major version of HTTP that the client speaks
	trailer http.Header // of the request; filled when its body has been read

	deadline time.Time  // of waiting for a backend; zero until it first waits
	tried    []*backend // that could not be connected to
	dialErr  error      // of the last of them
	backend  *backend   // that took the request, counted in until finish
	numbers  *numbers   // where the request is counted; nil is nowhere

	status  int
	reason  string        // of an error that was not the application's answer
	latency time.Duration // set early for streams, which have no meaningful end

	body    io.ReadCloser // of the response
	bodyErr error         // met by reading it
}

type exchangeKey struct{}

// ServeHTTP forwards the request to a backend of the service that its host
// names, and returns when the response, stream or upgraded connection has ended.
func (r *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	name, ok := name(req.Host, r.opts.Domains)
	if !ok || req.Method == http.MethodConnect {
		r.refuseUnknown(w, req, name)
		return
	}
	rt := r.table.Load().routes[name]
	if rt == nil {
		r.refuseUnknown(w, req, name)
		return
	}
	e := &exchange{name: name, start: time.Now(), inbound: req.ProtoMajor, trailer: req.Trailer}
	defer e.finish(req.Context(), r.red, rt)
	// An application may answer while it still reads. Go's HTTP/1 server would
	// discard the rest of the body at the first byte of the answer. Where it is
	// not supported it is not needed.
	_ = http.NewResponseController(w).EnableFullDuplex()
	r.proxy.ServeHTTP(w, req.WithContext(context.WithValue(req.Context(), exchangeKey{}, e)))
}

// finish counts the request. It runs too when the proxy aborts by panic.
func (e *exchange) finish(ctx context.Context, red *red, rt *route) {
	if e.bodyErr != nil && ctx.Err() == nil {
		e.status, e.reason = http.StatusBadGateway, "aborted"
	}
	if e.latency == 0 {
		e.latency = time.Since(e.start)
	}
	if e.backend != nil {
		e.backend.release()
	}
	if e.numbers == nil {
		e.numbers = red.numbers(rt.service, rt.environment, "")
	}
	e.numbers.count(e.status, e.latency, e.reason)
}

// Read and Close make the exchange the response's body, to learn whether the
// backend ended it or died in it.
func (e *exchange) Read(p []byte) (int, error) {
	n, err := e.body.Read(p)
	if err != nil && err != io.EOF {
		e.bodyErr = err
	}
	return n, err
}

func (e *exchange) Close() error { return e.body.Close() }

func newProxy(r *Router) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      roundTripper{r},
		ModifyResponse: observe,
		ErrorHandler:   r.fail,
		BufferPool:     &buffers{},
		ErrorLog:       slog.NewLogLogger(r.opts.Logger.Handler(), slog.LevelDebug),
	}
}

// rewrite keeps the Host and the query as the client sent them. The proxy has
// removed hop-by-hop headers and what the client claimed in Forwarded and the
// standard X-Forwarded-*; the rest of what applications trust goes here.
func rewrite(pr *httputil.ProxyRequest) {
	pr.Out.URL.Scheme = "http"
	pr.Out.URL.Host = "backend" // the transport of each backend dials its own address
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery
	for h := range pr.Out.Header {
		if strings.HasPrefix(h, "X-Forwarded-") || h == "X-Real-Ip" {
			delete(pr.Out.Header, h)
		}
	}
	pr.SetXForwarded()
	if pr.In.Context().Value(tlsKey{}) != nil {
		pr.Out.Header.Set("X-Forwarded-Proto", "https")
	}
}

type tlsKey struct{}

// WithTLS says of a request that its client speaks TLS to a proxy in front that is
// trusted: a service that sends whoever does not to https would do so for ever.
func WithTLS(ctx context.Context) context.Context { return context.WithValue(ctx, tlsKey{}, true) }

// observe sees each final response before its body is copied.
func observe(res *http.Response) error {
	e := res.Request.Context().Value(exchangeKey{}).(*exchange)
	e.status = res.StatusCode
	if res.StatusCode == http.StatusSwitchingProtocols {
		e.latency = time.Since(e.start)
		return nil
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		e.latency = time.Since(e.start)
	}
	e.body, res.Body = res.Body, e
	return nil
}

// roundTripper finds a backend, and another one if it cannot be connected to.
type roundTripper struct{ r *Router }

func (t roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	e := req.Context().Value(exchangeKey{}).(*exchange)
	var sent *replayable
	if req.Body != nil {
		sent = &replayable{body: req.Body, from: e.trailer, to: req.Trailer}
		req.Body = sent
	}
	for {
		b, err := t.r.acquire(req.Context(), e)
		if err != nil {
			return nil, err
		}
		e.numbers = b.numbers
		res, err := b.roundTrip(req, e.inbound)
		if err == nil {
			e.backend = b
			return res, nil
		}
		b.release()
		if !isDialError(err) || sent != nil && sent.read.Load() || req.Context().Err() != nil {
			return nil, err
		}
		t.r.opts.Logger.Debug("connect to backend", "service", e.name, "backend", b.ID, "addr", b.Addr, "err", err)
		e.tried, e.dialErr = append(e.tried, b), err
	}
}

// replayable is a request's body that survives a failed connect: the transport
// closes the body then, but has not read any of it.
type replayable struct {
	body     io.ReadCloser
	read     atomic.Bool
	from, to http.Header // trailers, which the proxy copied before they came
}

func (b *replayable) Read(p []byte) (int, error) {
	b.read.Store(true)
	n, err := b.body.Read(p)
	if err == io.EOF && b.to != nil {
		maps.Copy(b.to, b.from)
	}
	return n, err
}

func (b *replayable) Close() error { return nil } // the proxy closes it at the end

// acquire returns a backend, counted in. It waits for one while the service is
// held.
func (r *Router) acquire(ctx context.Context, e *exchange) (*backend, error) {
	for {
		rt := r.table.Load().routes[e.name]
		if rt == nil {
			return nil, errUnknown
		}
		b, stale := rt.pick(e.tried)
		switch {
		case b != nil:
			return b, nil
		case stale:
		case !rt.held:
			return nil, errNoBackend
		default:
			if err := r.wait(ctx, rt, e); err != nil {
				return nil, err
			}
		}
	}
}

// wait returns nil when the route has changed.
func (r *Router) wait(ctx context.Context, rt *route, e *exchange) error {
	waiting := rt.shared.waiting.Add(1)
	defer rt.shared.waiting.Add(-1)
	if waiting > int64(r.opts.HoldLimit) {
		return errHoldFull
	}
	if e.deadline.IsZero() {
		e.deadline = time.Now().Add(r.opts.HoldTimeout)
	}
	timer := time.NewTimer(time.Until(e.deadline))
	defer timer.Stop()
	select {
	case <-rt.replaced:
		return nil
	case <-timer.C:
		return errHoldTimeout
	case <-ctx.Done():
		return ctx.Err()
	}
}

// buffers lends the proxy its copy buffers.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
