package build

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/tree"
)

// rest protects an artifact from Prune after its last use, for as long as it
// may take until whoever asked for it has recorded that.
const rest = 15 * time.Minute

type kept struct {
	digest string
	size   int64
	used   time.Time
}

// Prune deletes artifacts that were not used for longest until those left take
// at most maxBytes, and returns the bytes freed. It spares those in use and
// those asked for in the last quarter of an hour, even if more stays.
func (b *Builder) Prune(ctx context.Context, inUse func(digest string) bool, maxBytes int64) (int64, error) {
	all, err := b.list()
	if err != nil {
		return 0, fmt.Errorf("prune artifacts: %w", err)
	}
	var total, freed int64
	for _, k := range all {
		total += k.size
	}
	for _, k := range all {
		if total <= maxBytes {
			break
		}
		if err := ctx.Err(); err != nil {
			return freed, err
		}
		if inUse(k.digest) {
			continue
		}
		removed, err := b.remove(k.digest)
		if err != nil {
			return freed, fmt.Errorf("prune artifacts: %w", err)
		}
		if removed {
			total, freed = total-k.size, freed+k.size
		}
	}
	return freed, nil
}

// list gives all artifacts, the one unused for longest first.
func (b *Builder) list() ([]kept, error) {
	records, err := filepath.Glob(filepath.Join(b.opts.Dir, "artifacts", "*", recordFile))
	if err != nil {
		return nil, err
	}
	var all []kept
	for _, path := range records {
		data, readErr := os.ReadFile(path)
		info, statErr := os.Stat(path)
		if err := errors.Join(readErr, statErr); err != nil {
			continue // removed meanwhile
		}
		var a Artifact
		if err := json.Unmarshal(data, &a); err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		all = append(all, kept{digest: a.Digest, size: a.Size, used: info.ModTime()})
	}
	slices.SortFunc(all, func(x, y kept) int { return cmp.Or(x.used.Compare(y.used), cmp.Compare(x.digest, y.digest)) })
	return all, nil
}

// remove deletes an artifact that rests: its record first, so that it is never
// seen in part, even if Stoa is killed in between.
func (b *Builder) remove(digest string) (bool, error) {
	held, err := tryLock(b.lockFile(digest))
	if errors.Is(err, errBusy) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer held.release()
	record := filepath.Join(b.artifactDir(digest), recordFile)
	info, err := os.Stat(record)
	if err != nil || b.opts.Now().Sub(info.ModTime()) < rest {
		return false, nil
	}
	return true, errors.Join(os.Remove(record), tree.Remove(b.artifactDir(digest)))
}

// PruneDownloads deletes the caches of package managers, the largest first, until
// those left take at most maxBytes, and returns the bytes freed. It does nothing
// while anything is built: that may be reading them.
func (b *Builder) PruneDownloads(ctx context.Context, maxBytes int64) (int64, error) {
	all, total, err := b.downloads(ctx)
	if err != nil {
		return 0, fmt.Errorf("prune downloads: %w", err)
	}
	var freed int64
	for _, d := range all {
		if total <= maxBytes {
			break
		}
		under, err := os.ReadDir(filepath.Join(b.opts.Dir, "work"))
		if err != nil || len(under) > 0 {
			return freed, err
		}
		// A build that begins now finds it empty, not half of it. What is left of it
		// if Stoa is killed here counts next time.
		aside, err := os.MkdirTemp(b.opts.CacheDir, ".gone-*")
		if err == nil {
			err = errors.Join(os.Rename(d.path, filepath.Join(aside, "cache")), tree.Remove(aside))
		}
		if err != nil {
			return freed, fmt.Errorf("prune downloads: %w", err)
		}
		total, freed = total-d.size, freed+d.size
	}
	return freed, nil
}

type download struct {
	path string
	size int64
}

// downloads gives the caches of package managers, the largest first, and what they
// take in all.
func (b *Builder) downloads(ctx context.Context) (all []download, total int64, err error) {
	entries, err := os.ReadDir(b.opts.CacheDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // it is made by the first build
		return nil, 0, err
	}
	for _, entry := range entries {
		d := download{path: filepath.Join(b.opts.CacheDir, entry.Name())}
		err := filepath.WalkDir(d.path, func(_ string, file fs.DirEntry, err error) error {
			if err != nil {
				return nil // a build deleted it meanwhile
			}
			if info, err := file.Info(); err == nil && info.Mode().IsRegular() {
				d.size += info.Size()
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, 0, err
		}
		all, total = append(all, d), total+d.size
	}
	slices.SortFunc(all, func(x, y download) int { return cmp.Compare(y.size, x.size) })
	return all, total, nil
}
