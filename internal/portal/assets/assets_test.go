package assets

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, f *Files, path, coding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if coding != "" {
		r.Header.Set("Accept-Encoding", coding)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Result()
}

// Packed and plain are the same bytes, of all assets, whether they are embedded
// packed or packed at the start.
func TestPackedAndPlainAreTheSame(t *testing.T) {
	f, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(f.urls) < 9 {
		t.Fatalf("only %d assets", len(f.urls))
	}
	for name, path := range f.urls {
		plain, err := io.ReadAll(get(t, f, path, "").Body)
		if err != nil || len(plain) == 0 {
			t.Fatalf("%s: %d bytes, %v", name, len(plain), err)
		}
		answer := get(t, f, path, "br;q=1.0, gzip;q=0.8")
		if strings.HasSuffix(name, ".woff2") {
			if answer.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s is compressed twice", name)
			}
			continue
		}
		if answer.Header.Get("Content-Encoding") != "gzip" || answer.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: headers %v", name, answer.Header)
		}
		z, err := gzip.NewReader(answer.Body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		unpacked, err := io.ReadAll(z)
		if err != nil || !bytes.Equal(unpacked, plain) {
			t.Errorf("%s: packed %d bytes, plain %d: %v", name, len(unpacked), len(plain), err)
		}
	}
}

func TestAddressesNameTheContent(t *testing.T) {
	f, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	css := get(t, f, f.URL("stoa.css"), "")
	body, _ := io.ReadAll(css.Body)
	if !bytes.Contains(body, []byte(f.URL("inter.woff2"))) || bytes.Contains(body, []byte("asset:")) {
		t.Error("the style sheet does not name the font by its address")
	}
	if got := css.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("Cache-Control %q", got)
	}
	if got := css.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/css") {
		t.Errorf("Content-Type %q", got)
	}
	for _, path := range []string{"/assets/", "/assets/stoa.css", "/assets/000000000000/stoa.css", "/assets/../assets.go"} {
		if got := get(t, f, path, ""); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
	if _, err := f.link("x.css", []byte("url(asset:none.woff2)")); err == nil {
		t.Error("a style sheet may name what is not there")
	}
}

func TestAccepts(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "br, gzip": true, "GZIP;q=0.5": true, "gzip;q=0": false, "gzip; q=0.0": false, "identity": false, "gzip;q=x": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", header)
		if got := Accepts(r, "gzip"); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}
