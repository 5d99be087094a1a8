package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/problem"
)

// A secret's value is in the environment of the processes that need it, and
// nowhere else: not in the data folder, an answer, the ledger or a backup.
func TestSecret(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	const first, second = "plum-4711-preserve", "quince-0815-compote"
	p.up(t, "secretive", "vault", nil)
	if err := p.SetSecrets(t.Context(), "vault", "dev", map[string]string{"FRUIT": first, "OTHER": "pear-2323-pickle"}); err != nil {
		t.Fatalf("set: %v", err)
	}
	p.sees(t, "vault", "FRUIT", first)

	// Rotation replaces the instances one after another, without a lost request.
	stop := p.loads(t, "vault")
	if err := p.SetSecrets(t.Context(), "vault", "dev", map[string]string{"FRUIT": second}); err != nil {
		t.Fatalf("rotate: %v", err)
	}
	p.sees(t, "vault", "FRUIT", second)
	p.sees(t, "vault", "OTHER", "pear-2323-pickle")
	stop()
	if err := p.UnsetSecrets(t.Context(), "vault", "dev", []string{"OTHER"}); err != nil {
		t.Fatalf("unset: %v", err)
	}
	p.sees(t, "vault", "OTHER", "")
	p.sees(t, "vault", "FRUIT", second)
	if keys, err := p.SecretKeys(t.Context(), "vault", "dev"); err != nil || len(keys) != 1 || keys[0] != "FRUIT" {
		t.Errorf("keys %v, %v", keys, err)
	}
	p.up(t, "secretive again", "vault", nil) // a further release has it too
	p.sees(t, "vault", "FRUIT", second)

	// What looks like a credential among plain settings is refused, and not told.
	const leaked = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
	_, err := p.Release(t.Context(), client.ReleaseSpec{Source: p.upload(t, "secretive"), Service: "vault", Set: map[string]string{"TOKEN": leaked}}, "", "", false)
	if told := problem.From(err); told.Kind != problem.Invalid || !strings.Contains(strings.Join(told.Next, " "), "stoa secret set") || strings.Contains(fmt.Sprint(told), leaked) {
		t.Errorf("a credential as a plain setting: %v, next %v", err, told.Next)
	}

	values := []string{first, second, "pear-2323-pickle", leaked}
	p.answersHide(t, values)
	var backup bytes.Buffer
	if err := p.Backup(t.Context(), &backup); err != nil {
		t.Fatalf("backup: %v", err)
	}
	hides(t, "the backup", backup.Bytes(), values)
	filesHide(t, p.data, values)
	p.stop()
	filesHide(t, p.data, values)
	hides(t, "the platform's log", []byte(p.stderr.String()), values)
	p.reopen(t)
	p.sees(t, "vault", "FRUIT", second) // also after a restart

	// Without its last value the service goes on, and so does the next release.
	if err := p.UnsetSecrets(t.Context(), "vault", "dev", []string{"FRUIT"}); err != nil {
		t.Fatalf("unset the last one: %v", err)
	}
	p.sees(t, "vault", "FRUIT", "")
	p.up(t, "secretive again", "vault", nil)
	if err := p.SetSecrets(t.Context(), "vault", "dev", map[string]string{"FRUIT": first}); err != nil {
		t.Fatalf("set again: %v", err)
	}
	p.sees(t, "vault", "FRUIT", first)

	// What an application prints of it as it ends is not in the platform's own log.
	const rotten = "rotten-plum-4711"
	if err := p.SetSecrets(t.Context(), "vault", "dev", map[string]string{"FRUIT": rotten}); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if !strings.Contains(p.stderr.String(), "service does not start") {
			return errors.New("the log does not tell that the service does not start")
		}
		return nil
	})
	p.stop()
	hides(t, "the platform's log", []byte(p.stderr.String()), []string{rotten})
}

// sees waits until the service has the value in its environment.
func (p *platform) sees(t *testing.T, service, name, want string) {
	t.Helper()
	eventually(t, func() error {
		status, body, err := p.get(service, "/env?name="+name)
		if err != nil || status != http.StatusOK || body != want {
			return fmt.Errorf("%s of %s is %q (%d, %v), want %q", name, service, body, status, err, want)
		}
		return nil
	})
}

// loads asks the service until stop is called, which fails the test when a
// request was lost.
func (p *platform) loads(t *testing.T, service string) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if status, body, err := p.get(service, "/"); err != nil || status != http.StatusOK {
				t.Errorf("a request was lost: %d %q %v", status, body, err)
				return
			}
		}
	})
	return func() { close(done); all.Wait() }
}

// answersHide reads all that the API tells of services, secrets and events.
func (p *platform) answersHide(t *testing.T, values []string) {
	t.Helper()
	kinds, err := p.Kinds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		page, err := p.List(t.Context(), kind.Plural, client.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range page.Items {
			hides(t, "a "+kind.Name, raw, values)
			var o client.Object
			if err := json.Unmarshal(raw, &o); err != nil {
				t.Fatal(err)
			}
			revisions, _, err := p.History(t.Context(), kind.Plural, o.Metadata.Name, "", 500)
			if err != nil {
				t.Fatal(err)
			}
			told, err := json.Marshal(revisions)
			if err != nil {
				t.Fatal(err)
			}
			hides(t, "the history of a "+kind.Name, told, values)
		}
	}
	told, err := json.Marshal(p.events(t, client.EventQuery{}))
	if err != nil {
		t.Fatal(err)
	}
	hides(t, "the ledger", told, values)
	status, err := p.ServiceStatus(t.Context(), "vault")
	if err != nil {
		t.Fatal(err)
	}
	if told, err = json.Marshal(status); err != nil {
		t.Fatal(err)
	}
	hides(t, "the status", told, values)
	var logs bytes.Buffer
	if err := p.Logs(t.Context(), "vault", client.LogQuery{Environment: "dev"}, func(e client.LogEntry) error {
		_, err := fmt.Fprintln(&logs, e)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	hides(t, "the logs", logs.Bytes(), values)
}

func hides(t *testing.T, what string, content []byte, values []string) {
	t.Helper()
	for _, value := range values {
		if bytes.Contains(content, []byte(value)) {
			t.Errorf("%s tells %q", what, value)
		}
	}
}

// filesHide reads every file of the data folder, the database among them.
func filesHide(t *testing.T, dir string, values []string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil // removed meanwhile
		}
		f, err := os.Open(path)
		if err != nil {
			return nil
		}
		defer f.Close()
		content, err := io.ReadAll(f)
		files++
		hides(t, path, content, values)
		return err
	})
	if err != nil || files < 10 {
		t.Errorf("%d files read: %v", files, err)
	}
}
