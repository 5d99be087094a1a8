package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// published are applications that others wrote and published, fetched by the
// package manager of their language, and what they answer.
var published = []struct {
	name  string
	fetch []string // run in an empty folder; makes one archive or, for Go, tells a folder
	path  string   // asked for
	says  string   // in the answer
}{
	{"go-httpbin", []string{"go", "mod", "download", "-json", "github.com/mccutchen/go-httpbin/v2@v2.15.0"}, "/get", `"headers"`},
	{"http-server", []string{"npm", "pack", "--silent", "http-server@14.1.1"}, "/", "<"},
	{"httpbin", []string{"python3", "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "httpbin==0.10.4"}, "/get", `"headers"`},
	{"reveal", []string{"npm", "pack", "--silent", "reveal.js@5.1.0"}, "/", "reveal"},
}

// TestPublishedApplications: `stoa up FOLDER` alone brings applications that nobody
// here wrote to a URL that answers, in Go, Node, Python and static files, and asks
// nothing. Their packages come from where the package managers of this machine get
// them.
func TestPublishedApplications(t *testing.T) {
	testenv.Need(t, "go", "npm", "python3", "tar")
	home, err := os.UserHomeDir() // what says where packages come from
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	server := start(t, data, home)
	for _, app := range published {
		t.Run(app.name, func(t *testing.T) {
			t.Parallel() // most of it waits for packages
			dir := filepath.Join(t.TempDir(), app.name)
			if err := fetchPublished(app.fetch, dir); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("stoa", "up", dir, "--detach", "-o", "json")
			cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "STOA_SERVER="+server, "STOA_DATA="+data)
			var told bytes.Buffer
			cmd.Stderr = &told
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("stoa up %s: %v\n%s%s", app.name, err, out, told.Bytes())
			}
			var up struct {
				URL     string
				Healthy bool
				Asked   int
			}
			if err := json.Unmarshal(out, &up); err != nil {
				t.Fatal(err)
			}
			if !up.Healthy || up.Asked != 0 {
				t.Errorf("healthy %v, asked %d", up.Healthy, up.Asked)
			}
			body, err := get(up.URL + app.path)
			if err != nil || !strings.Contains(body, app.says) {
				t.Errorf("%s%s answers %.300q, %v", up.URL, app.path, body, err)
			}
		})
	}
}

// fetchPublished puts what a package manager fetches into a folder of its own.
func fetchPublished(fetch []string, into string) error {
	at := into + ".fetched"
	if err := errors.Join(os.MkdirAll(at, 0o755), os.MkdirAll(into, 0o755)); err != nil {
		return err
	}
	cmd := exec.Command(fetch[0], fetch[1:]...)
	cmd.Dir = at
	var told bytes.Buffer
	cmd.Stderr = &told
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("%v: %w\n%s%s", fetch, err, out, told.Bytes())
	}
	if fetch[0] == "go" {
		var module struct{ Dir string }
		if err := json.Unmarshal(out, &module); err != nil {
			return err
		}
		return os.CopyFS(into, os.DirFS(module.Dir))
	}
	archives, err := filepath.Glob(filepath.Join(at, "*"))
	if err != nil || len(archives) != 1 {
		return fmt.Errorf("%v fetched %v, %w", fetch, archives, err)
	}
	if out, err := exec.Command("tar", "-xzf", archives[0], "-C", into, "--strip-components=1").CombinedOutput(); err != nil {
		return fmt.Errorf("unpack %s: %w\n%s", archives[0], err, out)
	}
	return nil
}
