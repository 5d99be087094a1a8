package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Store keeps snapshots on disk by digest:
//
//	<dir>/<hex>/files/…         the content
//	<dir>/<hex>/snapshot.json   its numbers; its time is that of the last use
//	<dir>/<hex>/by/<hex>        a file for each who has put it, by a digest of the name
//	<dir>/.incoming-*           what is being received
//
// A snapshot appears by one rename, after it is verified and on disk, so that
// what has its name is whole, whatever was killed when. Methods may be called
// at the same time; one process owns the folder.
type Store struct {
	dir    string
	limits Limits
	now    func() time.Time

	// mu keeps Prune from deleting what Open and Put are just handing out.
	mu sync.RWMutex
}

const (
	filesDir       = "files"
	recordFile     = "snapshot.json"
	byDir          = "by"
	incomingPrefix = ".incoming-"
	// rest protects a snapshot from Prune after its last use, for as
	// long as it may take until whoever asked for it has recorded that.
	rest = 15 * time.Minute
)

type record struct {
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"`
	StoredAt time.Time `json:"storedAt"`
}

// StoreOption changes a store's defaults.
type StoreOption func(*Store)

// WithLimits bounds what Put accepts.
func WithLimits(limits Limits) StoreOption { return func(s *Store) { s.limits = limits } }

// WithClock replaces time.Now.
func WithClock(now func() time.Time) StoreOption { return func(s *Store) { s.now = now } }

// NewStore opens the folder, creating it, and sweeps what a killed process was
// receiving.
func NewStore(dir string, options ...StoreOption) (*Store, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open source store: %w", err)
	}
	s := &Store{dir: abs, now: time.Now}
	for _, option := range options {
		option(s)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("open source store: %w", err)
	}
	leftovers, err := filepath.Glob(filepath.Join(s.dir, incomingPrefix+"*"))
	if err != nil {
		return nil, fmt.Errorf("open source store: %w", err)
	}
	for _, leftover := range leftovers {
		if err := os.RemoveAll(leftover); err != nil {
			return nil, fmt.Errorf("open source store: %w", err)
		}
	}
	return s, nil
}

// Put stores the archive under its digest, and that by has put it. What is there
// already is kept, and where by has put it, r is not read: others show by the
// content that they have it, not by its digest. Content of another digest is a
// problem.Problem (Invalid), a full disk one (Unavailable); neither leaves anything.
func (s *Store) Put(ctx context.Context, digest Digest, by string, r io.Reader) error {
	if _, err := ParseDigest(string(digest)); err != nil {
		return fmt.Errorf("store source: %w", err)
	}
	if s.HasFrom(digest, by) && s.touch(digest) {
		return nil
	}
	incoming, err := os.MkdirTemp(s.dir, incomingPrefix)
	if err != nil {
		return s.diskError("store source", err)
	}
	defer os.RemoveAll(incoming)

	snapshot, err := unpack(ctx, r, filepath.Join(incoming, filesDir), s.limits)
	if err != nil {
		return s.diskError("store source", err)
	}
	if snapshot.Digest != digest {
		return problem.New(problem.Invalid, "source archive holds %s, but was sent as %s", snapshot.Digest, digest).
			Do("send the source again")
	}
	if err := s.settle(incoming, snapshot); err != nil {
		return s.diskError("store source", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	err = os.Rename(incoming, s.path(digest))
	if err != nil && !s.Has(digest) { // else it was there
		return s.diskError("store source", err)
	}
	return errors.Join(s.sign(digest, by), syncPath(s.dir))
}

// sign notes who has put a snapshot. If it is lost with the machine's power,
// the source is sent again.
func (s *Store) sign(digest Digest, by string) error {
	if err := os.Mkdir(filepath.Join(s.path(digest), byDir), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return s.diskError("store source", err)
	}
	if err := os.WriteFile(s.byFile(digest, by), nil, 0o644); err != nil {
		return s.diskError("store source", err)
	}
	return os.Chtimes(filepath.Join(s.path(digest), recordFile), time.Time{}, s.now())
}

// byFile does not tell a person's name, which may have to be erased.
func (s *Store) byFile(digest Digest, by string) string {
	return filepath.Join(s.path(digest), byDir, fmt.Sprintf("%x", sha256.Sum256([]byte(by))))
}

// HasFrom reports whether the snapshot is stored and by has put it.
func (s *Store) HasFrom(digest Digest, by string) bool {
	return s.Has(digest) && exists(s.byFile(digest, by))
}

// settle records the snapshot's numbers and brings all of it to the disk.
func (s *Store) settle(incoming string, snapshot Snapshot) error {
	data, err := json.Marshal(record{Files: len(snapshot.Files), Bytes: snapshot.Size, StoredAt: s.now().UTC()})
	if err != nil {
		return err
	}
	recordPath := filepath.Join(incoming, recordFile)
	if err := os.WriteFile(recordPath, data, 0o644); err != nil {
		return err
	}
	if err := os.Chtimes(recordPath, time.Time{}, s.now()); err != nil {
		return err
	}
	return syncTree(incoming)
}

// Has reports whether the snapshot is stored.
func (s *Store) Has(digest Digest) bool {
	if _, err := ParseDigest(string(digest)); err != nil {
		return false
	}
	return exists(filepath.Join(s.path(digest), recordFile))
}

// Open gives the content of a snapshot, as a file system and as the folder it
// lies in. Both are for reading only. An unknown digest is a problem.Problem
// (NotFound).
func (s *Store) Open(digest Digest) (fs.FS, string, error) {
	if _, err := ParseDigest(string(digest)); err != nil {
		return nil, "", problem.New(problem.NotFound, "no source %q: %w", digest, err)
	}
	if !s.touch(digest) {
		return nil, "", problem.New(problem.NotFound, "source %s is not stored here", digest).Do("deploy again from the folder of the source")
	}
	dir := filepath.Join(s.path(digest), filesDir)
	return os.DirFS(dir), dir, nil
}

// touch marks a stored snapshot as used now; false says that it is not there.
func (s *Store) touch(digest Digest) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return os.Chtimes(filepath.Join(s.path(digest), recordFile), time.Time{}, s.now()) == nil
}

// Prune deletes the snapshots that were not used for longest until the rest
// takes at most maxBytes of content, and returns the bytes freed. It spares
// those that keep names and those used in the last quarter of an hour, even if
// more than maxBytes stay.
func (s *Store) Prune(ctx context.Context, keep func(Digest) bool, maxBytes int64) (int64, error) {
	stored, err := s.list()
	if err != nil {
		return 0, fmt.Errorf("prune sources: %w", err)
	}
	var total, freed int64
	for _, entry := range stored {
		total += entry.bytes
	}
	for _, entry := range stored {
		if total <= maxBytes {
			break
		}
		if err := ctx.Err(); err != nil {
			return freed, err
		}
		if keep(entry.digest) {
			continue
		}
		removed, err := s.remove(entry.digest)
		if err != nil {
			return freed, fmt.Errorf("prune sources: %w", err)
		}
		if removed {
			total, freed = total-entry.bytes, freed+entry.bytes
		}
	}
	return freed, nil
}

type stored struct {
	digest Digest
	bytes  int64
	used   time.Time
}

// list gives all snapshots, the one unused for longest first.
func (s *Store) list() ([]stored, error) {
	records, err := filepath.Glob(filepath.Join(s.dir, "*", recordFile))
	if err != nil {
		return nil, err
	}
	var all []stored
	for _, path := range records {
		digest, err := ParseDigest(digestPrefix + filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		data, readErr := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err := errors.Join(readErr, statErr); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			return nil, err
		}
		var rec record
		if err := json.Unmarshal(data, &rec); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, stored{digest: digest, bytes: rec.Bytes, used: info.ModTime()})
	}
	slices.SortFunc(all, func(a, b stored) int {
		return cmp.Or(a.used.Compare(b.used), strings.Compare(string(a.digest), string(b.digest)))
	})
	return all, nil
}

// remove deletes a snapshot that rests: it is renamed away first, so that it
// is never seen in part.
func (s *Store) remove(digest Digest) (bool, error) {
	s.mu.Lock()
	info, err := os.Stat(filepath.Join(s.path(digest), recordFile))
	if err != nil || s.now().Sub(info.ModTime()) < rest {
		s.mu.Unlock()
		return false, nil
	}
	trash, err := os.MkdirTemp(s.dir, incomingPrefix)
	if err == nil {
		err = os.Rename(s.path(digest), filepath.Join(trash, "old"))
	}
	s.mu.Unlock()
	return err == nil, errors.Join(err, os.RemoveAll(trash))
}

func (s *Store) path(digest Digest) string { return filepath.Join(s.dir, digest.hex()) }

// diskError turns a full disk into advice and names what was being done.
func (s *Store) diskError(doing string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return problem.New(problem.Unavailable, "%s: no space left on the disk of %s: %w", doing, s.dir, err).
			Do("free space: df -h "+s.dir, "then send the source again")
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
