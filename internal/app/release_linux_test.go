package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/source"
)

// program is an application that behaves well or badly as MODE says.
const program = `package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const version = "%s"

func main() {
	port := os.Getenv("PORT")
	var asked atomic.Int64
	if strings.HasPrefix(os.Getenv("FRUIT"), "rotten") {
		log.Fatalln("the fruit", os.Getenv("FRUIT"), "cannot be eaten")
	}
	switch os.Getenv("MODE") {
	case "exits":
		log.Fatal("the list of fruits is missing")
	case "never-binds":
		log.Print("waiting for fruits")
		for {
			time.Sleep(time.Hour)
		}
	case "hangs-again": // well at first, not after a restart
		mark := os.Getenv("HOME") + "/ran"
		if _, err := os.Stat(mark); err == nil {
			time.Sleep(time.Hour)
		}
		if err := os.WriteFile(mark, nil, 0o600); err != nil {
			log.Fatal(err)
		}
	case "waits": // for whoever puts a file into its home
		for {
			if _, err := os.Stat(os.Getenv("HOME") + "/go"); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
	case "loud":
		line := []byte(strings.Repeat("fruit ", 20) + "\n")
		block := []byte(strings.Repeat(string(line), 800))
		go func() {
			for {
				os.Stdout.Write(block)
			}
		}()
	case "fixed-port":
		port = os.Getenv("FIXED")
	}
	http.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if os.Getenv("MODE") == "sickens" && asked.Add(1) > 1 {
			http.Error(w, "the fruits are rotten", http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	http.HandleFunc("GET /env", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, os.Getenv(r.URL.Query().Get("name")))
	})
	http.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, version)
	})
	log.Print("serving version ", version)
	log.Fatal(http.ListenAndServe(":"+port, nil))
}
`

// write makes a folder with a version of the program.
func write(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": "module fruit\n\ngo 1.26\n", "main.go": fmt.Sprintf(program, version)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// upload sends a version of the program and returns its digest.
func (p *platform) upload(t *testing.T, version string) string {
	t.Helper()
	return uploadBy(t, p.Client, write(t, version))
}

func uploadBy(t *testing.T, c *client.Client, dir string) string {
	t.Helper()
	snapshot := scan(t, dir)
	if err := c.Upload(t.Context(), string(snapshot.Digest), snapshot.WriteTar); err != nil {
		t.Fatalf("upload: %v", err)
	}
	return string(snapshot.Digest)
}

func scan(t *testing.T, dir string) source.Snapshot {
	t.Helper()
	snapshot, err := source.Scan(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return snapshot
}

// admit admits a release of the uploaded source.
func (p *platform) admit(t *testing.T, digest, service string, set map[string]string) client.Release {
	t.Helper()
	rel, err := p.Release(t.Context(), client.ReleaseSpec{Source: digest, Service: service, Set: set}, "", "", false)
	if err != nil {
		t.Fatalf("release %s: %v", service, err)
	}
	return rel
}

// ended follows a release to its end.
func (p *platform) ended(t *testing.T, name string) client.Release {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	rel, err := p.Watch(ctx, name, nil, nil)
	if err != nil {
		t.Fatalf("watch %s: %v, steps %+v", name, err, rel.Status.Steps)
	}
	return rel
}

// succeeded follows a release to its good end.
func (p *platform) succeeded(t *testing.T, name string) client.Release {
	t.Helper()
	rel := p.ended(t, name)
	if rel.Status.Phase != client.PhaseSucceeded {
		t.Fatalf("release %s %s: %v", name, rel.Status.Phase, rel.Status.Problem)
	}
	return rel
}

// up releases a version of the program and waits for its good end.
func (p *platform) up(t *testing.T, version, service string, set map[string]string) client.Release {
	t.Helper()
	return p.succeeded(t, p.admit(t, p.upload(t, version), service, set).Metadata.Name)
}

// events lists the events that the query selects, oldest first.
func (p *platform) events(t *testing.T, q client.EventQuery) []client.Event {
	t.Helper()
	var all []client.Event
	q.Limit = 1000
	for {
		page, next, err := p.Events(t.Context(), q)
		if err != nil {
			t.Fatalf("read events: %v", err)
		}
		all = append(all, page...)
		if next == "" {
			slices.Reverse(all)
			return all
		}
		q.Before = next
	}
}

// onceEach checks that the ledger tells the end of every step of a succeeded
// release once, and once that it was deployed.
func (p *platform) onceEach(t *testing.T, rel client.Release) {
	t.Helper()
	seen := map[string]int{}
	for _, e := range p.events(t, client.EventQuery{Subject: "release/" + rel.Metadata.Name}) {
		seen[e.Type]++
	}
	deployed := 0
	for kind, n := range seen {
		if strings.HasPrefix(kind, "dev.cdevents.service.") {
			deployed += n
		}
	}
	if deployed != 1 {
		t.Errorf("%s was told to be deployed %d times: %v", rel.Metadata.Name, deployed, seen)
	}
	for _, step := range rel.Status.Steps {
		if n := seen["dev.stoa.release."+step.Name+".done"]; n != 1 {
			t.Errorf("the end of %s of %s was told %d times: %v", step.Name, rel.Metadata.Name, n, seen)
		}
	}
	if n := seen["dev.stoa.release.created"]; n != 1 {
		t.Errorf("the admission of %s was told %d times", rel.Metadata.Name, n)
	}
}

// verifyLedger verifies the exported ledger as anybody could, offline.
func (p *platform) verifyLedger(t *testing.T) {
	t.Helper()
	checkpoint, err := p.Checkpoint(t.Context())
	if err != nil {
		t.Fatalf("checkpoint: %v", err)
	}
	var export bytes.Buffer
	if err := p.Export(t.Context(), &export); err != nil {
		t.Fatalf("export: %v", err)
	}
	report, err := event.Verify(&export, event.VerifyOptions{PublicKey: checkpoint.PublicKey, Pinned: checkpoint.Checkpoint})
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	if !report.OK() || report.Events == 0 {
		t.Errorf("the ledger of %d events does not verify: %v", report.Events, report.Findings)
	}
}

// service reads a service.
func (p *platform) service(t *testing.T, name string) client.Service {
	t.Helper()
	var s client.Service
	raw, err := p.Get(t.Context(), "services", name)
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		t.Fatalf("get service %s: %v", name, err)
	}
	return s
}
