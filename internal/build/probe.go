package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// probe is what a program says of itself.
type probe struct {
	Version string `json:"version,omitempty"`
	// Path is the program behind a shim of a version manager, else itself.
	Path string `json:"path,omitempty"`
	// Unfit says why it cannot be used whatever its version.
	Unfit string `json:"unfit,omitempty"`
}

// prober asks programs for their versions, and asks again only when the file
// changed: running each tool before each build would cost more than an
// unchanged build has.
type prober struct {
	file string // where answers are kept

	mu    sync.Mutex
	known map[string]probe
}

func newProber(file string) *prober {
	p := &prober{file: file, known: map[string]probe{}}
	if data, err := os.ReadFile(file); err == nil {
		if json.Unmarshal(data, &p.known) != nil || p.known == nil {
			p.known = map[string]probe{} // only a cache: ask again
		}
	}
	return p
}

const probeTimeout = 20 * time.Second

// ask probes the program at path, which must be absolute.
func (p *prober) ask(ctx context.Context, f family, path, searchPath string) (probe, error) {
	id, err := identity(path)
	if err != nil {
		return probe{}, err
	}
	p.mu.Lock()
	answer, ok := p.known[id]
	p.mu.Unlock()
	if ok && (answer.Path == path || isExecutable(answer.Path)) {
		return answer, nil
	}
	asking, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	answer = runProbe(asking, f, path, searchPath)
	if asking.Err() != nil { // says nothing of the program: not to be remembered
		return answer, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[id] = answer
	return answer, p.save()
}

func runProbe(ctx context.Context, f family, path, searchPath string) probe {
	cmd := exec.CommandContext(ctx, path, f.ask...)
	// A neutral folder: version managers obey files of the folder they run in.
	cmd.Dir = string(filepath.Separator)
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "COREPACK_ENABLE_DOWNLOAD_PROMPT=0", "PATH="+searchPath)
	cmd.WaitDelay = time.Second
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(complaint.String())
		first, _, _ := strings.Cut(text, "\n")
		return probe{Path: path, Unfit: fmt.Sprintf("does not run: %v: %.200s", err, first)}
	}
	return f.read(path, strings.TrimSpace(out.String()))
}

func (p *prober) save() error {
	data, err := json.Marshal(p.known)
	if err != nil {
		return err
	}
	return writeAtomic(p.file, data)
}

// identity names a program by path, time and size, and by those of the files in
// which version managers keep which version a shim stands for.
func identity(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	id := fmt.Sprintf("%s %d %d", path, info.ModTime().UnixNano(), info.Size())
	if home, err := os.UserHomeDir(); err == nil {
		for _, choice := range []string{".pyenv/version", ".nodenv/version", ".tool-versions", ".config/mise/config.toml", ".volta/tools/user/platform.json"} {
			if info, err := os.Stat(filepath.Join(home, choice)); err == nil {
				id += fmt.Sprintf(" %d", info.ModTime().UnixNano())
			}
		}
	}
	for _, variable := range []string{"PYENV_VERSION", "NODENV_VERSION"} {
		if value := os.Getenv(variable); value != "" {
			id += " " + value
		}
	}
	return id, nil
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// writeAtomic replaces a file's content as a whole.
func writeAtomic(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
