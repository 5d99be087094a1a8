package secret_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/secret"
	"github.com/stoa-platform/stoa/internal/store"
	"github.com/stoa-platform/stoa/internal/testenv"
)

// bench is a Vault on a real database.
type bench struct {
	*secret.Vault
	store *store.Store
	keys  *secret.Keyring
	file  string
}

func onEach(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, newBench(t, filepath.Join(t.TempDir(), "stoa.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, newBench(t, testenv.Postgres(t))) })
}

func newBench(t testing.TB, url string) *bench {
	t.Helper()
	b := &bench{file: filepath.Join(t.TempDir(), secret.KeysetFile)}
	var err error
	if b.store, err = store.Open(t.Context(), url, store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	if b.keys, err = secret.OpenKeyring(b.file, true); err != nil {
		t.Fatal(err)
	}
	if b.Vault, err = secret.NewVault(t.Context(), b.store, b.keys); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) set(t testing.TB, name string, values map[string]string) (status secret.SecretStatus, err error) {
	t.Helper()
	raw := map[string][]byte{}
	for key, value := range values {
		raw[key] = []byte(value)
	}
	err = b.store.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
		status, err = b.Set(ctx, tx, name, raw)
		return err
	})
	return status, err
}

func (b *bench) mustSet(t testing.TB, name string, values map[string]string) secret.SecretStatus {
	t.Helper()
	status, err := b.set(t, name, values)
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func (b *bench) delete(t testing.TB, name string, keys ...string) (status secret.SecretStatus) {
	t.Helper()
	err := b.store.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) (err error) {
		status, err = b.Delete(ctx, tx, name, keys...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return status
}

func (b *bench) environment(t testing.TB, names ...string) []string {
	t.Helper()
	env, err := b.Environment(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

func want(t testing.TB, err error, kind problem.Kind) *problem.Problem {
	t.Helper()
	if !problem.Is(err, kind) {
		t.Fatalf("got %v, want a problem of kind %s", err, kind)
	}
	return problem.From(err)
}

func TestSetAndEnvironment(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.mustSet(t, "shop-db", map[string]string{"DB_PASSWORD": "hunter22", "DB_USER": "shop"})
		status := b.mustSet(t, "shop-db", map[string]string{"DB_PASSWORD": "multi\nline=\xff value"})
		b.mustSet(t, "stripe", map[string]string{"STRIPE_KEY": "rk"})
		if got := status.Names(); !slices.Equal(got, []string{"DB_PASSWORD", "DB_USER"}) || status.Keys["DB_PASSWORD"].Version != 2 ||
			status.Keys["DB_USER"].Version != 1 || time.Since(status.Keys["DB_USER"].Updated) > time.Hour {
			t.Errorf("status %+v", status)
		}
		wantEnv := []string{"DB_PASSWORD=multi\nline=\xff value", "DB_USER=shop", "STRIPE_KEY=rk"}
		if got := b.environment(t, "stripe", "shop-db", "stripe"); !slices.Equal(got, wantEnv) {
			t.Errorf("environment %q", got)
		}
		if got := b.environment(t); len(got) != 0 {
			t.Errorf("environment of no secret: %q", got)
		}
		_, err := b.Environment(t.Context(), []string{"stripe", "none"})
		if p := want(t, err, problem.NotFound); len(p.Next) == 0 {
			t.Error("not said what to do")
		}
		b.mustSet(t, "twice", map[string]string{"DB_USER": "other"})
		_, err = b.Environment(t.Context(), []string{"shop-db", "twice"})
		want(t, err, problem.Conflict)

		if left := b.delete(t, "shop-db", "DB_USER", "NONE"); !slices.Equal(left.Names(), []string{"DB_PASSWORD"}) {
			t.Errorf("left %v", left)
		}
		if left := b.delete(t, "shop-db"); len(left.Keys) != 0 {
			t.Errorf("left %v", left)
		}
		_, err = b.Environment(t.Context(), []string{"shop-db"})
		want(t, err, problem.NotFound)
	})
}

func TestSetRefuses(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	for name, values := range map[string]map[string]string{
		"none": {}, "empty": {"A": ""}, "name": {"1A": "x"}, "dash": {"A-B": "x"}, "equals": {"A=B": "x"}, "no name": {"": "x"},
		"long name": {strings.Repeat("A", 129): "x"}, "NUL": {"A": "x\x00y"}, "large": {"A": strings.Repeat("x", secret.MaxValue+1)},
		"port": {"PORT": "80"}, "stoa's": {"STOA_TOKEN": "x"}, "one of two": {"GOOD": "secret-value", "BAD-": "secret-value"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.set(t, "s", values)
			p := want(t, err, problem.Invalid)
			if text := fmt.Sprint(p, p.Fields); strings.Contains(text, "secret-value") {
				t.Errorf("the value is told: %s", text)
			}
		})
	}
	if _, err := b.Environment(t.Context(), []string{"s"}); !problem.Is(err, problem.NotFound) {
		t.Errorf("half a change was made: %v", err)
	}
	b.mustSet(t, "s", map[string]string{"A": strings.Repeat("x", secret.MaxValue), "B": strings.Repeat("x", secret.MaxValue), "C": strings.Repeat("x", secret.MaxValue)})
	_, err := b.set(t, "s", map[string]string{"D": strings.Repeat("x", secret.MaxValue)})
	want(t, err, problem.TooLarge)
	many := map[string]string{}
	for i := range secret.MaxKeys + 1 {
		many[fmt.Sprintf("K%d", i)] = "x"
	}
	_, err = b.set(t, "many", many)
	want(t, err, problem.TooLarge)
}

// The value is nowhere: not in any table, not in an event, and its event names
// the keys and the team.
func TestValueIsNowhere(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		const value = "correct-horse-battery-staple"
		err := b.store.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			status, err := b.Set(ctx, tx, "shop-db", map[string][]byte{"DB_PASSWORD": []byte(value)})
			if err != nil {
				return err
			}
			s := object.New[secret.SecretSpec, secret.SecretStatus]("shop-db", "payments", secret.SecretSpec{Keys: status.Names()})
			s.Status = status
			o, err := s.Object()
			if err != nil {
				return err
			}
			if _, err := tx.Put(ctx, o); err != nil {
				return err
			}
			_, err = b.Set(ctx, tx, "shop-db", map[string][]byte{"DB_PASSWORD": []byte(value)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		records, err := b.store.Events(t.Context(), event.Filter{Types: []string{"dev.stoa.secret."}, Newest: true})
		if err != nil || len(records) != 2 {
			t.Fatalf("%d events, %v", len(records), err)
		}
		if r := records[0]; r.Subject != "secret/shop-db" || r.Team != "payments" || !strings.Contains(string(r.Data), "DB_PASSWORD") {
			t.Errorf("event %+v", r)
		}
		for _, table := range tables(t, b) {
			if dump := dumpTable(t, b, table); bytes.Contains(dump, []byte(value)) {
				t.Errorf("the value is in table %s", table)
			}
		}
		if dump := dumpTable(t, b, "secret_values"); !bytes.Contains(dump, []byte("DB_PASSWORD")) {
			t.Error("the dump does not show what it should")
		}
	})
}

func tables(t *testing.T, b *bench) []string {
	query := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if b.store.Dialect() == "postgres" {
		query = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`
	}
	rows, err := b.store.Reader().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if !slices.Contains(names, "object_history") {
		t.Fatalf("tables %q", names)
	}
	return names
}

func dumpTable(t *testing.T, b *bench, table string) []byte {
	rows, err := b.store.Reader().QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var dump bytes.Buffer
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			fmt.Fprintf(&dump, "%s|", *v.(*any))
		}
	}
	return dump.Bytes()
}

// Whoever may write the database still cannot give one secret's value to
// another, or alter it.
func TestCiphertextsCannotBeMoved(t *testing.T) {
	for name, tamper := range map[string]string{
		"to another secret": `UPDATE secret_values SET ciphertext = (SELECT ciphertext FROM secret_values WHERE secret = 'admin') WHERE secret = 'mine' AND key = 'A'`,
		"to another key":    `UPDATE secret_values SET ciphertext = (SELECT ciphertext FROM secret_values WHERE secret = 'mine' AND key = 'B') WHERE secret = 'mine' AND key = 'A'`,
		"renamed":           `UPDATE secret_values SET secret = 'mine', key = 'C' WHERE secret = 'admin'`,
		"emptied":           `UPDATE secret_values SET ciphertext = x'' WHERE secret = 'mine' AND key = 'A'`,
		"cut":               `UPDATE secret_values SET ciphertext = substr(ciphertext, 1, length(ciphertext) - 1) WHERE secret = 'mine' AND key = 'A'`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, t.TempDir()+"/stoa.db")
			b.mustSet(t, "admin", map[string]string{"A": "of the admin"})
			b.mustSet(t, "mine", map[string]string{"A": "mine", "B": "mine too"})
			if _, err := b.store.Writer().ExecContext(t.Context(), tamper); err != nil {
				t.Fatal(err)
			}
			env, err := b.Environment(t.Context(), []string{"mine"})
			if p := want(t, err, problem.Failed); env != nil || len(p.Next) == 0 {
				t.Errorf("environment %q, next %q", env, p.Next)
			}
		})
	}
}

func TestRotation(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		const n = 250 // several pages
		for i := range n / 50 {
			values := map[string]string{}
			for k := range 50 {
				values[fmt.Sprintf("K%d", k)] = fmt.Sprintf("value %d %d", i, k)
			}
			b.mustSet(t, fmt.Sprintf("s%d", i), values)
		}
		before, _ := os.ReadFile(b.file)
		replica, err := secret.OpenKeyring(b.file, false) // has the keys from before
		if err != nil {
			t.Fatal(err)
		}
		other, err := secret.NewVault(t.Context(), b.store, replica)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		wg.Go(func() { // values that change meanwhile win
			for i := range 20 {
				b.mustSet(t, "s0", map[string]string{"K7": fmt.Sprintf("changed %d", i)})
			}
		})
		resealed, err := b.Rotate(t.Context(), "user/admin")
		wg.Wait()
		if err != nil || resealed < n-1 || resealed > n { // K7 may have been set by the new key already
			t.Errorf("resealed %d, %v; want %d", resealed, err, n)
		}
		for name, v := range map[string]*secret.Vault{"here": b.Vault, "on a replica": other} {
			env, err := v.Environment(t.Context(), []string{"s0"})
			if err != nil || !slices.Contains(env, "K7=changed 19") || !slices.Contains(env, "K49=value 0 49") {
				t.Errorf("%s: %v, %v", name, env, err)
			}
		}
		if info, err := os.Stat(b.file); err != nil || info.Mode() != 0o600 {
			t.Errorf("keyset's mode %v, %v", info.Mode(), err)
		}
		if _, err := b.Reseal(t.Context(), "user/admin"); err != nil { // what was set in the race
			t.Fatal(err)
		}
		if again, err := b.Reseal(t.Context(), "user/admin"); err != nil || again != 0 {
			t.Errorf("resealed again %d, %v", again, err)
		}
		if gone, err := b.Prune(t.Context()); err != nil || gone != 1 {
			t.Errorf("pruned %d, %v", gone, err)
		}
		if gone, err := b.Prune(t.Context()); err != nil || gone != 0 {
			t.Errorf("pruned again %d, %v", gone, err)
		}
		if got := b.environment(t, "s4"); !slices.Contains(got, "K0=value 4 0") {
			t.Errorf("after pruning: %.60q", got)
		}
		// The former keyset opens nothing any more, and that is told at the start.
		old := filepath.Join(t.TempDir(), "old.json")
		if err := os.WriteFile(old, before, 0o600); err != nil {
			t.Fatal(err)
		}
		ring, err := secret.OpenKeyring(old, false)
		if err != nil {
			t.Fatal(err)
		}
		_, err = secret.NewVault(t.Context(), b.store, ring)
		if p := want(t, err, problem.Failed); !strings.Contains(strings.Join(p.Next, " "), "STOA_KEYSET") {
			t.Errorf("next %q", p.Next)
		}
	})
}

func TestOpenKeyring(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "deep", "secrets.json")
	_, err := secret.OpenKeyring(path, false)
	want(t, err, problem.Failed)
	var wg sync.WaitGroup
	for range 8 { // processes that start at once end up with one keyset
		wg.Go(func() {
			if _, err := secret.OpenKeyring(path, true); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first, _ := os.ReadFile(path)
	if _, err := secret.OpenKeyring(path, true); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(path); !bytes.Equal(first, again) || !json.Valid(first) {
		t.Error("opening made another keyset")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = secret.OpenKeyring(path, true)
	want(t, err, problem.Failed)
	for name, content := range map[string]string{"empty": "", "garbage": "{", "no keys": `{"primaryKeyId":1}`} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = secret.OpenKeyring(bad, true)
		want(t, err, problem.Failed)
		if now, _ := os.ReadFile(bad); string(now) != content {
			t.Errorf("%s: the file was overwritten", name)
		}
	}
}

func TestVaultRedactor(t *testing.T) {
	b := newBench(t, t.TempDir()+"/stoa.db")
	b.mustSet(t, "s", map[string]string{"A": "hunter22=x"})
	if got := b.Redactor(b.environment(t, "s")).String("A=hunter22=x"); got != "A=***" {
		t.Errorf("got %q", got)
	}
}

func TestKind(t *testing.T) {
	k := secret.Kind()
	if k.Scope != object.ScopeTeam || !k.Owned {
		t.Errorf("kind %+v", k)
	}
	issues := k.Validate(object.Object{Spec: json.RawMessage(`{"keys":["A","1B","A","PORT"]}`)})
	var paths []string
	for _, i := range issues {
		paths = append(paths, i.Path)
	}
	if !slices.Equal(paths, []string{"spec.keys[1]", "spec.keys[2]", "spec.keys[3]"}) {
		t.Errorf("issues %+v", issues)
	}
}

func BenchmarkEnvironment(bb *testing.B) {
	b := newBench(bb, bb.TempDir()+"/stoa.db")
	values := map[string]string{}
	for k := range 20 {
		values[fmt.Sprintf("K%d", k)] = "a value of some length, as they are"
	}
	b.mustSet(bb, "s", values)
	for bb.Loop() {
		b.environment(bb, "s")
	}
}

func TestOneValue(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.mustSet(t, "webhooks", map[string]string{"GITHUB": "first", "GITLAB": "other"})
		b.mustSet(t, "webhooks", map[string]string{"GITHUB": "second"})
		if got, err := b.Value(t.Context(), "webhooks", "GITHUB"); err != nil || string(got) != "second" {
			t.Errorf("%q, %v", got, err)
		}
		for _, missing := range [][2]string{{"webhooks", "PAGERDUTY"}, {"nowhere", "GITHUB"}} {
			if got, err := b.Value(t.Context(), missing[0], missing[1]); !problem.Is(err, problem.NotFound) {
				t.Errorf("%v: %q, %v", missing, got, err)
			}
		}
	})
}
