package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/store"
)

// Restore makes the database of the platform that c describes out of a backup.
// Nothing may run on the data folder, and the database must be empty. Whoever
// stands behind one of the pseudonyms to forget was erased since: the platform
// erases them again before it serves.
func Restore(ctx context.Context, c config.Config, from io.Reader, forget []string, log *slog.Logger) (m store.Manifest, err error) {
	p := &Platform{config: c, log: log, stop: func() {}}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return m, fmt.Errorf("make data folder: %w", err)
	}
	if err := p.lock(); err != nil {
		return m, err
	}
	if err := addErased(c.Data, forget); err != nil {
		return m, err
	}
	kinds, _, err := kinds()
	if err != nil {
		return m, err
	}
	return store.Restore(ctx, from, c.Database, store.Options{Logger: log, Fields: func(kind string) []string {
		k, _ := kinds.ByName(kind)
		return k.Fields
	}})
}
