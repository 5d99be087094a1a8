package route

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

const host = "shop.dev.localhost"

// backendOf starts an instance of the handler.
func backendOf(t testing.TB, id string, h http.HandlerFunc) (Backend, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return Backend{ID: id, Addr: s.Listener.Addr().String(), Release: "1"}, s
}

// front serves the router and returns a client for which every host is the router.
func front(t testing.TB, r *Router) *http.Client {
	t.Helper()
	s := httptest.NewUnstartedServer(r)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	tr := &http.Transport{
		MaxIdleConnsPerHost: 2000, DisableCompression: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, s.Listener.Addr().String())
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func get(t testing.TB, c *http.Client, url string) (int, string) {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// eventually waits until the condition holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not in a minute: %s", what)
		case <-tick.C:
		}
	}
}

func reply(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func TestHeaders(t *testing.T) {
	var got *http.Request
	b, _ := backendOf(t, "a", func(w http.ResponseWriter, req *http.Request) {
		got = req.Clone(context.Background())
		w.Header().Set("Connection", "X-Private")
		w.Header().Set("X-Private", "hop")
		w.Header().Set("X-Kept", "yes")
	})
	r := New(Options{})
	r.Set("shop", "dev", []Backend{b})
	c := front(t, r)
	req, _ := http.NewRequest("GET", "http://Shop.Dev.Localhost:7700/a%2Fb?x=1;y=2&z=%zz", nil)
	for k, v := range map[string]string{
		"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "1",
		"X-Forwarded-Prefix": "/evil", "Forwarded": "for=6.6.6.6", "X-Real-Ip": "6.6.6.6",
		"Connection": "X-Hop, keep-alive", "X-Hop": "1", "Proxy-Authorization": "secret", "Keep-Alive": "5", "Authorization": "Bearer mine",
	} {
		req.Header.Set(k, v)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got.Host != "Shop.Dev.Localhost:7700" {
		t.Errorf("Host = %q, want it kept", got.Host)
	}
	if got.URL.RawQuery != "x=1;y=2&z=%zz" || got.URL.EscapedPath() != "/a%2Fb" {
		t.Errorf("URL = %q, want it as it was sent", got.URL)
	}
	for h, want := range map[string]string{
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "Shop.Dev.Localhost:7700", "X-Forwarded-Proto": "http",
		"X-Forwarded-Port": "", "X-Forwarded-Prefix": "", "Forwarded": "", "X-Real-Ip": "",
		"X-Hop": "", "Proxy-Authorization": "", "Keep-Alive": "", "Authorization": "Bearer mine",
	} {
		if v := strings.Join(got.Header[h], "|"); v != want {
			t.Errorf("backend saw %s: %q, want %q", h, v, want)
		}
	}
	if res.Header.Get("X-Private") != "" || res.Header.Get("X-Kept") != "yes" {
		t.Errorf("client saw %v", res.Header)
	}
}

func TestWebSocket(t *testing.T) {
	b, _ := backendOf(t, "a", func(w http.ResponseWriter, req *http.Request) {
		c, err := websocket.Accept(w, req, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		for {
			kind, data, err := c.Read(req.Context())
			if err != nil {
				return
			}
			if c.Write(req.Context(), kind, append([]byte("echo "), data...)) != nil {
				return
			}
		}
	})
	reg := prometheus.NewRegistry()
	r := New(Options{Registerer: reg})
	r.Set("shop", "dev", []Backend{b})
	client := front(t, r)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "ws://"+host+"/ws", &websocket.DialOptions{HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	for i := range 100 {
		if err := c.Write(ctx, websocket.MessageText, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
		if _, data, err := c.Read(ctx); err != nil || string(data) != fmt.Sprint("echo ", i) {
			t.Fatalf("read %q, %v", data, err)
		}
	}
	if n := r.InFlight("a"); n != 1 {
		t.Errorf("in flight %d, want 1: the connection is open", n)
	}
	c.Close(websocket.StatusNormalClosure, "")
	eventually(t, "connection ended", func() bool { return r.InFlight("a") == 0 })
	eventually(t, "counted", func() bool {
		return testutil.ToFloat64(r.red.requests.WithLabelValues("shop", "dev", "1", "1xx")) == 1
	})
}

func TestStreamingIsFlushed(t *testing.T) {
	for _, media := range []string{"text/event-stream", "application/grpc-web+proto", "text/plain"} {
		t.Run(media, func(t *testing.T) {
			next := make(chan struct{})
			b, _ := backendOf(t, "a", func(w http.ResponseWriter, req *http.Request) {
				w.Header().Set("Content-Type", media)
				for i := range 3 {
					fmt.Fprintf(w, "data: %d\n\n", i)
					w.(http.Flusher).Flush()
					<-next // goes on only when the client has seen it
				}
			})
			r := New(Options{})
			r.Set("shop", "dev", []Backend{b})
			res, err := front(t, r).Get("http://" + host)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			for i := range 3 {
				want := fmt.Sprintf("data: %d\n\n", i)
				buf := make([]byte, len(want))
				if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != want {
					t.Fatalf("read %q, %v", buf, err)
				}
				next <- struct{}{}
			}
		})
	}
}

func TestGRPCOverCleartextHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		w.Header().Set("Content-Type", "application/grpc")
		fmt.Fprint(w, req.Proto, " te=", req.Header.Get("Te"))
		w.Header().Set("Grpc-Status", "0")
	}))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	defer s.Close()
	r := New(Options{})
	r.Set("shop", "dev", []Backend{{ID: "a", Addr: s.Listener.Addr().String()}})
	c := front(t, r)
	tr := c.Transport.(*http.Transport)
	tr.Protocols = new(http.Protocols)
	tr.Protocols.SetUnencryptedHTTP2(true)
	req, _ := http.NewRequest("POST", "http://"+host+"/pkg.Service/Call", strings.NewReader("frame"))
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if string(body) != "HTTP/2.0 te=trailers" || err != nil {
		t.Errorf("body %q, %v", body, err)
	}
	if res.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("trailers %v", res.Trailer)
	}
}

func TestLargeBodiesAndTrailers(t *testing.T) {
	b, _ := backendOf(t, "a", func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		http.NewResponseController(w).EnableFullDuplex() // it answers while it reads
		h := sha256.New()
		io.Copy(io.MultiWriter(h, w), req.Body)
		w.Header().Set("X-Sum", fmt.Sprintf("%x %s", h.Sum(nil), req.Trailer.Get("X-Client")))
	})
	r := New(Options{})
	r.Set("shop", "dev", []Backend{b})
	payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MB
	req, _ := http.NewRequest("POST", "http://"+host, io.NopCloser(bytes.NewReader(payload)))
	req.ContentLength = -1
	req.Trailer = http.Header{"X-Client": {"end"}}
	res, err := front(t, r).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Equal(got, payload) {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
	if want := fmt.Sprintf("%x end", sha256.Sum256(payload)); res.Trailer.Get("X-Sum") != want {
		t.Errorf("trailer %q, want %q", res.Trailer.Get("X-Sum"), want)
	}
}

// A rollout under load: new backends, switch, drain, then the old one is
// really gone. No request may notice, whatever its method.
func TestSwitchUnderLoadLosesNothing(t *testing.T) {
	r := New(Options{})
	start := func(generation int) (Backend, *httptest.Server) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			io.Copy(io.Discard, req.Body)
			fmt.Fprint(w, generation)
		}))
		return Backend{ID: fmt.Sprint("g", generation), Addr: s.Listener.Addr().String(), Release: fmt.Sprint(generation)}, s
	}
	b, s := start(0)
	r.Set("shop", "dev", []Backend{b})
	c := front(t, r)
	var done, failed atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for range 1000 {
		clients.Go(func() {
			for ctx.Err() == nil {
				res, err := c.Post("http://"+host, "text/plain", strings.NewReader("body"))
				if err != nil {
					t.Error(err)
					failed.Add(1)
					return
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if res.StatusCode != 200 {
					t.Error(res.Status)
					failed.Add(1)
					return
				}
				done.Add(1)
			}
		})
	}
	for generation := 1; generation <= 3; generation++ {
		before := done.Load()
		eventually(t, "requests flow", func() bool { return done.Load() > before+200 || failed.Load() > 0 })
		nextB, nextS := start(generation)
		r.Set("shop", "dev", []Backend{nextB})
		if err := r.Drain(ctx, b.ID); err != nil {
			t.Fatal(err)
		}
		s.Listener.Close()
		s.CloseClientConnections() // as hard as a kill
		s.Close()
		b, s = nextB, nextS
	}
	stop()
	clients.Wait()
	s.Close()
	t.Logf("%d requests over 3 switches, %d failed", done.Load(), failed.Load())
	if n := len(r.backends); n != 1 {
		t.Errorf("%d backends are remembered, want the last", n)
	}
}

func TestDrain(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	old, _ := backendOf(t, "old", func(w http.ResponseWriter, req *http.Request) {
		entered <- struct{}{}
		<-finish
		io.WriteString(w, "old")
	})
	fresh, _ := backendOf(t, "new", reply("new"))
	r := New(Options{})
	r.Set("shop", "dev", []Backend{old})
	c := front(t, r)
	answer := make(chan string)
	go func() { _, body := get(t, c, "http://"+host); answer <- body }()
	<-entered
	r.Set("shop", "dev", []Backend{fresh})
	if _, body := get(t, c, "http://"+host); body != "new" {
		t.Errorf("after the switch %q answered", body)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.Drain(short, "old"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 requests") {
		t.Errorf("drain with a request in flight: %v", err)
	}
	drained := make(chan error)
	go func() { drained <- r.Drain(t.Context(), "old") }()
	close(finish)
	if body := <-answer; body != "old" {
		t.Errorf("the request in flight got %q", body)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if err := r.Drain(t.Context(), "nobody"); err != nil {
		t.Errorf("drain of an unknown backend: %v", err)
	}
	// A backend that is still set is taken out.
	if err := r.Drain(t.Context(), "new"); err != nil {
		t.Error(err)
	}
	if code, _ := get(t, c, "http://"+host); code != 503 {
		t.Errorf("after the drain of the last: %d, want 503", code)
	}
}

func TestHold(t *testing.T) {
	b, _ := backendOf(t, "a", reply("up"))
	r := New(Options{HoldLimit: 50, HoldTimeout: time.Minute})
	r.Hold("shop", "dev", true)
	c := front(t, r)
	waiting := func() int64 { return r.table.Load().routes["shop.dev"].shared.waiting.Load() }
	var held sync.WaitGroup
	for range 49 {
		held.Go(func() {
			if code, body := get(t, c, "http://"+host); code != 200 || body != "up" {
				t.Errorf("held request got %d %q", code, body)
			}
		})
	}
	eventually(t, "all wait", func() bool { return waiting() == 49 })

	gone, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		req, _ := http.NewRequestWithContext(gone, "GET", "http://"+host, nil)
		_, err := c.Do(req)
		left <- err
	}()
	eventually(t, "the impatient waits", func() bool { return waiting() == 50 })
	if code, body := get(t, c, "http://"+host); code != 503 || !strings.Contains(body, "50 requests wait") {
		t.Errorf("over the limit: %d %s", code, body)
	}
	cancel()
	if err := <-left; err == nil {
		t.Error("the client that left got an answer")
	}
	eventually(t, "who left does not wait", func() bool { return waiting() == 49 })

	r.Set("shop", "dev", []Backend{b})
	held.Wait()
	r.Set("shop", "dev", nil)
	r.Hold("shop", "dev", false)
	if code, _ := get(t, c, "http://"+host); code != 503 {
		t.Errorf("neither held nor up: %d", code)
	}
}

func TestHoldEnds(t *testing.T) {
	r := New(Options{HoldTimeout: time.Millisecond})
	r.Hold("shop", "dev", true)
	c := front(t, r)
	code, body := get(t, c, "http://"+host)
	if code != 503 || !strings.Contains(body, "none became healthy in 1ms") {
		t.Errorf("held too long: %d %s", code, body)
	}
	if n := testutil.ToFloat64(r.red.errors.WithLabelValues("shop", "dev", "", "hold_timeout")); n != 1 {
		t.Errorf("hold_timeout counted %v times", n)
	}
}

// closedPort gives an address that refuses connections.
func closedPort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestConnectErrorTriesTheNext(t *testing.T) {
	alive, _ := backendOf(t, "alive", func(w http.ResponseWriter, req *http.Request) { io.Copy(w, req.Body) })
	r := New(Options{})
	r.Set("shop", "dev", []Backend{{ID: "dead", Addr: closedPort(t)}, alive, {ID: "dead2", Addr: closedPort(t)}})
	c := front(t, r)
	for range 20 {
		res, err := c.Post("http://"+host, "text/plain", strings.NewReader("once"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 200 || string(body) != "once" {
			t.Fatalf("%d %q", res.StatusCode, body)
		}
	}
	r.Set("shop", "dev", []Backend{{ID: "dead", Addr: closedPort(t), Release: "2"}})
	res, err := c.Get("http://" + host)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "refused") {
		t.Errorf("all dead: %s %s", res.Status, body)
	}
	eventually(t, "counted for the release", func() bool {
		return testutil.ToFloat64(r.red.errors.WithLabelValues("shop", "dev", "2", "connect")) == 1
	})
}

func TestBackendDies(t *testing.T) {
	b, _ := backendOf(t, "a", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/answered" {
			w.Header().Set("Content-Length", "1000000")
			w.Write(make([]byte, 500_000))
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler)
	})
	r := New(Options{})
	r.Set("shop", "dev", []Backend{b})
	c := front(t, r)
	res, err := c.Get("http://" + host + "/answered")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("the client takes %d bytes for the whole answer", len(body))
	}
	res.Body.Close()
	res, err = c.Post("http://"+host+"/unanswered", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 502 {
		t.Errorf("died before its answer: %s", res.Status)
	}
	count := func(reason string) float64 {
		return testutil.ToFloat64(r.red.errors.WithLabelValues("shop", "dev", "1", reason))
	}
	eventually(t, "both counted", func() bool { return count("aborted") == 1 && count("backend") == 1 })
	if n := testutil.ToFloat64(r.red.requests.WithLabelValues("shop", "dev", "1", "5xx")); n != 2 {
		t.Errorf("5xx = %v, want 2", n)
	}
	if n := r.InFlight("a"); n != 0 {
		t.Errorf("%d in flight", n)
	}
}

func TestSlowClientHoldsOnlyItself(t *testing.T) {
	big := bytes.Repeat([]byte("x"), 64<<20)
	b, _ := backendOf(t, "a", func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/big" {
			w.Write(big)
			return
		}
		io.WriteString(w, "small")
	})
	r := New(Options{})
	r.Set("shop", "dev", []Backend{b})
	c := front(t, r)
	res, err := c.Get("http://" + host + "/big") // and does not read
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if code, body := get(t, c, "http://"+host); code != 200 || body != "small" {
			t.Fatalf("beside a slow client: %d %q", code, body)
		}
	}
	if n := r.InFlight("a"); n != 1 {
		t.Errorf("in flight %d, want the slow one", n)
	}
	res.Body.Close() // it leaves
	eventually(t, "the one who left is counted out", func() bool { return r.InFlight("a") == 0 })
	eventually(t, "not counted as a fault", func() bool {
		return testutil.ToFloat64(r.red.requests.WithLabelValues("shop", "dev", "1", "2xx")) == 51
	})
}

func TestUnknownHost(t *testing.T) {
	r := New(Options{Absent: func(_ context.Context, service, _ string) Absence {
		switch service {
		case "young":
			return Absence{Why: "its first release is being built", Passing: true}
		case "resting":
			return Absence{Why: "it is stopped", Next: "stoa scale resting --replicas 1 --env dev"}
		}
		return Absence{}
	}})
	b, _ := backendOf(t, "a", reply("ok"))
	r.Set("checkout", "dev", []Backend{b})
	r.Set("checkout", "prod", []Backend{b})
	r.Set("billing", "dev", nil)
	c := front(t, r)
	ask := func(host, accept string) (*http.Response, string) {
		req, _ := http.NewRequest("GET", "http://x/", nil)
		req.Host = host
		req.Header.Set("Accept", accept)
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res, string(body)
	}
	res, body := ask("chekout.dev.localhost", "*/*")
	var p struct {
		Status    int
		Title     string
		Why, Next []string
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil || res.StatusCode != 404 || p.Status != 404 {
		t.Fatalf("%s %v %s", res.Status, err, body)
	}
	if res.Header.Get("Content-Type") != "application/problem+json" ||
		!strings.Contains(p.Title, `"chekout"`) || len(p.Why) != 2 || !strings.Contains(p.Why[0], "checkout.dev.localhost") || p.Next[0] != "stoa get services" {
		t.Errorf("%+v", p)
	}
	res, body = ask("chekout.dev.localhost", "text/html,*/*")
	if res.StatusCode != 404 || !strings.Contains(body, "<h1>") || !strings.Contains(body, "did you mean checkout.dev.localhost?") {
		t.Errorf("%s %s", res.Status, body)
	}
	if res, body = ask("young.dev.localhost", "*/*"); res.StatusCode != 503 || !strings.Contains(body, "being built") || res.Header.Get("Retry-After") == "" {
		t.Errorf("known but not routed: %s %s", res.Status, body)
	}
	if res, body = ask("resting.dev.localhost", "*/*"); res.StatusCode != 503 || !strings.Contains(body, "stoa scale resting") || res.Header.Get("Retry-After") != "" {
		t.Errorf("stopped: %s %v %s", res.Status, res.Header, body)
	}
	if res, body = ask("billing.dev.localhost", "*/*"); res.StatusCode != 404 {
		t.Errorf("routed once, gone now: %s %s", res.Status, body)
	}
	if res, body = ask("example.com", "text/html"); res.StatusCode != 404 || !strings.Contains(body, "names no service") {
		t.Errorf("foreign host: %s %s", res.Status, body)
	}
	if res, body = ask("a<script>.dev.localhost", "text/html"); strings.Contains(body, "<script>") {
		t.Errorf("host repeated unescaped: %s %s", res.Status, body)
	}
}

func TestNoInstanceSaysWhy(t *testing.T) {
	r := New(Options{Absent: func(context.Context, string, string) Absence {
		return Absence{Why: "crashed 5 times, last: exit 1", Passing: true}
	}})
	r.Set("shop", "dev", nil)
	c := front(t, r)
	res, err := c.Get("http://" + host)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != "2" || !strings.Contains(string(body), "crashed 5 times") || !strings.Contains(string(body), "stoa logs shop --env dev") {
		t.Errorf("%s %v %s", res.Status, res.Header, body)
	}
}

func TestNumbersAreBounded(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := New(Options{Registerer: reg})
	c := front(t, r)
	for release := range 10 {
		b, _ := backendOf(t, fmt.Sprint(release), func(w http.ResponseWriter, req *http.Request) {
			w.WriteHeader(http.StatusTeapot)
		})
		b.Release = fmt.Sprint("r", release)
		r.Set("shop", "dev", []Backend{b})
		get(t, c, "http://"+host+"/"+url.PathEscape(fmt.Sprint(release)))
	}
	eventually(t, "last request counted", func() bool {
		return testutil.ToFloat64(r.red.requests.WithLabelValues("shop", "dev", "r9", "4xx")) == 1
	})
	if n := testutil.CollectAndCount(r.red.duration); n != keptReleases {
		t.Errorf("%d histograms, want those of the last %d releases", n, keptReleases)
	}
	if n := testutil.CollectAndCount(r.red.requests); n != keptReleases*len(classes) {
		t.Errorf("%d request series, want %d", n, keptReleases*len(classes))
	}
	r.Forget("shop", "dev")
	if n := testutil.CollectAndCount(r.red.requests); n != 0 {
		t.Errorf("%d series of a forgotten service", n)
	}
	if code, _ := get(t, c, "http://"+host); code != 404 {
		t.Errorf("forgotten service answers %d", code)
	}
}

func TestLeastBusyIsPreferred(t *testing.T) {
	release := make(chan struct{})
	slow, _ := backendOf(t, "slow", func(w http.ResponseWriter, _ *http.Request) { <-release })
	fast, _ := backendOf(t, "fast", reply("fast"))
	r := New(Options{})
	r.Set("shop", "dev", []Backend{slow})
	c := front(t, r)
	var stuck sync.WaitGroup
	stuck.Go(func() { get(t, c, "http://"+host) })
	eventually(t, "stuck", func() bool { return r.InFlight("slow") == 1 })
	r.Set("shop", "dev", []Backend{slow, fast})
	for range 20 {
		if _, body := get(t, c, "http://"+host); body != "fast" {
			t.Fatal("sent to the busy one")
		}
		eventually(t, "counted out", func() bool { return r.InFlight("fast") == 0 })
	}
	close(release)
	stuck.Wait()
}
