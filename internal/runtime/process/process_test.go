//go:build linux || darwin

package process_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/runtime/process"
	"github.com/stoa-platform/stoa/internal/runtime/runtimetest"
)

// program is the path of the suite's test program.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if state := os.Getenv(victimState); state != "" {
		return victim(state)
	}
	dir, err := os.MkdirTemp("", "stoa-process-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if program, err = runtimetest.Build(context.Background(), dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func TestConformance(t *testing.T) {
	runtimetest.Run(t, runtimetest.Factory{
		Program: program,
		New: func(t *testing.T, w runtimetest.Wiring) runtime.Runtime {
			return newRuntime(t, process.Options{
				State: t.TempDir(), Router: w.Router, Logs: w.Logs, Exits: w.Exits,
			})
		},
	})
}

func newRuntime(t testing.TB, opts process.Options) *process.Runtime {
	t.Helper()
	rt, err := process.New(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return rt
}
