package event

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a signed statement of what the ledger holds: the hash of the
// tree over its first Size events. Its text is a C2SP tlog-checkpoint with two
// extension lines:
//
//	<origin>
//	<size>
//	<root hash, base64>
//	previous <size of the checkpoint before, 0 for the first>
//	time <RFC 3339>
type Checkpoint struct {
	Origin   string    `json:"origin"`
	Size     int64     `json:"size"`
	Hash     tlog.Hash `json:"hash"`
	Previous int64     `json:"previous"`
	Time     time.Time `json:"time"`
	// Note is the text with its signature, as it was signed.
	Note string `json:"note"`
}

// Key signs checkpoints. Its texts are those of golang.org/x/mod/sumdb/note.
type Key struct {
	Name    string
	Private string
	Public  string // what verifiers need; not secret
}

// NewKey makes an Ed25519 key. The name is the origin of the checkpoints it
// signs: a platform's host name or title; white space and "+" become "-".
func NewKey(name string) (Key, error) {
	name = strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r == '+' || r <= ' ' || r == 0x85 || r == 0xA0 }), "-")
	if name == "" {
		return Key{}, errors.New("make ledger key: the name is empty")
	}
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return Key{}, fmt.Errorf("make ledger key: %w", err)
	}
	return Key{Name: name, Private: private, Public: public}, nil
}

// ParseKey reads a private key's text.
func ParseKey(private string) (Key, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return Key{}, fmt.Errorf("read ledger key: %w", err)
	}
	// note keeps the seed as "PRIVATE+KEY+<name>+<hash>+<base64 of algorithm and seed>".
	encoded := strings.SplitN(private, "+", 5)[4]
	seed, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(seed) != 1+ed25519.SeedSize {
		return Key{}, errors.New("read ledger key: malformed seed")
	}
	public, err := note.NewEd25519VerifierKey(signer.Name(), ed25519.NewKeyFromSeed(seed[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return Key{}, fmt.Errorf("read ledger key: %w", err)
	}
	return Key{Name: signer.Name(), Private: private, Public: public}, nil
}

// sign makes the checkpoint's Note.
func (c *Checkpoint) sign(key Key) error {
	signer, err := note.NewSigner(key.Private)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	c.Origin = signer.Name()
	text := fmt.Sprintf("%s\n%d\n%s\nprevious %d\ntime %s\n", c.Origin, c.Size, c.Hash, c.Previous, c.Time.UTC().Format(time.RFC3339Nano))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return fmt.Errorf("sign checkpoint: %w", err)
	}
	c.Note = string(signed)
	return nil
}

// ParseCheckpoint reads a checkpoint and checks its signature against the
// public key's text.
func ParseCheckpoint(signed, public string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read public key: %w", err)
	}
	n, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("check checkpoint's signature: %w", err)
	}
	c := Checkpoint{Note: signed}
	lines := strings.Split(strings.TrimSuffix(n.Text, "\n"), "\n")
	if len(lines) != 5 {
		return Checkpoint{}, fmt.Errorf("read checkpoint: %d lines, want 5", len(lines))
	}
	if c.Origin = lines[0]; c.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("read checkpoint: it is of %q, the key of %q", c.Origin, verifier.Name())
	}
	if c.Size, err = parseSize(lines[1]); err != nil || c.Size == 0 {
		return Checkpoint{}, fmt.Errorf("read checkpoint: bad size %q", lines[1])
	}
	if c.Hash, err = tlog.ParseHash(lines[2]); err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: bad hash %q", lines[2])
	}
	previous, ok := strings.CutPrefix(lines[3], "previous ")
	if c.Previous, err = parseSize(previous); !ok || err != nil || c.Previous >= c.Size {
		return Checkpoint{}, fmt.Errorf("read checkpoint: bad line %q", lines[3])
	}
	at, ok := strings.CutPrefix(lines[4], "time ")
	if c.Time, err = time.Parse(time.RFC3339Nano, at); !ok || err != nil {
		return Checkpoint{}, fmt.Errorf("read checkpoint: bad line %q", lines[4])
	}
	return c, nil
}

// parseSize reads a decimal that has exactly one way to be written.
func parseSize(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || !bytes.Equal(strconv.AppendInt(nil, n, 10), []byte(text)) {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	return n, nil
}
