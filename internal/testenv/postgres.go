package testenv

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver that creates the databases
)

// Postgres returns the URL of a new, empty database that is dropped when the
// test ends.
//
// The databases of one test process share a private cluster in a temporary
// folder on a free loopback port; it ends with the process, however that ends.
// STOA_TEST_POSTGRES names a running server to use instead, by the URL of a
// role that may create databases.
func Postgres(t testing.TB) string {
	t.Helper()
	base := os.Getenv("STOA_TEST_POSTGRES")
	if base == "" {
		var err error
		if base, err = startCluster(); err != nil {
			Missing(t, "PostgreSQL: "+err.Error())
		}
	}
	admin, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatalf("open %s: %v", base, err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	name := fmt.Sprintf("stoa_test_%d_%d", os.Getpid(), databases.Add(1))
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create test database: %v", err)
	}
	t.Cleanup(func() { _, _ = admin.Exec("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatalf("parse %s: %v", base, err)
	}
	u.Path = "/" + name
	return u.String()
}

var (
	databases atomic.Int64
	heldOpen  atomic.Pointer[func()] // keeps the cluster's standard input from being collected
)

// startCluster starts the cluster that the tests of this process share; what
// ends it is the end of the process.
var startCluster = sync.OnceValues(func() (string, error) {
	base, stop, err := StartPostgres("fsync=off")
	if err == nil {
		heldOpen.Store(&stop)
	}
	return base, err
})

// StartPostgres starts a private server with settings such as "fsync=off" and
// gives the URL of a role that may create databases. The server ends, and its
// folder goes, with stop or with this process, however that ends.
func StartPostgres(settings ...string) (base string, stop func(), err error) {
	bin, err := postgresBin()
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "stoa-postgres-")
	if err != nil {
		return "", nil, err
	}
	// The server refuses to run as root, so root hands it to user postgres.
	var cred *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		u, err := user.Lookup("postgres")
		if err != nil {
			return "", nil, fmt.Errorf("running as root and there is no user postgres: %w", err)
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			return "", nil, err
		}
		cred = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "stoa", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
	initdb.SysProcAttr, initdb.Dir = cred, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	// The shell outlives a test process that is killed: it sees its standard
	// input close, stops the server and removes the folder.
	const script = `bin=$1 dir=$2 port=$3; shift 3
"$bin/postgres" -D "$dir/data" -p "$port" -k "$dir" -c listen_addresses=127.0.0.1 -c max_connections=200 "$@" >"$dir/log" 2>&1 &
pid=$!; read -r _; kill -INT $pid; wait $pid; rm -rf "$dir"`
	args := []string{"-c", script, "sh", bin, dir, strconv.Itoa(port)}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	server := exec.Command("sh", args...)
	server.SysProcAttr, server.Dir = cred, dir
	if server.SysProcAttr == nil {
		server.SysProcAttr = &syscall.SysProcAttr{}
	}
	server.SysProcAttr.Setpgid = true
	pipe, err := server.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = pipe.Close()
		_ = server.Wait()
	}
	base = fmt.Sprintf("postgres://stoa@127.0.0.1:%d/postgres?sslmode=disable", port)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", base)
	if err != nil {
		return "", nil, err
	}
	defer db.Close()
	for {
		if err = db.PingContext(ctx); err == nil {
			return base, stop, nil
		}
		if ctx.Err() != nil {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			stop()
			return "", nil, fmt.Errorf("server did not answer in 30 s: %w: %s", err, log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// postgresBin finds the folder with initdb and postgres: on PATH, or the
// newest of Debian's versioned folders, which are not on PATH.
func postgresBin() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", fmt.Errorf("initdb is neither on PATH nor under /usr/lib/postgresql")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
