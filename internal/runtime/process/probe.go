//go:build linux || darwin

package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// healthPaths are tried in this order after the detected one.
var healthPaths = []string{"/healthz", "/health", "/readyz", "/livez", "/actuator/health", "/up", "/"}

const (
	// answerPatience is how long a program that accepts the connection may take
	// to answer the first request, which some spend compiling. One that then
	// still says nothing is taken to speak something other than HTTP.
	answerPatience = 10 * time.Second
	// strangerPatience is the same for a port that nobody spoke of.
	strangerPatience = 2 * time.Second
	// closePatience is the same for a program that closes connections
	// unanswered.
	closePatience = 500 * time.Millisecond

	bodyMax      = 64 << 10
	bodyPatience = 100 * time.Millisecond
)

// answer is how an instance was seen to be healthy.
type answer struct {
	addr   string // host:port that was dialled
	path   string // empty: TCP only
	status int
	hinted int // status of the detected path, where that was no health
	took   time.Duration
	note   string // what a person should know about it
}

func (a answer) String() string {
	if a.path == "" {
		return fmt.Sprintf("healthy: accepts TCP connections (%s)", a.note)
	}
	text := fmt.Sprintf("healthy: GET %s %d in %s", a.path, a.status, brief(a.took))
	if a.note != "" {
		text += " (" + a.note + ")"
	}
	return text
}

// notReady is an answer that may become a better one.
type notReady struct{ text string }

func (e notReady) Error() string { return e.text }

// Ways in which a program turns out not to speak HTTP.
var (
	errOther  = errors.New("answers something other than HTTP")
	errClosed = errors.New("closes the connection unanswered")
	errSilent = errors.New("does not answer")
)

// prober asks one bound port how it is.
type prober struct {
	addrs       []string // host:port, best first
	hint        string   // detected path, or empty
	stranger    bool     // nobody spoke of this port: it may be a debugger's
	closedSince time.Time
}

// ask returns the answer that proves the port healthy, or why there is none
// yet.
func (p *prober) ask(ctx context.Context) (answer, error) {
	if p.hint == "" {
		return p.askCustomary(ctx)
	}
	hinted, err := p.get(ctx, p.hint)
	switch {
	case err != nil:
		return p.withoutHTTP(hinted, err)
	case hinted.status < 400:
		return hinted, nil
	case hinted.status >= 500:
		return answer{}, notReady{fmt.Sprintf("GET %s answers %d", p.hint, hinted.status)}
	}
	a, err := p.askCustomary(ctx)
	if err == nil && a.path != "" {
		a.hinted = hinted.status
		a.note = strings.TrimSuffix(fmt.Sprintf("GET %s answers %d; %s", p.hint, hinted.status, a.note), "; ")
	}
	return a, err
}

// askCustomary asks where services customarily tell that they are well.
func (p *prober) askCustomary(ctx context.Context) (answer, error) {
	var root answer
	var refused error
	for _, path := range healthPaths {
		if path == "/" && refused != nil { // it says that it is not ready, whatever it shows
			return answer{}, refused
		}
		a, err := p.get(ctx, path)
		switch {
		case err != nil:
			return p.withoutHTTP(a, err)
		case a.status < 400:
			return a, nil
		case a.status == http.StatusServiceUnavailable && refused == nil:
			refused = notReady{fmt.Sprintf("GET %s answers %d", path, a.status)}
		}
		root = a // the last is "/"
	}
	if !p.provesHTTP(root.status) {
		return answer{}, notReady{fmt.Sprintf("GET / answers %d", root.status)}
	}
	root.note = "answers HTTP; no health path found"
	return root, nil
}

// provesHTTP reports whether the status of "/" is that of an application which
// works and has nothing to show there.
func (p *prober) provesHTTP(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	}
	return status < 500 && !p.stranger
}

// withoutHTTP decides about a port that gave no HTTP answer.
func (p *prober) withoutHTTP(a answer, err error) (answer, error) {
	tcp := answer{addr: a.addr, took: a.took, note: err.Error()}
	switch {
	case errors.Is(err, errOther):
		return tcp, nil
	case errors.Is(err, errSilent):
		tcp.note = fmt.Sprintf("no HTTP answer in %v", p.patience())
		return tcp, nil
	case errors.Is(err, errClosed):
		if p.closedSince.IsZero() {
			p.closedSince = time.Now()
		}
		if time.Since(p.closedSince) > closePatience {
			return tcp, nil
		}
	}
	return answer{}, notReady{err.Error()}
}

func (p *prober) patience() time.Duration {
	if p.stranger {
		return strangerPatience
	}
	return answerPatience
}

// get makes one request, without following redirects. A status is an answer;
// an error is none.
func (p *prober) get(ctx context.Context, path string) (answer, error) {
	began := time.Now()
	conn, addr, err := dialAny(ctx, p.addrs)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	a := answer{addr: addr, path: path}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_ = conn.SetDeadline(began.Add(p.patience()))

	// Frameworks in development mode refuse a host that they do not know.
	_, port, _ := net.SplitHostPort(addr)
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost:%s\r\nUser-Agent: stoa-health\r\nAccept: */*\r\nConnection: close\r\n\r\n", path, port)
	in := bufio.NewReader(conn)
	var first []byte
	if err == nil {
		first, err = in.Peek(len("HTTP/"))
	}
	a.took = time.Since(began)
	switch {
	case ctx.Err() != nil:
		return a, ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return a, errSilent
	case len(first) > 0 && string(first) != "HTTP/":
		return a, errOther
	case err != nil:
		return a, errClosed
	}
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		return a, errOther
	}
	a.status = response.StatusCode
	// Reading to the end spares the program an error in its log.
	_ = conn.SetDeadline(time.Now().Add(bodyPatience))
	_, _ = io.CopyN(io.Discard, response.Body, bodyMax)
	return a, nil
}

// dialAny connects to the first address that takes it. The error is that of
// the best address.
func dialAny(ctx context.Context, addrs []string) (conn net.Conn, addr string, err error) {
	d := net.Dialer{Timeout: answerPatience}
	for _, addr := range addrs {
		conn, dialErr := d.DialContext(ctx, "tcp", addr)
		if dialErr == nil {
			return conn, addr, nil
		}
		if err == nil {
			err = dialErr
		}
	}
	if err == nil {
		err = errors.New("no address to dial")
	}
	return nil, "", err
}

// brief is a duration as a person says it.
func brief(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
