package app

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/route"
)

func TestFromClients(t *testing.T) {
	const proxies = "10.0.0.0/8,2001:db8:1::/48"
	for _, c := range []struct {
		what, trusted, peer string
		forwarded           []string
		want                string
	}{
		{"nobody is trusted", "", "10.0.0.1:4000", []string{"192.0.2.1"}, "10.0.0.1:4000"},
		{"a peer that is no proxy makes it up", proxies, "198.51.100.9:4000", []string{"192.0.2.1"}, "198.51.100.9:4000"},
		{"one proxy", proxies, "10.0.0.1:4000", []string{"192.0.2.1"}, "192.0.2.1:0"},
		{"the client makes up what stands before it", proxies, "10.0.0.1:4000", []string{"203.0.113.1, 10.9.9.9, 192.0.2.1"}, "192.0.2.1:0"},
		{"two proxies", proxies, "10.0.0.1:4000", []string{"203.0.113.1, 192.0.2.1, 10.0.0.2"}, "192.0.2.1:0"},
		{"two headers", proxies, "10.0.0.1:4000", []string{"192.0.2.1", "10.0.0.2"}, "192.0.2.1:0"},
		{"all are proxies", proxies, "10.0.0.1:4000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
		{"the proxy itself asks", proxies, "10.0.0.1:4000", nil, "10.0.0.1:4000"},
		{"a proxy does not tell", proxies, "10.0.0.1:4000", []string{"192.0.2.1, unknown"}, "10.0.0.1:4000"},
		{"the one before does not tell", proxies, "10.0.0.1:4000", []string{"unknown, 10.0.0.2"}, "10.0.0.2:0"},
		{"ports", proxies, "10.0.0.1:4000", []string{"192.0.2.1:555, 10.0.0.2:80"}, "192.0.2.1:0"},
		{"IPv6", proxies, "[2001:db8:1::1]:4000", []string{"2001:db8:2::7, [2001:db8:1::2]:80, [2001:db8:1::3]"}, "[2001:db8:2::7]:0"},
		{"IPv4 in IPv6", proxies, "[::ffff:10.0.0.1]:4000", []string{"::ffff:192.0.2.1"}, "192.0.2.1:0"},
	} {
		t.Run(c.what, func(t *testing.T) {
			var trusted config.Networks
			if c.trusted != "" {
				if err := trusted.Set(c.trusted); err != nil {
					t.Fatal(err)
				}
			}
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.forwarded
			var got string
			fromClients(trusted, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(nil, r)
			if got != c.want {
				t.Errorf("comes from %s, want %s", got, c.want)
			}
		})
	}
}

// Services learn from a trusted proxy alone that the client speaks TLS.
func TestServicesBehindTLS(t *testing.T) {
	var told string
	service := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told = r.Header.Get("X-Forwarded-Proto") }))
	defer service.Close()
	router := route.New(route.Options{})
	router.Set("shop", "dev", []route.Backend{{ID: "a", Addr: service.Listener.Addr().String()}})
	for peer, want := range map[string]string{"10.0.0.1:4000": "https", "198.51.100.9:4000": "http"} {
		var trusted config.Networks
		if err := trusted.Set("10.0.0.0/8"); err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.dev.localhost:7700/", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "192.0.2.1")
		r.Header.Set("X-Forwarded-Proto", "https")
		answer := httptest.NewRecorder()
		fromClients(trusted, router).ServeHTTP(answer, r)
		if answer.Code != http.StatusOK || told != want {
			t.Errorf("by %s: %d, told %q, want %q", peer, answer.Code, told, want)
		}
	}
}
