package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/stoa-platform/stoa/internal/cli/manifest"
	"github.com/stoa-platform/stoa/internal/problem"
)

// manifests reads what -f names.
func (c *Command) manifests(paths []string) (*manifest.Documents, error) {
	if len(paths) == 0 {
		return nil, usage("say what: -f FILE, -f DIR or -f -")
	}
	return manifest.Read(paths, c.In)
}

// input opens a file, or stdin for "-", and tells its size, 0 if unknown.
func (c *Command) input(path string) (io.Reader, int64, func(), error) {
	if path == "-" {
		return c.In, 0, func() {}, nil
	}
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, 0, nil, problem.New(problem.NotFound, "there is no file %s", path)
	}
	if err != nil {
		return nil, 0, nil, fmt.Errorf("open %s: %w", path, err)
	}
	size := int64(0)
	if info, err := f.Stat(); err == nil {
		size = info.Size()
	}
	return f, size, func() { _ = f.Close() }, nil
}
