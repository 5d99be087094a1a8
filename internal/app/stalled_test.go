package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stoa-platform/stoa/internal/config"
)

// Short times, so that the tests are.
const (
	shortReceive  = 200 * time.Millisecond
	shortProgress = 300 * time.Millisecond
	patient       = 20 * time.Second // for what is certain, on a busy machine
)

// dial serves the handler and connects to it.
func dial(t *testing.T, handler http.HandlerFunc) net.Conn {
	t.Helper()
	server := httptest.NewServer(letGo{shortReceive, shortProgress, handler})
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) // before the server, which waits for its connections
	if err := conn.SetDeadline(time.Now().Add(patient)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// Whoever stops reading is let go, whatever way the answer is written.
func TestReaderThatStops(t *testing.T) {
	for way, write := range map[string]func(w http.ResponseWriter) error{
		"a stream of events": func(w http.ResponseWriter) error {
			for {
				if _, err := io.WriteString(w, "data: a line of a log\n\n"); err != nil {
					return err
				}
				if err := http.NewResponseController(w).Flush(); err != nil {
					return err
				}
			}
		},
		"a download": func(w http.ResponseWriter) error {
			for {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return err
				}
			}
		},
		"a page that is made whole": func(w http.ResponseWriter) error {
			_, err := w.Write(make([]byte, 256<<20))
			return err
		},
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			ended := make(chan error, 1)
			conn := dial(t, func(w http.ResponseWriter, _ *http.Request) { ended <- write(w) })
			fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: stoa\r\n\r\n") // and reads nothing
			select {
			case err := <-ended:
				if err == nil {
					t.Error("the answer was written to nobody")
				}
			case <-time.After(patient):
				t.Error("the handler is held for ever")
			}
		})
	}
}

// Whoever reads slowly gets all of it, however long it takes.
func TestSlowReader(t *testing.T) {
	const size = 64 << 20
	conn := dial(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, size)) })
	began := time.Now()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: stoa\r\n\r\n")
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for tick := time.Tick(shortProgress / 10); ; <-tick {
		n, err := io.CopyN(io.Discard, answer.Body, size/40)
		got += int(n)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("cut off after %d bytes and %s: %v", got, time.Since(began), err)
		}
	}
	if took := time.Since(began); got != size || took < 2*shortProgress {
		t.Errorf("%d bytes of %d in %s", got, size, took)
	}
}

// Whoever does not send what they announced is let go, whether it is waited for or not.
func TestSenderThatStops(t *testing.T) {
	for what, handler := range map[string]http.HandlerFunc{
		"the handler reads it": func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				http.Error(w, "it did not come", http.StatusBadRequest)
			}
		},
		"the handler does not": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "who are you?", http.StatusBadRequest)
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, handler)
			fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: stoa\r\nContent-Length: 1000\r\n\r\nname=a")
			from := bufio.NewReader(conn)
			answer, err := http.ReadResponse(from, nil)
			if err != nil || answer.StatusCode != http.StatusBadRequest {
				t.Fatalf("answer %v, %v", answer, err)
			}
			if _, err := io.Copy(io.Discard, from); err != nil {
				t.Errorf("the connection is held: %v", err)
			}
		})
	}
}

// The times are of what they are for: neither a handler that works long after it
// has read all, nor a later request on the same connection, is cut off by them.
func TestLongWorkIsNotCutOff(t *testing.T) {
	conn := dial(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Errorf("read: %v", err)
		}
		worked, done := context.WithTimeout(r.Context(), 3*max(shortReceive, shortProgress))
		defer done()
		<-worked.Done()
		if err := r.Context().Err(); err != nil {
			t.Errorf("the client counts as gone: %v", err)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	from := bufio.NewReader(conn)
	for _, request := range []string{
		"POST / HTTP/1.1\r\nHost: stoa\r\nContent-Length: 6\r\n\r\nname=a",
		"GET / HTTP/1.1\r\nHost: stoa\r\n\r\n",
	} {
		fmt.Fprint(conn, request)
		answer, err := http.ReadResponse(from, nil)
		if err != nil || answer.StatusCode != http.StatusNoContent {
			t.Fatalf("answer %v, %v", answer, err)
		}
	}
}

// deadlines is an answer that notes what deadlines are set.
type deadlines struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (d *deadlines) SetReadDeadline(at time.Time) error  { d.read = at; return nil }
func (d *deadlines) SetWriteDeadline(at time.Time) error { d.write = at; return nil }

// The platform's own doors let go; what services do is their own affair.
func TestDoorsLetGo(t *testing.T) {
	p, err := Open(t.Context(), config.Config{Data: t.TempDir(), Listen: "127.0.0.1:0", Database: filepath.Join(t.TempDir(), "stoa.db"), Version: "test"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(context.WithoutCancel(t.Context()))
	for _, c := range []struct {
		host, path string
		ours       bool
	}{{"localhost", "/signout", true}, {"localhost", "/api/v1/login", true}, {"shop.dev.localhost", "/", false}} {
		stale := time.Now().Add(-time.Hour)
		d := &deadlines{httptest.NewRecorder(), time.Time{}, stale}
		r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader("x"))
		r.Host, r.Body = c.host, io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF))
		p.server.Handler.ServeHTTP(d, r)
		if d.read.IsZero() == c.ours || d.write.IsZero() == c.ours || d.write.Equal(stale) {
			t.Errorf("%s%s: reads until %v, writes until %v", c.host, c.path, d.read, d.write)
		}
	}
}
