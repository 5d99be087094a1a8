package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"

	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/config"
)

// roleVariable says that this process is a server of a bench.
const (
	roleVariable = "BENCH_ROLE"
	roleBare     = "bare"
	rolePlatform = "platform"
)

// serveProfiled is `stoa serve` with a CPU profile of its whole life. Its
// arguments are data folder, address, database and the profile's file.
func serveProfiled(ctx context.Context, args []string) (err error) {
	if len(args) != 4 {
		return fmt.Errorf("want 4 arguments, have %q", args)
	}
	file, err := os.Create(args[3])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	settings, err := config.Config{Data: args[0], Listen: args[1], Database: args[2]}.WithDefaults()
	if err != nil {
		return err
	}
	p, err := app.Open(ctx, settings, slog.New(slog.NewTextHandler(os.Stderr, nil)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	return p.Serve(ctx)
}
