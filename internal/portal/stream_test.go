package portal

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
)

// What is live ends with the session and after ten minutes, so that who was signed
// out or has left the team does not look on for ever.
func TestStreamsAreBounded(t *testing.T) {
	for name, test := range map[string]struct{ session, want time.Duration }{
		"a session of hours":         {12 * time.Hour, 10 * time.Minute},
		"what never ends":            {0, 10 * time.Minute},
		"a session of three minutes": {3 * time.Minute, 3 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &Portal{}
				p.ended, p.end = context.WithCancel(t.Context())
				defer p.end()
				began := time.Now()
				v := &visit{Request: httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), w: httptest.NewRecorder()}
				if test.session > 0 {
					v.principal = auth.Principal{Expires: began.Add(test.session)}
				}
				err := p.live(v, func(ctx context.Context, s *stream) error {
					for tick := time.Tick(time.Second); ; {
						select {
						case <-ctx.Done():
							return ctx.Err()
						case <-tick:
							if time.Since(began) > time.Hour {
								return nil
							}
							if err := s.ping(); err != nil {
								return err
							}
						}
					}
				})
				if took := time.Since(began); err != nil || took != test.want {
					t.Errorf("the stream ended after %s (%v), want %s", took, err, test.want)
				}
			})
		})
	}
}
