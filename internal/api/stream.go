package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// sourceInput takes the body as a stream; huma would read it into memory.
// Its limits of size and time do not hold then, so the handler sets its own.
type sourceInput struct {
	DigestInput
	body     io.ReadCloser
	deadline func(time.Time) error
}

// Resolve takes the body before anything reads it.
func (s *sourceInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	s.body, s.deadline = r.Body, http.NewResponseController(w).SetReadDeadline
	return nil
}

// requestFrom gives the plain request below huma's.
func requestFrom(ctx huma.Context) *http.Request {
	r, _ := humago.Unwrap(ctx)
	return r
}

// sse writes server-sent events.
type sse struct {
	w     io.Writer
	flush func() error
}

// bounded gives the context in which a stream for the caller runs. It ends when
// the platform drains, which would wait for the stream otherwise.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithDeadline(ctx, requestOf(ctx).principal.StreamEnd(time.Now()))
	if draining := requestOf(ctx).draining; draining != nil {
		go func() {
			select {
			case <-draining:
				cancel()
			case <-limited.Done():
			}
		}()
	}
	return limited, cancel
}

// stream answers with server-sent events that serve produces, for a bounded time.
func stream(serve func(ctx context.Context, s *sse) error) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "text/event-stream")
		ctx.SetHeader("X-Accel-Buffering", "no")
		ctx.SetStatus(http.StatusOK)
		_, w := humago.Unwrap(ctx)
		control := http.NewResponseController(w)
		s := &sse{w: ctx.BodyWriter(), flush: control.Flush}
		err := s.flush()
		if err == nil {
			limited, cancel := bounded(ctx.Context())
			defer cancel()
			err = serve(limited, s)
		}
		if err == nil || ctx.Context().Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return
		}
		_ = s.send("problem", []byte(`{"title":"the stream broke off; ask again"}`)) // the client may be gone
	}}
}

// send writes one event; data must be one line, as JSON is.
func (s *sse) send(event string, data []byte) error {
	buf := make([]byte, 0, len(event)+len(data)+16)
	buf = append(append(append(buf, "event: "...), event...), "\ndata: "...)
	buf = append(append(buf, data...), "\n\n"...)
	if _, err := s.w.Write(buf); err != nil {
		return err
	}
	return s.flush()
}

// ping keeps the connection alive and finds out when the client has gone.
func (s *sse) ping() error {
	if _, err := io.WriteString(s.w, ": \n\n"); err != nil {
		return err
	}
	return s.flush()
}
