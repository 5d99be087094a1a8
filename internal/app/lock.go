package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stoa-platform/stoa/internal/problem"
)

// How long, and how often, a platform tries to get what another process holds.
const (
	lockPatience = 2 * time.Second
	lockPoll     = 10 * time.Millisecond
)

// lock makes sure that one process owns the data folder, and one the SQLite database,
// which may lie in the folder of another: two would take each other's jobs.
func (p *Platform) lock() error {
	if err := p.hold(p.path("lock"), p.config.Data); err != nil {
		return err
	}
	database := strings.TrimPrefix(p.config.Database, "sqlite:")
	if strings.Contains(database, "://") {
		return nil
	}
	file := database
	if real, err := filepath.EvalSymlinks(database); err == nil {
		file = real // by whatever way one comes to it
	}
	return p.hold(file+".lock", database)
}

// hold takes the lock of a file until the platform is closed or dies.
func (p *Platform) hold(path, what string) error {
	f, err := tryLock(path)
	// A command that only looks whether the folder is held has it for a moment,
	// and a killed platform until the system is done with it.
	for end := time.Now().Add(lockPatience); errors.Is(err, syscall.EWOULDBLOCK) && time.Now().Before(end); {
		time.Sleep(lockPoll)
		f, err = tryLock(path)
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		told := problem.New(problem.Conflict, "a platform runs on %s already", what)
		if at := Endpoint(p.config.Data); at != "" {
			told.Because("it answers at " + at)
		}
		return told.Do("stoa status    asks that one", "stoa serve --data OTHER    starts another")
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", what, err)
	}
	p.closing(func(context.Context) error { return f.Close() })
	return nil
}

// held reports whether a platform holds the data folder.
func held(data string) bool {
	path := filepath.Join(data, "lock")
	if _, err := os.Stat(path); err != nil {
		return false
	}
	f, err := tryLock(path)
	if err != nil {
		return errors.Is(err, syscall.EWOULDBLOCK)
	}
	_ = f.Close() // gives the lock back
	return false
}

func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
