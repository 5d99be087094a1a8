package app_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/app"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// A person who is erased stands nowhere in the database any more, whatever they
// did, and a backup from before does not bring them back.
func TestErasedPersonIsGone(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := func() string {
				if database == "postgres" {
					return testenv.Postgres(t)
				}
				return ""
			}
			p := open(t, url())
			lives(t, p)
			before := p.backup(t)
			if names(t, before) == "" {
				t.Fatal("the backup does not name the person: the test shows nothing")
			}
			if err := p.ErasePerson(t.Context(), "zoltan"); err != nil {
				t.Fatal(err)
			}
			if err := p.ErasePerson(t.Context(), "zoltan"); !problem.Is(err, problem.NotFound) {
				t.Errorf("erased twice: %v", err)
			}
			if row := names(t, p.backup(t)); row != "" {
				t.Errorf("the database still names the person: %.500q", row)
			}
			p.verifyLedger(t)
			p.stop()

			// Restored where nothing is known of the erasure, the names are back.
			ignorant := restore(t, before, url(), nil)
			if names(t, ignorant.backup(t)) == "" {
				t.Error("a backup from before lost the person by itself")
			}
			// Told who was erased, the platform forgets them before it serves.
			list, err := os.Open(filepath.Join(p.data, "erased"))
			if err != nil {
				t.Fatal(err)
			}
			defer list.Close()
			told := restore(t, before, url(), list)
			if row := names(t, told.backup(t)); row != "" {
				t.Errorf("the restored database names the person: %.500q", row)
			}
			told.verifyLedger(t)
			if again, err := os.ReadFile(filepath.Join(told.data, "erased")); err != nil || !strings.Contains(string(again), "\np-") {
				t.Errorf("the list of the restored platform: %q, %v", again, err)
			}
		})
	}
}

// lives lets zoltan do what leaves traces: teams, approvals, releases, tokens.
func lives(t *testing.T, p *platform) {
	t.Helper()
	sunset := time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
	p.declare(t, `
{apiVersion: stoa.dev/v1, kind: User, metadata: {name: zoltan, title: Zoltan Example}, spec: {email: zoltan@example.org}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: fruit}, spec: {owners: [zoltan, admin]}}
---
{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: nuts}, spec: {members: [zoltan]}}
---
{apiVersion: stoa.dev/v1, kind: Quota, metadata: {name: fruit}, spec: {team: fruit}}
---
{apiVersion: stoa.dev/v1, kind: Exception, metadata: {name: lifted}, spec: {gate: quota/fruit, target: team/fruit, reason: agreed for a day, approvers: [zoltan], sunset: "`+sunset+`"}}`)
	p.declare(t, "{apiVersion: stoa.dev/v1, kind: Team, metadata: {name: nuts}, spec: {owners: [admin]}}")
	if err := p.CreateAccount(t.Context(), "zoltan", "Zoltan Example"); err != nil {
		t.Fatal(err)
	}
	if err := p.SetPassword(t.Context(), "zoltan", "", "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	token, err := p.Login(t.Context(), "zoltan", "correct horse battery", "laptop")
	if err != nil {
		t.Fatal(err)
	}
	zoltan := p.as(t, token)
	if err := zoltan.AskAccess(t.Context(), "platform", "it is me"); err != nil {
		t.Fatal(err)
	}
	digest := uploadBy(t, zoltan, static(t))
	rel, err := zoltan.Release(t.Context(), client.ReleaseSpec{
		Source: digest, Service: "pear", Origin: &client.Origin{Commit: strings.Repeat("a", 40), Author: "Zoltan Example", CommitTime: time.Now()},
	}, "", "", false)
	if err != nil {
		t.Fatal(err)
	}
	p.succeeded(t, rel.Metadata.Name)
}

func (p *platform) backup(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.Backup(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// restore starts a platform on new data out of a backup.
func restore(t *testing.T, backup []byte, database string, erased io.Reader) *platform {
	t.Helper()
	p := &platform{data: t.TempDir(), database: database, root: t}
	if database == "" {
		p.database = filepath.Join(p.data, "stoa.db")
	}
	var forget []string
	if erased != nil {
		var err error
		if forget, err = app.ParseErased(erased); err != nil || len(forget) != 1 {
			t.Fatalf("the list of erased people: %q, %v", forget, err)
		}
	}
	if _, err := app.Restore(t.Context(), config.Config{Data: p.data, Database: p.database}, bytes.NewReader(backup), forget, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	p.reopen(t)
	return p
}

// names gives a row of a backup that names the person, also inside of a blob,
// "" when none does.
func names(t *testing.T, backup []byte) string {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		all := append([]byte{}, line...)
		for _, part := range bytes.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("\",[] \n", r) }) {
			if blob, err := base64.StdEncoding.DecodeString(string(part)); err == nil {
				all = append(append(all, '\n'), blob...)
			}
		}
		if bytes.Contains(bytes.ToLower(all), []byte("zoltan")) {
			return string(all)
		}
	}
	return ""
}

func TestParseErased(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "# remark\n\n": 0, "p-abcdefghijklmnop\np-234567abcdefghij # 2026\n": 2,
		"user/ann": -1, "p-abc": -1, "p-abcdefghijklmnop p-abcdefghijklmnop": -1, "\x00": -1,
	} {
		got, err := app.ParseErased(strings.NewReader(text))
		if want < 0 != (err != nil) || want >= 0 && len(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}
