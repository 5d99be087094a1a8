//go:build linux || darwin

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// records remembers in the state folder which processes run, one file per
// instance, so that the next runtime finds what a killed one has left.
type records struct {
	dir  string
	lock *os.File
}

// record is one process that was started.
type record struct {
	Instance string `json:"instance"`
	PID      int    `json:"pid"`
	// Started tells this process from a later one with the same number; see
	// startedAt.
	Started string `json:"started"`
	Program string `json:"program"`
}

// lockPatience covers the moment in which a killed runtime is still dying.
const lockPatience = 2 * time.Second

// openRecords takes the folder for this runtime alone.
func openRecords(ctx context.Context, state string) (*records, error) {
	dir := filepath.Join(state, "instances")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(state, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open records: %w", err)
	}
	deadline := time.Now().Add(lockPatience)
	for pause := time.Millisecond; ; pause *= 2 {
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return &records{dir: dir, lock: lock}, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) || ctx.Err() != nil {
			lock.Close()
			return nil, fmt.Errorf("lock %s: %w: another process runs workloads from this folder", lock.Name(), err)
		}
		wait(ctx, pause)
	}
}

func (r *records) close() { r.lock.Close() }

func (r *records) path(instance string) string {
	return filepath.Join(r.dir, instance+".json")
}

// put is not synced to disk: it has to survive this process, not the machine.
func (r *records) put(rec record) error {
	data, err := json.Marshal(rec)
	if err != nil {
		return fmt.Errorf("record instance %s: %w", rec.Instance, err)
	}
	next := r.path(rec.Instance) + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return fmt.Errorf("record instance %s: %w", rec.Instance, err)
	}
	if err := os.Rename(next, r.path(rec.Instance)); err != nil {
		return fmt.Errorf("record instance %s: %w", rec.Instance, err)
	}
	return nil
}

func (r *records) remove(instance string) { _ = os.Remove(r.path(instance)) }

// sweepPatience is how long killed leftovers may take to be gone.
const sweepPatience = 5 * time.Second

// sweep kills what the recorded instances have left. It returns how many
// processes it killed, and an error if some do not die; their records stay.
func (r *records) sweep(ctx context.Context) (int, error) {
	found, err := r.all()
	if err != nil || len(found) == 0 {
		return 0, err
	}
	killed := make(map[int]struct{})
	deadline := time.Now().Add(sweepPatience)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		left := leftovers(found)
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return len(killed), fmt.Errorf("sweep leftovers: %d processes do not die of SIGKILL, pid %d is one", len(left), left[0])
		}
		for _, pid := range left {
			killed[pid] = struct{}{}
			_ = unix.Kill(pid, unix.SIGKILL)
		}
		wait(ctx, pause)
	}
	for _, rec := range found {
		r.remove(rec.Instance)
	}
	return len(killed), nil
}

// all reads the records. What cannot be read was being written when its
// runtime was killed, and its process with it.
func (r *records) all() ([]record, error) {
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	var found []record
	for _, entry := range entries {
		path := filepath.Join(r.dir, entry.Name())
		var rec record
		data, err := os.ReadFile(path)
		if err == nil {
			err = json.Unmarshal(data, &rec)
		}
		if err != nil || rec.PID <= 1 || path != r.path(rec.Instance) {
			if err := os.Remove(path); err != nil {
				return nil, fmt.Errorf("remove torn record: %w", err)
			}
			continue
		}
		found = append(found, rec)
	}
	return found, nil
}

// leftovers lists what lives of the recorded instances: the groups whose first
// process is still the recorded one, and whatever carries an instance's mark.
func leftovers(recs []record) []int {
	groups, instances := make(map[int]bool), make(map[string]bool)
	for _, rec := range recs {
		if startedAt(rec.PID) == rec.Started {
			groups[rec.PID] = true
		}
		instances[rec.Instance] = true
	}
	return remains(groups, instances)
}
