// Package witness remembers what a platform's ledger was, and asks whether it goes on
// from that.
package witness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Of lets a pin ask a platform.
type Of struct{ Client *client.Client }

// LatestCheckpoint gives the platform's signed checkpoint and its public key.
func (w Of) LatestCheckpoint(ctx context.Context) (signed, publicKey string, err error) {
	c, err := w.Client.Checkpoint(ctx)
	return c.Checkpoint, c.PublicKey, err
}

// ProveConsistency asks for the proof that the newer tree begins with the older one.
func (w Of) ProveConsistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	hashes, err := w.Client.ProveConsistency(ctx, older, newer)
	if err != nil {
		return nil, err
	}
	proof := make(tlog.TreeProof, len(hashes))
	for i, text := range hashes {
		if proof[i], err = tlog.ParseHash(text); err != nil {
			return nil, problem.New(problem.Failed, "the platform's proof cannot be read: %v", err)
		}
	}
	return proof, nil
}

// Pin is where the last checkpoint of a platform is remembered.
func Pin(server string) (event.Pin, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return event.Pin{}, err
	}
	name := sha256.Sum256([]byte(server))
	return event.Pin{Path: filepath.Join(dir, "stoa", "pins", hex.EncodeToString(name[:8])+".json")}, nil
}
