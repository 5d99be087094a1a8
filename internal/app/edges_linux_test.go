package app_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// request asks the API as the admin.
func (p *platform) request(t *testing.T, method, path string, body io.Reader, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, strings.Replace(p.url, "localhost", "127.0.0.1", 1)+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+p.adminToken(t))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// TestEdges: a request has an id, the caller's if it can be one, and a body that is
// too large is refused before it is read.
func TestEdges(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	if got := p.request(t, "GET", "/api/v1/whoami", nil, "X-Request-Id", "trace-17").Header.Get("X-Request-Id"); got != "trace-17" {
		t.Errorf("the request trace-17 is answered as %q", got)
	}
	for _, odd := range []string{"", "with space", strings.Repeat("x", 65)} {
		a := p.request(t, "GET", "/api/v1/whoami", nil, "X-Request-Id", odd).Header.Get("X-Request-Id")
		b := p.request(t, "GET", "/api/v1/whoami", nil, "X-Request-Id", odd).Header.Get("X-Request-Id")
		if a == odd || len(a) < 16 || a == b {
			t.Errorf("two requests %q are answered as %q and %q", odd, a, b)
		}
	}
	large := `{"metadata":{"name":"red"},"spec":{"title":"` + strings.Repeat("x", 2<<20) + `"}}`
	response := p.request(t, "PUT", "/api/v1/teams/red", strings.NewReader(large), "Content-Type", "application/json")
	if response.StatusCode != http.StatusRequestEntityTooLarge || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("an object of 2 MiB: %s, %s", response.Status, response.Header.Get("Content-Type"))
	}
}

// TestShutdownDrains: what is under way when the platform is told to end comes to its
// end, and streams, which would not, are ended.
func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	stream := bufio.NewReader(p.request(t, "GET", "/api/v1/events/tail", nil, "Accept", "text/event-stream").Body)
	body, rest := io.Pipe()
	slow, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/events", body)
	if err != nil {
		t.Fatal(err)
	}
	slow.Header = http.Header{"Authorization": {"Bearer " + p.adminToken(t)}, "Content-Type": {"application/cloudevents+json"}, "Expect": {"100-continue"}}
	type answer struct {
		*http.Response
		error
	}
	answered := make(chan answer, 1)
	go func() {
		transport := &http.Transport{ExpectContinueTimeout: patience, DisableKeepAlives: true}
		response, err := transport.RoundTrip(slow)
		_ = body.CloseWithError(err) // whoever writes it waits in vain
		answered <- answer{response, err}
	}()
	event := `{"specversion":"1.0","id":"slow","source":"https://ci.example.org/slow","type":"org.example.slow"}`
	// It is taken once the platform has asked for it, so that the request is under way.
	if _, err := rest.Write([]byte(event[:20])); err != nil {
		t.Fatal(err)
	}
	began, stopped := time.Now(), make(chan struct{})
	go func() { p.stop(); close(stopped) }()
	if said, err := io.ReadAll(stream); err != nil && !bytes.Contains([]byte(err.Error()), []byte("EOF")) {
		t.Errorf("the stream ends with %v, after %q", err, said)
	}
	select {
	case <-stopped:
		t.Fatal("it ended with a request under way")
	case <-time.After(300 * time.Millisecond):
	}
	if _, err := rest.Write([]byte(event[20:])); err != nil {
		t.Fatal(err)
	}
	_ = rest.Close()
	if a := <-answered; a.error != nil {
		t.Errorf("the request under way is not answered: %v", a.error)
	} else {
		_ = a.Body.Close()
		if a.StatusCode != http.StatusAccepted {
			t.Errorf("the request under way is answered %s", a.Status)
		}
	}
	<-stopped
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s to end", took)
	}
	if log := p.stderr.String(); strings.Contains(log, "cut off") {
		t.Errorf("requests were cut off: %s", log)
	}
}
