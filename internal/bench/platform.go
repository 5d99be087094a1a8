package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// platform is a running `stoa serve`.
type platform struct {
	data, address, token string
	cmd                  *exec.Cmd
	log                  *bytes.Buffer
	ready                time.Duration // from exec to the first 200 of /readyz
	ended                chan error
}

const (
	startLimit = 60 * time.Second
	stopLimit  = 30 * time.Second
)

// serve starts a platform on a data folder and waits until it is ready. An
// empty database is the one in the data folder.
func (l *lab) serve(ctx context.Context, data, database string) (*platform, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--data", data, "--listen", address}
	if database != "" {
		args = append(args, "--database", database)
	}
	program, environment := l.binary, clean(data)
	if l.profile != "" {
		l.serial++
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
		args = []string{data, address, database, filepath.Join(l.profile, fmt.Sprintf("platform-%d.pprof", l.serial))}
		environment = append(environment, roleVariable+"="+rolePlatform)
	}
	p := &platform{data: data, address: address, log: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd = exec.Command(program, args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = environment, p.log, p.log
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { p.ended <- p.cmd.Wait() }()
	if err := p.await(ctx, began); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.ready = time.Since(began)
	raw, err := os.ReadFile(filepath.Join(data, "admin.token"))
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.token = strings.TrimSpace(string(raw))
	return p, nil
}

// await asks /readyz about every millisecond until it answers 200.
func (p *platform) await(ctx context.Context, began time.Time) error {
	for time.Since(began) < startLimit {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-p.ended:
			p.ended <- err
			return fmt.Errorf("stoa serve ended: %v: %s", err, p.log)
		default:
		}
		if answers(ctx, "http://"+p.address+"/readyz") {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("stoa serve was not ready in %s: %s", startLimit, p.log)
}

// stop ends the platform in order, so that its database is whole in one file.
func (p *platform) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-p.ended:
		p.ended <- err // for who stops it once more
		return nil
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill()
		p.ended <- <-p.ended
		return fmt.Errorf("stoa serve did not stop in %s: %s", stopLimit, p.log)
	}
}

// request makes an authenticated request; any answer but 2xx is an error.
func (p *platform) request(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.address+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", contentType)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s: %.500s", method, path, answer.Status, raw)
	}
	return raw, nil
}

// command prepares a command of the binary that talks to the platform.
func (p *platform) command(ctx context.Context, l *lab, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.binary, args...)
	cmd.Env = append(clean(p.data), "STOA_SERVER=http://"+p.address, "STOA_TOKEN="+p.token)
	return cmd
}

// clean is this process's environment without settings of Stoa, and a home of its own.
func clean(data string) []string {
	var kept []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "STOA_") && !strings.HasPrefix(pair, "XDG_") && !strings.HasPrefix(pair, "HOME=") {
			kept = append(kept, pair)
		}
	}
	return append(kept, "HOME="+data, "STOA_DATA="+data)
}

// answers reports whether a GET of the address gives 200, on a new connection.
func answers(ctx context.Context, address string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	r.Close = true
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
