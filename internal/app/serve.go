package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Timeouts of the listener.
const (
	headerTimeout   = 10 * time.Second
	receiveTimeout  = 30 * time.Second // of a request's body
	progressTimeout = time.Minute      // between two pieces of an answer
	idleTimeout     = 2 * time.Minute
	drainTimeout    = 10 * time.Second
	closeTimeout    = 20 * time.Second
)

// listen takes the address. What to do about one that cannot be had depends on
// the command that was run, which knows.
func (p *Platform) listen(ctx context.Context) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", p.config.Listen)
	if errors.Is(err, syscall.EADDRINUSE) && p.config.Elsewhere {
		host, _, _ := net.SplitHostPort(p.config.Listen)
		l, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
	}
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return problem.New(problem.Invalid, "cannot listen on %s", p.config.Listen).Because(listenReason(err)).Cause(err)
	case err != nil:
		return problem.New(problem.Unavailable, "cannot listen on %s", p.config.Listen).Because(listenReason(err)).Cause(err)
	}
	p.listener = l
	p.closing(func(context.Context) error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

func listenReason(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}

// URL is the platform's address for people and clients of this host.
func (p *Platform) URL() string {
	address, ok := p.listener.Addr().(*net.TCPAddr)
	if !ok || address.IP.IsLoopback() || address.IP.IsUnspecified() {
		return "http://" + p.host("localhost")
	}
	return "http://" + p.host(address.IP.String())
}

// local reports whether only this machine reaches the platform.
func (p *Platform) local() bool {
	address, ok := p.listener.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// host joins a host name with the port that the platform listens on.
func (p *Platform) host(name string) string {
	_, port, _ := net.SplitHostPort(p.listener.Addr().String())
	return net.JoinHostPort(name, port)
}

func (p *Platform) serviceURL(service, environment string) string {
	return "http://" + p.host(p.router.Host(service, environment))
}

// Serve works and serves until ctx ends, then drains. It returns nil after an
// orderly end; Close must follow.
func (p *Platform) Serve(ctx context.Context) error {
	// What runs in the background outlives ctx until the server has drained.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.stop = stop
	if err := p.jobs.Start(background); err != nil {
		return fmt.Errorf("start workers: %w", err)
	}
	if err := p.delivery.Restore(ctx); err != nil {
		return fmt.Errorf("restore what ran: %w", err)
	}
	p.background.Go(func() { p.sealer.Run(background) })
	p.background.Go(func() { p.runner.Run(background) })
	p.background.Go(func() { p.usage.Run(background) })
	p.background.Go(func() { p.webhooks.Run(background) })
	p.background.Go(func() { housekeeping(background, p.sweep) })
	p.background.Go(func() {
		if err := p.metrics.Run(background); err != nil {
			p.log.Error("metrics are not kept", "error", err)
		}
	})

	served := make(chan error, 1)
	go func() { served <- p.server.Serve(p.listener) }()
	if err := p.announce(); err != nil {
		return err
	}
	close(p.ready)
	if !p.local() {
		p.log.Warn("services run and are built as this user, not fenced off from the platform's data: let only people you trust as much as yourself deploy here", "listening", p.listener.Addr())
	}
	p.log.Info("serving", "address", p.URL(), "data", p.config.Data, "database", p.store.Dialect())
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	p.log.Info("draining")
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := p.server.Shutdown(drain); err != nil {
		p.log.Warn("requests cut off", "after", drainTimeout)
		return p.server.Close()
	}
	return nil
}

// Ready is closed once the platform serves.
func (p *Platform) Ready() <-chan struct{} { return p.ready }

// Close stops the workers and everything that runs, within a bounded time.
func (p *Platform) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	var errs []error
	if p.delivery != nil {
		p.delivery.Close()
	}
	if p.jobs != nil {
		errs = append(errs, p.jobs.Stop(ctx))
	}
	p.stop()
	ended := make(chan struct{})
	go func() { p.background.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		errs = append(errs, fmt.Errorf("background work does not end: %w", ctx.Err()))
	}
	for _, f := range slices.Backward(p.closers) {
		errs = append(errs, f(ctx))
	}
	return errors.Join(errs...)
}

// dispatch sends requests for workloads to the router, all others to the platform.
func (p *Platform) dispatch(platform http.Handler) http.Handler {
	platform = letGo{receiveTimeout, progressTimeout, platform}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.router.Serves(r.Host) {
			// A request to the platform may have come by the same connection before.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
			p.router.ServeHTTP(w, r)
			return
		}
		platform.ServeHTTP(w, r)
	})
}

// announce tells other commands of this host where the platform is.
func (p *Platform) announce() error {
	path := p.path("endpoint")
	if err := os.WriteFile(path, []byte(p.URL()+"\n"), 0o600); err != nil {
		return fmt.Errorf("write endpoint: %w", err)
	}
	p.closing(func(context.Context) error { return os.Remove(path) })
	return nil
}

// Endpoint is the address of the platform that runs on the data folder, or "".
// A killed platform leaves the file behind and anybody may listen on its port
// next, so the file is believed only while a platform holds the folder's lock:
// whoever reads it is about to send the admin's token there.
func Endpoint(data string) string {
	if !held(data) {
		return ""
	}
	raw, err := os.ReadFile(filepath.Join(data, "endpoint"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}
