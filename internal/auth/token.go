package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"
)

// Token is an API token as it is stored: all but its secret.
type Token struct {
	ID   string `json:"id"`
	Name string `json:"name"` // what it is for, given by who made it
	// Principal is who a request with it acts as: "user/ann", or "token/ci-7f3a"
	// for a token that belongs to a machine.
	Principal string    `json:"principal"`
	Scopes    []string  `json:"scopes,omitempty"`
	Teams     []string  `json:"teams,omitempty"` // the only teams it reaches; empty is all of its principal's
	CreatedBy string    `json:"createdBy"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires,omitzero"` // zero is never
	// LastUsed is the day (UTC midnight) of the last use: fine enough to find
	// forgotten tokens, too coarse to watch a person. Zero is never.
	LastUsed time.Time `json:"lastUsed,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`

	// Hash is SHA-256 of the whole token. A token has 160 random bits, so a
	// slow hash would add nothing but a way to keep the server busy.
	Hash [sha256.Size]byte `json:"-"`
}

// A token reads stoa_<id>_<secret><checksum>: a prefix by which scanners and
// people know it, 40 bits of id that may be shown and logged, 160 bits of
// secret, and the CRC-32 (IEEE) of all before it, so that a mistyped or cut
// token is told from a revoked one without asking the database. All parts are
// lower-case base32 in Crockford's alphabet.
const (
	tokenPrefix   = "stoa_"
	tokenIDLen    = 8  // 5 bytes
	tokenSecret   = 32 // 20 bytes
	tokenChecksum = 7  // 4 bytes
	tokenLen      = len(tokenPrefix) + tokenIDLen + 1 + tokenSecret + tokenChecksum
)

const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

func encode(b []byte) string {
	return base32.NewEncoding(crockford).WithPadding(base32.NoPadding).EncodeToString(b)
}

// random returns n random bytes, encoded. crypto/rand never fails: it ends the
// process rather than give weak bytes.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return encode(b)
}

// newToken makes a token and its id.
func newToken() (id, token string) {
	id = random(5)
	token = tokenPrefix + id + "_" + random(20)
	return id, token + checksum(token)
}

func checksum(s string) string {
	return encode(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s))))
}

// parseToken returns the id of a well-formed token.
func parseToken(token string) (id string, ok bool) {
	if len(token) != tokenLen || !strings.HasPrefix(token, tokenPrefix) || token[len(tokenPrefix)+tokenIDLen] != '_' {
		return "", false
	}
	body := token[:tokenLen-tokenChecksum]
	if token[len(body):] != checksum(body) {
		return "", false
	}
	id = token[len(tokenPrefix) : len(tokenPrefix)+tokenIDLen]
	for _, part := range [...]string{id, body[len(tokenPrefix)+tokenIDLen+1:]} {
		for i := range len(part) {
			if strings.IndexByte(crockford, part[i]) < 0 {
				return "", false
			}
		}
	}
	return id, true
}

// hashOf is what is stored of a token, a session id or a sign-in code.
func hashOf(s string) [sha256.Size]byte { return sha256.Sum256([]byte(s)) }

// label names the token for a person.
func (t Token) label() string { return t.Name + " (" + t.ID + ")" }
