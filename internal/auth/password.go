package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Limits of a password, in bytes. The lower one follows from there being a
// throttle; the upper one keeps the hash's input small.
const (
	minPassword = 12
	maxPassword = 256
)

// cost holds the parameters of argon2id.
type cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// standard is what new hashes are made with: one of the equivalent settings
// that the OWASP password storage cheat sheet names as sufficient. It is light
// in memory, as sign-ins share a machine with the platform.
var standard = cost{Memory: 19 * 1024, Time: 2, Threads: 1}

// maxCost bounds what a stored hash may ask for, so that a damaged row cannot
// take the machine's memory.
var maxCost = cost{Memory: 256 * 1024, Time: 16, Threads: 16}

const (
	saltLen = 16
	keyLen  = 32
)

// hasher makes and checks password hashes, a few at a time: each takes the
// cost's memory while it works.
type hasher struct {
	cost  cost
	slots chan struct{}
	dummy string // a hash of nobody's password
}

func newHasher(c cost) *hasher {
	h := &hasher{cost: c, slots: make(chan struct{}, 2)}
	h.dummy = h.make(random(20))
	return h
}

// hash returns the hash of a password to store.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	return h.make(password), nil
}

// check reports whether password is the one that was hashed, and whether the
// hash should be made anew because its parameters are no longer the current
// ones. An empty hash (no account, or one without a password) takes as long
// as a real one and never matches.
func (h *hasher) check(ctx context.Context, hash, password string) (match, stale bool, err error) {
	if err := h.acquire(ctx); err != nil {
		return false, false, err
	}
	defer h.release()
	absent := hash == ""
	if absent {
		hash = h.dummy
	}
	if len(password) > maxPassword {
		password, absent = password[:maxPassword], true
	}
	c, salt, want, err := parseHash(hash)
	if err != nil {
		return false, false, err
	}
	got := argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, uint32(len(want)))
	match = subtle.ConstantTimeCompare(got, want) == 1 && !absent
	return match, match && (c != h.cost || len(salt) != saltLen || len(want) != keyLen), nil
}

func (h *hasher) acquire(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hasher) release() { <-h.slots }

func (h *hasher) make(password string) string {
	salt := make([]byte, saltLen)
	_, _ = rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, h.cost.Time, h.cost.Memory, h.cost.Threads, keyLen)
	return formatHash(h.cost, salt, key)
}

// formatHash writes the PHC string form that other tools read too.
func formatHash(c cost, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		c.Memory, c.Time, c.Threads, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// parseHash reads what formatHash wrote.
func parseHash(s string) (c cost, salt, key []byte, err error) {
	bad := func(what string) (cost, []byte, []byte, error) {
		return cost{}, nil, nil, fmt.Errorf("read stored password hash: %s", what)
	}
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return bad("not an argon2id hash")
	}
	if parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return bad("unknown version")
	}
	n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads)
	if err != nil || n != 3 {
		return bad("parameters cannot be read")
	}
	if c.Time < 1 || c.Threads < 1 || c.Memory < 8*uint32(c.Threads) ||
		c.Memory > maxCost.Memory || c.Time > maxCost.Time || c.Threads > maxCost.Threads {
		return bad("parameters out of range")
	}
	b64 := base64.RawStdEncoding.Strict()
	if salt, err = b64.DecodeString(parts[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return bad("salt cannot be read")
	}
	if key, err = b64.DecodeString(parts[5]); err != nil || len(key) < 16 || len(key) > 64 {
		return bad("key cannot be read")
	}
	return c, salt, key, nil
}

// checkPassword says what is wrong with a new password.
func checkPassword(principal, password string) error {
	switch {
	case len(password) < minPassword:
		return problem.New(problem.Invalid, "the password is too short: %d characters, at least %d", len(password), minPassword).
			Do("use a few words, or what a password manager makes")
	case len(password) > maxPassword:
		return problem.New(problem.Invalid, "the password is too long: %d bytes, at most %d", len(password), maxPassword)
	case strings.EqualFold(password, strings.TrimPrefix(principal, userPrefix)):
		return problem.New(problem.Invalid, "the password is the account's name")
	case strings.Count(password, password[:1]) == len(password):
		return problem.New(problem.Invalid, "the password is one character repeated")
	}
	return nil
}
