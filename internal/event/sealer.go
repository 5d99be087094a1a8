package event

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/stoa-platform/stoa/internal/event/merkle"
	"github.com/stoa-platform/stoa/internal/event/retry"
	"github.com/stoa-platform/stoa/internal/problem"
)

// SealStore is the ledger as the sealer sees it.
type SealStore interface {
	// Leaves gives the hashes of up to limit events after a sequence, in order
	// and without gaps.
	Leaves(ctx context.Context, after int64, limit int) ([]tlog.Hash, error)
	// Tiles gives the stored ones of the tiles named by level and number.
	Tiles(ctx context.Context, want []merkle.Tile) ([]merkle.Tile, error)
	// Checkpoint gives the signed checkpoint of a size, or the latest for 0. Without
	// one the answer is problem.NotFound for a size, "" for the latest.
	Checkpoint(ctx context.Context, size int64) (string, error)
	// Seal stores tiles and checkpoint together. It reports false, and stores
	// nothing, when the checkpoint that this one follows has a follower already.
	Seal(ctx context.Context, c Checkpoint, tiles []merkle.Tile) (bool, error)
	// Appended returns a channel that closes when this process next appends.
	Appended() <-chan struct{}
}

// SealerOptions tune a Sealer. The zero value works.
type SealerOptions struct {
	Logger *slog.Logger
	Clock  func() time.Time
	// Every is the least time between two checkpoints of Run. Default 1 s.
	Every time.Duration
	// Look is the longest time until Run looks for events of other replicas. Default
	// Every; more where there are none.
	Look time.Duration
}

// Sealer extends the Merkle tree over the ledger and signs checkpoints. Any
// number of them may run on one ledger: each checkpoint follows exactly one
// other, and only one sealer can make it. A sealer killed at any point has
// stored a checkpoint with all its tiles, or nothing.
type Sealer struct {
	store  SealStore
	key    Key
	logger *slog.Logger
	clock  func() time.Time
	every  time.Duration
	look   time.Duration
}

// NewSealer makes a sealer that signs with the key.
func NewSealer(store SealStore, key Key, o SealerOptions) *Sealer {
	every := cmp.Or(o.Every, time.Second)
	s := &Sealer{store: store, key: key, logger: cmp.Or(o.Logger, slog.New(slog.DiscardHandler)), clock: o.Clock, every: every, look: cmp.Or(o.Look, every)}
	if s.clock == nil {
		s.clock = time.Now
	}
	return s
}

// PublicKey is what verifiers need.
func (s *Sealer) PublicKey() string { return s.key.Public }

// sealBatch bounds the events of one checkpoint, and with them the memory and
// the time of a transaction.
const sealBatch = 20_000

// Run seals until ctx ends, and a last time then. Errors are logged and tried again.
func (s *Sealer) Run(ctx context.Context) {
	pace := retry.Pace{
		Logger: s.logger, Failed: "sealing the ledger failed; events are safe, proofs wait", Again: "the ledger is sealed again",
		First: s.every, Longest: longestWait,
	}
	for ctx.Err() == nil {
		appended := s.store.Appended()
		_, err := s.Seal(ctx)
		if ctx.Err() != nil {
			break
		}
		wait := max(s.every, pace.Next(ctx, err)) // s.every is the least time between checkpoints
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		if err != nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-appended:
		case <-time.After(s.look - s.every):
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := s.Seal(last); err != nil {
		s.logger.WarnContext(last, "the last events stay unsealed until the next start", "error", err)
	}
}

// Seal seals every event that is in the ledger now and gives the latest
// checkpoint; its zero value when the ledger is empty.
func (s *Sealer) Seal(ctx context.Context) (Checkpoint, error) {
	var f *merkle.Frontier
	var last Checkpoint
	for {
		latest, err := s.Latest(ctx)
		if err != nil {
			return Checkpoint{}, err
		}
		leaves, err := s.store.Leaves(ctx, latest.Size, sealBatch)
		if err != nil {
			return Checkpoint{}, fmt.Errorf("read leaves after %d: %w", latest.Size, err)
		}
		if len(leaves) == 0 {
			return latest, nil
		}
		if f == nil || latest.Note != last.Note { // another sealer was first
			if f, err = s.resume(ctx, latest); err != nil {
				return Checkpoint{}, err
			}
		}
		var tiles []merkle.Tile
		for _, leaf := range leaves {
			f.Add(leaf, func(level int, n int64, hashes []tlog.Hash) {
				tiles = append(tiles, merkle.Tile{Level: level, N: n, Data: merkle.Data(hashes)})
			})
		}
		next := Checkpoint{Size: f.Size, Hash: f.Root(), Previous: latest.Size, Time: s.clock().UTC().Truncate(time.Microsecond)}
		if err := next.sign(s.key); err != nil {
			return Checkpoint{}, err
		}
		first, err := s.store.Seal(ctx, next, append(tiles, f.Partial()...))
		if err != nil {
			return Checkpoint{}, err
		}
		if last = next; !first {
			f = nil
		}
	}
}

// resume loads the edge of the tree and refuses to build on one that does not
// have the hash that was signed.
func (s *Sealer) resume(ctx context.Context, latest Checkpoint) (*merkle.Frontier, error) {
	f, err := merkle.Load(ctx, s.store, latest.Size)
	if err != nil {
		return nil, err
	}
	if root := f.Root(); latest.Size > 0 && root != latest.Hash {
		return nil, problem.New(problem.Failed, "the ledger's tree is damaged: its hash at size %d is %s, signed was %s", latest.Size, root, latest.Hash).
			Do("stoa audit export, then stoa audit verify", "restore the last backup: stoa restore")
	}
	return f, nil
}

// Latest gives the latest checkpoint; its zero value when nothing is sealed.
func (s *Sealer) Latest(ctx context.Context) (Checkpoint, error) {
	signed, err := s.store.Checkpoint(ctx, 0)
	if err != nil || signed == "" {
		return Checkpoint{}, err
	}
	return ParseCheckpoint(signed, s.key.Public)
}

// At gives the checkpoint of a size; problem.NotFound when none was made there.
func (s *Sealer) At(ctx context.Context, size int64) (Checkpoint, error) {
	signed, err := s.store.Checkpoint(ctx, size)
	if err != nil {
		return Checkpoint{}, err
	}
	return ParseCheckpoint(signed, s.key.Public)
}

// ProveInclusion proves that the event with the sequence is in the tree of the
// latest checkpoint. It returns problem.NotFound for one that is not sealed.
func (s *Sealer) ProveInclusion(ctx context.Context, seq int64) (tlog.RecordProof, Checkpoint, error) {
	latest, err := s.Latest(ctx)
	if err != nil {
		return nil, Checkpoint{}, err
	}
	if seq < 1 || seq > latest.Size {
		return nil, Checkpoint{}, problem.New(problem.NotFound, "no sealed event %d: the ledger is sealed up to %d", seq, latest.Size)
	}
	proof, err := tlog.ProveRecord(latest.Size, seq-1, merkle.Reader(ctx, s.store))
	if err != nil {
		return nil, Checkpoint{}, fmt.Errorf("prove event %d: %w", seq, err)
	}
	return proof, latest, nil
}

// ProveConsistency proves that the tree of the newer size begins with that of
// the older one. It returns problem.Invalid for sizes that are not sealed.
func (s *Sealer) ProveConsistency(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	latest, err := s.Latest(ctx)
	if err != nil {
		return nil, err
	}
	if older < 1 || newer < older || newer > latest.Size {
		return nil, problem.New(problem.Invalid, "no proof from size %d to %d: the ledger is sealed up to %d", older, newer, latest.Size)
	}
	proof, err := tlog.ProveTree(newer, older, merkle.Reader(ctx, s.store))
	if err != nil {
		return nil, fmt.Errorf("prove size %d to %d: %w", older, newer, err)
	}
	return proof, nil
}
