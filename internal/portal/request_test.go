package portal

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestLocal(t *testing.T) {
	for next, want := range map[string]string{
		"": "/", "/": "/", "/services?q=a": "/services?q=a", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/",
		"javascript:alert(1)": "/", "services": "/", "/a\nSet-Cookie: b": "/", "/%zz": "/",
	} {
		if got := local(next); got != want {
			t.Errorf("local(%q) = %q, want %q", next, got, want)
		}
	}
}

// Commands on a page name the platform as the browser reached it, and not at all on
// its own host, where they find it.
func TestServerFlag(t *testing.T) {
	for name, c := range map[string]struct{ from, proto, want string }{
		"own host":         {"127.0.0.1:4000", "", ""},
		"elsewhere":        {"192.0.2.7:4000", "", " --server http://stoa.example.org"},
		"by TLS, by proxy": {"192.0.2.7:0", "https", " --server https://stoa.example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://stoa.example.org/", nil)
			r.RemoteAddr = c.from
			if c.proto != "" {
				r.Header.Set("X-Forwarded-Proto", c.proto)
			}
			if got := serverFlag(&visit{Request: r}); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzQuote(f *testing.F) {
	for _, seed := range []string{"", "plain", "two words", "it's", "$(rm -rf)", "a;b", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		quoted := quote(text)
		if unquote(quoted) != text {
			t.Errorf("quote(%q) = %q", text, quoted)
		}
	})
}

// unquote reads one word as a shell does.
func unquote(word string) string {
	var out []byte
	inside := false
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case c == '\'':
			inside = !inside
		case c == '\\' && !inside:
			i++
			out = append(out, word[i])
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func TestWhatAnEventIs(t *testing.T) {
	for kind, want := range map[string]string{
		"dev.cdevents.service.deployed.0.3.0": "service deployed", "dev.stoa.release.build.done": "release build done",
		"dev.cdevents.service.rolledback.0.3.0": "service rolled back", "com.example.x": "com example x",
	} {
		if got := what(kind); got != want {
			t.Errorf("what(%q) = %q, want %q", kind, got, want)
		}
	}
}
