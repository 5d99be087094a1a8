package route

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
)

// BenchmarkOverhead compares the router with a bare ReverseProxy before the
// same backend. The difference is what host lookup, balancing and counting cost.
func BenchmarkOverhead(b *testing.B) {
	backend, s := backendOf(b, "a", reply("hello"))
	target, _ := url.Parse(s.URL)
	bare := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(target); pr.SetXForwarded(); pr.Out.Host = pr.In.Host },
		Transport: &http.Transport{
			MaxIdleConnsPerHost: 128, DisableCompression: true,
		},
		BufferPool: &buffers{},
	}
	r := New(Options{})
	r.Set("shop", "dev", []Backend{backend})
	for name, h := range map[string]http.Handler{"bare": bare, "router": r} {
		b.Run(name, func(b *testing.B) {
			front := httptest.NewServer(h)
			defer front.Close()
			c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 128}}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req, _ := http.NewRequest("GET", front.URL, nil)
					req.Host = host
					res, err := c.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			})
		})
	}
}
