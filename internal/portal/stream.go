package portal

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/stoa-platform/stoa/internal/logs"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// stream is an answer of server-sent events that htmx swaps in.
type stream struct {
	w     io.Writer
	flush func() error
}

// live answers with a stream until serve returns, the browser leaves, the portal
// ends its streams, or the visitor has to be asked again who they are: the browser
// comes back by itself.
func (p *Portal) live(v *visit, serve func(ctx context.Context, s *stream) error) error {
	ctx, cancel := context.WithDeadline(v.Context(), v.principal.StreamEnd(time.Now()))
	defer cancel()
	defer context.AfterFunc(p.ended, cancel)()
	h := v.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	s := &stream{w: v.w, flush: http.NewResponseController(v.w).Flush}
	if err := s.ping(); err != nil {
		return nil // gone already
	}
	if err := serve(ctx, s); err != nil && ctx.Err() == nil {
		p.told(v, err) // the browser asks again by itself
	}
	return nil
}

// send gives the browser a piece of a page.
func (s *stream) send(ctx context.Context, what templ.Component) error {
	var piece bytes.Buffer
	if err := what.Render(ctx, &piece); err != nil {
		return err
	}
	return s.message("", piece.Bytes())
}

// message writes one event; each line of the data is a line of its own.
func (s *stream) message(name string, data []byte) error {
	var out bytes.Buffer
	if name != "" {
		out.WriteString("event: " + name + "\n")
	}
	for line := range bytes.Lines(data) {
		out.WriteString("data: ")
		out.Write(bytes.TrimRight(line, "\r\n"))
		out.WriteByte('\n')
	}
	out.WriteByte('\n')
	if _, err := s.w.Write(out.Bytes()); err != nil {
		return err
	}
	return s.flush()
}

// ping keeps the connection open and finds out when the browser has gone.
func (s *stream) ping() error {
	if _, err := io.WriteString(s.w, ": \n\n"); err != nil {
		return err
	}
	return s.flush()
}

// repeat calls show at once, then whenever something was appended to the ledger
// and every so often, until it says that it is done.
func (p *Portal) repeat(ctx context.Context, every time.Duration, show func() (done bool, err error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		appended := p.Ledger.Appended()
		if done, err := show(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-appended:
		case <-tick.C:
		}
	}
}

// line sends one line of a log.
func (s *stream) line(ctx context.Context, e logs.Entry) error {
	if _, err := io.WriteString(s.w, "id: "+e.Time.UTC().Format(time.RFC3339Nano)+"\n"); err != nil {
		return err
	}
	return s.send(ctx, page.LogLine(logLine(e)))
}
