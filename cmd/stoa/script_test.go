package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// The scripts run the real binary: this test binary is it, under the name stoa.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"stoa": func() { os.Exit(run()) }})
}

// Scripts in testdata/shared work on one platform, each on services of its own
// names; they find it in STOA_SERVER and its admin's token in STOA_TOKEN.
func TestScripts(t *testing.T) { onOnePlatform(t, "testdata/shared") }

// Scripts in testdata/git do too, and need git.
func TestGitScripts(t *testing.T) {
	testenv.Need(t, "git", "curl")
	onOnePlatform(t, "testdata/git")
}

// Scripts in testdata/languages do too, and need what runs Node and Python.
func TestLanguageScripts(t *testing.T) {
	testenv.Need(t, "node", "npm", "python3")
	onOnePlatform(t, "testdata/languages")
}

func onOnePlatform(t *testing.T, dir string) {
	t.Helper()
	data := t.TempDir()
	server := start(t, data, data)
	token, err := os.ReadFile(filepath.Join(data, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, params(dir, func(env *testscript.Env) error {
		env.Setenv("STOA_SERVER", server)
		env.Setenv("STOA_TOKEN", strings.TrimSpace(string(token)))
		env.Setenv("STOA_DATA", filepath.Join(env.WorkDir, "no-data"))
		env.Setenv("PLATFORM_DATA", data)
		return nil
	}))
}

// Scripts in testdata/own start platforms themselves, on free ports.
func TestOwnPlatform(t *testing.T) {
	testscript.Run(t, params("testdata/own", func(env *testscript.Env) error {
		env.Setenv("STOA_DATA", filepath.Join(env.WorkDir, "data"))
		env.Setenv("STOA_LISTEN", "127.0.0.1:0")
		return nil
	}))
}

// params are the settings of all scripts: an empty home, the compiler's caches
// of this machine, the example application.
func params(dir string, setup func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
				value, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return fmt.Errorf("ask go for %s: %w", name, err)
				}
				env.Setenv(name, strings.TrimSpace(string(value)))
			}
			hello, err := filepath.Abs("../../examples/hello")
			if err != nil {
				return err
			}
			env.Setenv("EXAMPLE", hello)
			env.Setenv("REPORT", filepath.Join(filepath.Dir(hello), "ci", "report.sh"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("NO_COLOR", "")
			return setup(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "until": until, "fetch": fetch, "post": post, "get": getPath, "json": jsonPath, "documents": documents, "copydir": copyDir, "address": address, "readenv": readEnv, "unpack": unpack, "tamper": tamper, "appears": appears, "taken": taken, "githost": gitHost, "commit": commit,
		},
	}
}

// start runs a platform, with a home, on a free port until the test has ended.
func start(t *testing.T, data, home string) string {
	t.Helper()
	cmd := exec.Command("stoa", "serve", "--data", data, "--listen", "127.0.0.1:0")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Env = append(os.Environ(), "HOME="+home)
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+strings.TrimSpace(string(value)))
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended, which the wait tells
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("stoa serve: %v\n%s", err, log.String())
			}
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			t.Errorf("stoa serve does not end:\n%s", log.String())
		}
	})
	deadline := time.Now().Add(patience)
	for app.Endpoint(data) == "" {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("stoa serve ended: %v\n%s", err, log.String())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("stoa serve does not come up")
		}
	}
	return app.Endpoint(data)
}
