package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// patience bounds every wait; a machine that is busy with other things must
// not fail a test that waits for something certain.
const patience = 90 * time.Second

// The environment that turns this test binary into a platform.
const (
	envData     = "STOA_APP_TEST_DATA"
	envDatabase = "STOA_APP_TEST_DATABASE"
	envDisk     = "STOA_APP_TEST_DISK" // size of a disk of its own for the data, such as 64m
)

func TestMain(m *testing.M) {
	if data := os.Getenv(envData); data != "" {
		if err := serve(data); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	// Most of what these tests do is wait; two at a time would take minutes.
	flag.Parse()
	err := flag.Set("test.parallel", "8")
	// Builds see GOFLAGS; linking without what debuggers need takes half the time.
	if err = errors.Join(err, os.Setenv("GOFLAGS", "-ldflags=-w")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// serve is a platform process. It kills itself with SIGKILL at the edge of the
// step that the file kill-at in the data folder names, once.
func serve(data string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if size := os.Getenv(envDisk); size != "" {
		if err := syscall.Mount("tmpfs", data, "tmpfs", 0, "size="+size); err != nil {
			return fmt.Errorf("mount refused: %w", err)
		}
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	p, err := app.Open(ctx, config.Config{Data: data, Listen: "127.0.0.1:0", Database: os.Getenv(envDatabase), Version: "test"}, log)
	if err != nil {
		return err
	}
	p.OnStepEdge(func(_, step string, done bool) {
		path := filepath.Join(data, "kill-at")
		raw, err := os.ReadFile(path)
		if err != nil || string(raw) != edge(step, done) {
			return
		}
		_ = os.Remove(path)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until it has hit
	})
	return errors.Join(p.Serve(ctx), p.Close(context.WithoutCancel(ctx)))
}

func edge(step string, done bool) string {
	if done {
		return "after " + step
	}
	return "before " + step
}

// platform is a running platform and a client of its admin.
type platform struct {
	*client.Client
	data, database string
	onEdge         func(release, step string, done bool) // of one in this process; may be nil
	trusted        config.Networks                       // the proxies in front of one in this process
	url            string

	cmd    *exec.Cmd // nil: it runs in this process
	disk   string    // size of the disk that it has of its own; "" is none
	exited chan error
	stderr *lockedBuffer
	root   *testing.T // whose end ends one in this process
	stop   func()     // ends it; may be called twice
}

// startProcess starts a platform as a process of its own, on new data.
func startProcess(t *testing.T, database string) *platform {
	return startOnDisk(t, database, "")
}

// startOnDisk gives it a disk of its own, of the size, which ends with it.
func startOnDisk(t *testing.T, database, disk string) *platform {
	t.Helper()
	p := &platform{data: t.TempDir(), database: database, disk: disk}
	if database == "" {
		p.database = filepath.Join(p.data, "stoa.db")
	}
	p.start(t)
	t.Cleanup(func() {
		if p.cmd != nil {
			p.kill()
		}
		if t.Failed() {
			t.Logf("the platform's log:\n%s", p.stderr)
		}
	})
	return p
}

// start starts the process, also again after its end.
func (p *platform) start(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(p.data, "endpoint")) // a killed one's
	p.cmd = exec.Command(self)
	p.cmd.Env = append(os.Environ(), envData+"="+p.data, envDatabase+"="+p.database)
	if p.disk != "" {
		p.cmd.Env = append(p.cmd.Env, envDisk+"="+p.disk)
		p.cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
		}
	}
	if p.stderr == nil {
		p.stderr = &lockedBuffer{}
	}
	p.cmd.Stdout, p.cmd.Stderr = p.stderr, p.stderr
	err = p.cmd.Start()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		testenv.Missing(t, "user namespaces are switched off on this machine: "+err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	p.exited = make(chan error, 1)
	go func(cmd *exec.Cmd, exited chan<- error) { exited <- cmd.Wait() }(p.cmd, p.exited)
	eventually(t, func() error {
		select {
		case err := <-p.exited:
			p.exited <- err
			t.Fatalf("the platform ended at its start: %v\n%s", err, p.stderr)
		default:
		}
		if p.url = app.Endpoint(p.seen()); p.url == "" {
			return errors.New("no endpoint yet")
		}
		return nil
	})
	p.connect(t)
}

func (p *platform) connect(t *testing.T) {
	t.Helper()
	p.Client = p.as(t, p.adminToken(t))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := p.Ready(ctx); err != nil {
		t.Fatalf("the platform does not get ready: %v", err)
	}
}

func (p *platform) adminToken(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(p.seen(), "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(raw))
}

// seen is the data folder as this process sees it, also where it lies on a disk
// that only the platform has.
func (p *platform) seen() string {
	if p.disk == "" {
		return p.data
	}
	return fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, p.data)
}

// as is a client with another token.
func (p *platform) as(t *testing.T, token string) *client.Client {
	t.Helper()
	c, err := client.New(p.url, token, client.WithSurface("cli"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// kill ends the process with SIGKILL and waits until it is gone.
func (p *platform) kill() {
	_ = p.cmd.Process.Kill()
	p.wait()
}

// wait waits for the end of the process.
func (p *platform) wait() error {
	err := <-p.exited
	p.exited <- err
	return err
}

// open starts a platform in this process, on new data.
func open(t *testing.T, database string) *platform {
	t.Helper()
	p := &platform{data: t.TempDir(), database: database, root: t}
	if database == "" {
		p.database = filepath.Join(p.data, "stoa.db")
	}
	p.reopen(t)
	return p
}

// reopen starts it again on the same data, after stop.
func (p *platform) reopen(t *testing.T) {
	t.Helper()
	p.stderr = &lockedBuffer{}
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	instance, err := app.Open(t.Context(), config.Config{Data: p.data, Listen: "127.0.0.1:0", Database: p.database, TrustedProxies: p.trusted, Version: "test"}, log)
	if err != nil {
		t.Fatalf("open platform: %v", err)
	}
	if p.onEdge != nil {
		instance.OnStepEdge(p.onEdge)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- instance.Serve(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-served, instance.Close(context.Background())); err != nil {
			p.root.Errorf("the platform did not end well: %v", err)
		}
		if p.root.Failed() {
			p.root.Logf("the platform's log:\n%s", p.stderr)
		}
	})
	p.root.Cleanup(p.stop)
	select {
	case <-instance.Ready():
	case err := <-served:
		served <- err
		t.Fatalf("the platform does not serve: %v", err)
	}
	p.url = instance.URL()
	p.connect(t)
}

// sql opens the platform's database by a connection of its own.
func (p *platform) sql(t *testing.T) *sql.DB {
	t.Helper()
	driver := "sqlite"
	if strings.HasPrefix(p.database, "postgres") {
		driver = "pgx"
	}
	db, err := sql.Open(driver, p.database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// eventually tries until try returns nil.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %v: %v", patience, err)
		}
		<-tick.C
	}
}

// get asks the service, as a browser would by its host name.
func (p *platform) get(service, path string) (int, string, error) {
	request, err := http.NewRequest(http.MethodGet, p.url+path, nil)
	if err != nil {
		return 0, "", err
	}
	_, port, _ := net.SplitHostPort(request.URL.Host)
	request.URL.Host = net.JoinHostPort("127.0.0.1", port)
	request.Host = net.JoinHostPort(service+".dev.localhost", port)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, strings.TrimSpace(string(body)), err
}

// answers waits until the service answers with the text.
func (p *platform) answers(t *testing.T, service, want string) {
	t.Helper()
	eventually(t, func() error {
		status, body, err := p.get(service, "/")
		if err != nil || status != http.StatusOK || body != want {
			return fmt.Errorf("%s answers %d %q (%v), want %q", service, status, body, err, want)
		}
		return nil
	})
}

// processes lists what lives of the workloads and builds of the data folder:
// whatever carries its path in the environment, the platform apart.
func (p *platform) processes(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() || p.cmd != nil && pid == p.cmd.Process.Pid {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if err != nil || !bytes.Contains(environ, []byte(p.data)) {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline"))
		found = append(found, fmt.Sprintf("%d %q", pid, bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	}
	return found
}

// noProcesses waits until nothing of the workloads is left.
func (p *platform) noProcesses(t *testing.T) {
	t.Helper()
	eventually(t, func() error {
		if left := p.processes(t); len(left) > 0 {
			return fmt.Errorf("left behind: %v", left)
		}
		return nil
	})
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
