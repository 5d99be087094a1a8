package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// Pin remembers, in a file of its own for each platform, the last checkpoint
// that was seen of it. At every later contact the platform has to prove that
// its ledger only grew since.
type Pin struct {
	Path string // the file; its folder is made
}

// Witnessed is a platform's ledger as a client sees it.
type Witnessed interface {
	// LatestCheckpoint gives the signed checkpoint, "" when nothing is sealed yet,
	// and the public key, which is believed at the first contact only.
	LatestCheckpoint(ctx context.Context) (signed, publicKey string, err error)
	// ProveConsistency proves that the newer tree begins with the older one.
	ProveConsistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error)
}

// ForkError says that a platform shows another history than it did before. Both
// checkpoints are signed by its key: together they are the proof.
type ForkError struct {
	Reason       string
	Pinned, Seen string // signed checkpoints; Seen is "" when none was shown
}

// Error gives the reason with both checkpoints.
func (e *ForkError) Error() string {
	return fmt.Sprintf("the platform's ledger is not the one seen before: %s\n\nseen before:\n%s\nshown now:\n%s", e.Reason, e.Pinned, e.Seen)
}

type pinned struct {
	Key  string `json:"key"`
	Note string `json:"checkpoint"`
}

// Read gives the pinned checkpoint and key; zero values before the first contact.
func (p Pin) Read() (Checkpoint, string, error) {
	raw, err := os.ReadFile(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return Checkpoint{}, "", nil
	}
	if err != nil {
		return Checkpoint{}, "", fmt.Errorf("read pinned checkpoint: %w", err)
	}
	var kept pinned
	if err := json.Unmarshal(raw, &kept); err != nil {
		return Checkpoint{}, "", fmt.Errorf("read pinned checkpoint %s: %w", p.Path, err)
	}
	c, err := ParseCheckpoint(kept.Note, kept.Key)
	if err != nil {
		return Checkpoint{}, "", fmt.Errorf("read pinned checkpoint %s: %w", p.Path, err)
	}
	return c, kept.Key, nil
}

// Check demands of the platform that its ledger goes on from the pinned
// checkpoint, and pins the latest one. It returns *ForkError when the platform
// cannot show that, and then keeps the old pin.
func (p Pin) Check(ctx context.Context, platform Witnessed) (Checkpoint, error) {
	before, key, err := p.Read()
	if err != nil {
		return Checkpoint{}, err
	}
	signed, shownKey, err := platform.LatestCheckpoint(ctx)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read latest checkpoint: %w", err)
	}
	if key == "" {
		if signed == "" {
			return Checkpoint{}, nil
		}
		key = shownKey
	}
	fork := func(format string, args ...any) error {
		return &ForkError{Reason: fmt.Sprintf(format, args...), Pinned: before.Note, Seen: signed}
	}
	if signed == "" {
		return Checkpoint{}, fork("it held %d events and shows none", before.Size)
	}
	now, err := ParseCheckpoint(signed, key)
	if err != nil {
		if before.Note != "" {
			return Checkpoint{}, fork("the checkpoint is not signed by the key that was pinned: %v", err)
		}
		return Checkpoint{}, err
	}
	switch {
	case before.Note == "": // first contact
	case now.Size < before.Size:
		return Checkpoint{}, fork("it held %d events and shows %d: rewritten, or restored from a backup", before.Size, now.Size)
	case now.Size == before.Size:
		if now.Hash != before.Hash {
			return Checkpoint{}, fork("two histories of %d events are signed", now.Size)
		}
	default:
		proof, err := platform.ProveConsistency(ctx, before.Size, now.Size)
		if err != nil {
			return Checkpoint{}, fmt.Errorf("ask for the proof from %d to %d events: %w", before.Size, now.Size, err)
		}
		if err := tlog.CheckTree(proof, now.Size, now.Hash, before.Size, before.Hash); err != nil {
			return Checkpoint{}, fork("the proof from %d to %d events fails", before.Size, now.Size)
		}
	}
	return now, p.save(pinned{Key: key, Note: signed})
}

// save replaces the file in one step.
func (p Pin) save(kept pinned) error {
	raw, err := json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return fmt.Errorf("pin checkpoint: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(p.Path), 0o700); err != nil {
		return fmt.Errorf("pin checkpoint: %w", err)
	}
	file, err := os.CreateTemp(filepath.Dir(p.Path), ".pin-*")
	if err != nil {
		return fmt.Errorf("pin checkpoint: %w", err)
	}
	defer os.Remove(file.Name()) // does nothing after the rename
	_, err = file.Write(append(raw, '\n'))
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), p.Path)
	}
	if err != nil {
		return fmt.Errorf("pin checkpoint: %w", err)
	}
	return nil
}
