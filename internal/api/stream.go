package api

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// sourceInput takes the body as a stream; huma would read it into memory.
type sourceInput struct {
	DigestInput
	body io.ReadCloser
}

// Resolve takes the body before anything reads it.
func (s *sourceInput) Resolve(ctx huma.Context) []error {
	s.body = requestFrom(ctx).Body
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

// stream answers with server-sent events that serve produces. The server's
// write deadline does not hold for it: a stream ends with its client.
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
			err = serve(ctx.Context(), s)
		}
		if err == nil || ctx.Context().Err() != nil || errors.Is(err, context.Canceled) {
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
