package auth

import (
	"encoding/binary"
	"hash/crc32"
	"regexp"
	"strings"
	"testing"
)

func TestTokenFormat(t *testing.T) {
	form := regexp.MustCompile(`^stoa_[0-9a-z]{8}_[0-9a-z]{39}$`)
	seen := map[string]bool{}
	for range 1000 {
		id, token := newToken()
		if !form.MatchString(token) {
			t.Fatalf("token %q", token)
		}
		got, ok := parseToken(token)
		if !ok || got != id {
			t.Fatalf("parse %q = %q, %v; want id %q", token, got, ok, id)
		}
		if seen[id] || seen[token] {
			t.Fatalf("%q came twice", token)
		}
		seen[id], seen[token] = true, true
	}
}

// Every single changed, lost or added character is noticed without a look-up.
func TestTokenDamage(t *testing.T) {
	_, token := newToken()
	for i := range token {
		for _, c := range []byte("0z_ \x00é") {
			if token[i] == c {
				continue
			}
			if _, ok := parseToken(token[:i] + string(c) + token[i+1:]); ok {
				t.Errorf("byte %d as %q is not noticed", i, c)
			}
		}
		if _, ok := parseToken(token[:i]); ok {
			t.Errorf("cut to %d bytes is not noticed", i)
		}
	}
	if _, ok := parseToken(token + "0"); ok {
		t.Error("a character more is not noticed")
	}
	if _, ok := parseToken(strings.ToUpper(token)); ok {
		t.Error("upper case is not noticed")
	}
}

func FuzzParseToken(f *testing.F) {
	_, token := newToken()
	f.Add(token)
	f.Add("stoa_")
	f.Add("")
	f.Add(strings.Repeat("_", tokenLen))
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := parseToken(s)
		if !ok {
			return
		}
		// Whatever is accepted is exactly what newToken could have made.
		body := s[:len(s)-tokenChecksum]
		sum := encode(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(body))))
		if len(s) != tokenLen || s[len(body):] != sum || s[:5] != "stoa_" || s[5:13] != id || s[13] != '_' {
			t.Fatalf("accepted %q", s)
		}
		for _, c := range s[14:] + id {
			if !strings.ContainsRune(crockford, c) {
				t.Fatalf("accepted %q", s)
			}
		}
	})
}

func BenchmarkParseToken(b *testing.B) {
	_, token := newToken()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := parseToken(token); !ok {
			b.Fatal("refused")
		}
	}
}
