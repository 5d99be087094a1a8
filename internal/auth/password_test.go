package auth

import (
	"context"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/stoa-platform/stoa/internal/problem"
)

func TestPasswordHash(t *testing.T) {
	h := newHasher(standard)
	hash, err := h.hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %q does not state its parameters", hash)
	}
	if again, _ := h.hash(t.Context(), "correct horse battery"); again == hash {
		t.Error("two hashes of one password are the same: no salt")
	}
	outdated := cost{Memory: 64, Time: 1, Threads: 1}
	salt := []byte("saltsaltsaltsalt")
	old := formatHash(outdated, salt, argon2.IDKey([]byte("correct horse battery"), salt, 1, 64, 1, 32))
	long := strings.Repeat("x", maxPassword)
	longHash, _ := h.hash(t.Context(), long)
	for name, tt := range map[string]struct {
		hash, password string
		match, stale   bool
	}{
		"right":                  {hash, "correct horse battery", true, false},
		"wrong":                  {hash, "correct horse", false, false},
		"empty":                  {hash, "", false, false},
		"no account":             {"", "correct horse battery", false, false},
		"outdated parameters":    {old, "correct horse battery", true, true},
		"outdated and wrong":     {old, "wrong", false, false},
		"longest":                {longHash, long, true, false},
		"longer than any may be": {longHash, long + "x", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			match, stale, err := h.check(t.Context(), tt.hash, tt.password)
			if err != nil || match != tt.match || stale != tt.stale {
				t.Errorf("match %v, stale %v, err %v; want %v, %v", match, stale, err, tt.match, tt.stale)
			}
		})
	}
}

func TestHashingEndsWithItsContext(t *testing.T) {
	h := newHasher(standard)
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.check(ctx, "", "x"); err != context.Canceled {
		t.Errorf("check waited on: %v", err)
	}
}

func TestParseHashRefuses(t *testing.T) {
	const good = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE"
	if _, _, _, err := parseHash(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "$", "plain", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=19456", "m=4294967295", 1), strings.Replace(good, "m=19456", "m=1", 1),
		strings.Replace(good, "t=2", "t=0", 1), strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=300", 1),
		good + "=", good[:40], strings.Replace(good, "c2FsdHNhbHRzYWx0c2FsdA", "c2F", 1),
	} {
		if _, _, _, err := parseHash(bad); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE")
	f.Fuzz(func(t *testing.T, s string) {
		c, salt, key, err := parseHash(s)
		if err != nil {
			return
		}
		if c.Memory > maxCost.Memory || c.Time > maxCost.Time || c.Time < 1 || c.Threads < 1 {
			t.Fatalf("%q asks for %+v", s, c)
		}
		again, salt2, key2, err := parseHash(formatHash(c, salt, key))
		if err != nil || again != c || string(salt2) != string(salt) || string(key2) != string(key) {
			t.Fatalf("%q does not survive: %v", s, err)
		}
	})
}

func TestCheckPassword(t *testing.T) {
	for password, want := range map[string]string{
		"correct horse":           "",
		"short":                   "too short: 5 characters, at least 12",
		"":                        "too short",
		"aaaaaaaaaaaaaaaa":        "one character repeated",
		"Administrator":           "account's name",
		strings.Repeat("ab", 200): "too long: 400 bytes, at most 256",
	} {
		err := checkPassword("user/administrator", password)
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", password, err)
		case want != "" && (!problem.Is(err, problem.Invalid) || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v, want %q", password, err, want)
		}
	}
}
