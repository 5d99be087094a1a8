package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/secret"
)

func TestRedact(t *testing.T) {
	const pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END PRIVATE KEY-----\n"
	for name, tt := range map[string]struct {
		values   []string
		in, want string
	}{
		"once":                   {[]string{"hunter22"}, "password is hunter22!", "password is ***!"},
		"twice":                  {[]string{"hunter22"}, "hunter22 hunter22", "*** ***"},
		"side by side":           {[]string{"hunter22"}, "hunter22hunter22", "***"},
		"nothing":                {[]string{"hunter22"}, "hunter2 hunter3", "hunter2 hunter3"},
		"no values":              {nil, "hunter22", "hunter22"},
		"too short to mask":      {[]string{"dev", ""}, "dev is not a secret", "dev is not a secret"},
		"one in another":         {[]string{"secret", "my-secret-value"}, "my-secret-value, secret, my-secret", "***, ***, my-***"},
		"overlapping":            {[]string{"abcdef", "defghi"}, "xabcdefghix", "x***x"},
		"overlapping itself":     {[]string{"abaaba"}, "abaabaaba!", "***!"},
		"prefix, then whole":     {[]string{"aaaaab"}, "aaaaaaaaab", "aaaa***"},
		"shorter inside longer":  {[]string{"xxabcdefyy", "abcdef"}, "xxabcdefzz", "xx***zz"},
		"at the end":             {[]string{"hunter22"}, "hunter2", "hunter2"},
		"json":                   {[]string{"a\"b\\c<d>e"}, mustJSON("a\"b\\c<d>e"), `"***"`},
		"url":                    {[]string{"p@ss w/rd"}, "https://u:" + url.QueryEscape("p@ss w/rd") + "@h/" + url.PathEscape("p@ss w/rd"), "https://u:***@h/***"},
		"base64":                 {[]string{"hunter22"}, base64.StdEncoding.EncodeToString([]byte("hunter22")), "***="},
		"lines":                  {[]string{pem}, "key:\n  MIIEvQIBADANBgkqhkiG9w0B\n  AQEFAASCBKcwggSjAgEAAoIB\n", "key:\n  ***\n  ***\n"},
		"pem whole":              {[]string{pem}, "<" + pem + ">", "<***>"},
		"pem frame alone":        {[]string{pem}, "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"},
		"bytes that are no text": {[]string{"\xff\x00\xfe\x01\xfd\x02"}, "a\xff\x00\xfe\x01\xfd\x02b", "a***b"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := secret.Redact(tt.values...).String(tt.in); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func mustJSON(s string) string { b, _ := json.Marshal(s); return string(b) }

// What cannot begin a value goes out at once, also without a line's end.
func TestRedactIsLive(t *testing.T) {
	var out bytes.Buffer
	w := secret.Redact("hunter22").Writer(&out)
	for _, step := range []struct{ in, out string }{
		{"listening", "listening"}, {" on hun", "listening on "}, {"t", "listening on "}, {"ing", "listening on hunting"},
		{" hunter2", "listening on hunting "}, {"2", "listening on hunting ***"}, {"\n", "listening on hunting ***\n"},
	} {
		if n, err := io.WriteString(w, step.in); err != nil || n != len(step.in) {
			t.Fatal(n, err)
		}
		if out.String() != step.out {
			t.Errorf("after %q: %q, want %q", step.in, out.String(), step.out)
		}
	}
	_, _ = io.WriteString(w, "hun")
	if err := w.Close(); err != nil || !strings.HasSuffix(out.String(), "\nhun") {
		t.Errorf("after close: %q, %v", out.String(), err)
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestRedactTellsErrors(t *testing.T) {
	w := secret.Redact("hunter22").Writer(broken{})
	if _, err := io.WriteString(w, "text"); !errors.Is(err, errBroken) {
		t.Errorf("write: %v", err)
	}
	w = secret.Redact("hunter22").Writer(broken{})
	if n, err := io.WriteString(w, "hunter2"); n != 7 || err != nil {
		t.Errorf("held back: %d, %v", n, err)
	}
	if err := w.Close(); !errors.Is(err, errBroken) {
		t.Errorf("close: %v", err)
	}
}

// The naive way: mark every byte of every occurrence, then write each run as one mask.
func naive(text string, values []string) string {
	hidden := make([]bool, len(text))
	for _, v := range values {
		for i := 0; i+len(v) <= len(text); i++ {
			if text[i:i+len(v)] == v {
				for k := range len(v) {
					hidden[i+k] = true
				}
			}
		}
	}
	var b strings.Builder
	for i := range len(text) {
		if !hidden[i] {
			b.WriteByte(text[i])
		} else if i == 0 || !hidden[i-1] {
			b.WriteString("***")
		}
	}
	return b.String()
}

// However the text is cut, the result is that of the naive way.
func FuzzRedact(f *testing.F) {
	f.Add("hunter22", "abcdef", "my hunter22 is abcdefhunter22", uint8(3))
	f.Add("aaaaaa", "aaaaab", "aaaaaaaaabaaaa", uint8(1))
	f.Add("abcabc", "bcabca", "abcabcabcabcab", uint8(2))
	f.Add("\x00\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff", "\x00\x00\x00\x00\x00\x00\x00\xff", uint8(5))
	f.Fuzz(func(t *testing.T, a, b, text string, cut uint8) {
		values := secret.Forms(a, b)
		var out bytes.Buffer
		w := secret.Redact(a, b).Writer(&out)
		size := int(cut)%17 + 1
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if _, err := io.WriteString(w, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
			size = size*7%17 + 1
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got, want := out.String(), naive(text, values); got != want {
			t.Fatalf("values %q in %q:\ngot  %q\nwant %q", values, text, got, want)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	values := make([]string, 20)
	for i := range values {
		values[i] = fmt.Sprintf("s3cret-value-%02d-wJalrXUtnFEMI", i)
	}
	r := secret.Redact(values...)
	line := []byte(strings.Repeat(`{"level":"info","ts":"2026-11-22T12:00:00Z","msg":"request served","path":"/api/v1/services","status":200}`+"\n", 100))
	w := r.Writer(io.Discard)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		_, _ = w.Write(line)
	}
}
