package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stoa-platform/stoa/internal/testenv"
)

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func open(t testing.TB, dir string, opts Options) *Store {
	t.Helper()
	s, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func collect(t testing.TB, seq iter.Seq2[Entry, error]) []Entry {
	t.Helper()
	var out []Entry
	for e, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

func texts(entries []Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Line)
	}
	return out
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("not in a minute: %s", what)
		case <-tick.C:
		}
	}
}

// compressed waits until all but the newest segment are compressed.
func compressed(t testing.TB, j *journal) {
	eventually(t, "segments compressed", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return !slices.ContainsFunc(j.segments[:max(len(j.segments)-1, 0)], func(s *segment) bool { return s.plain })
	})
}

func TestLines(t *testing.T) {
	long := strings.Repeat("é", MaxLine/2+10) // 20 bytes over, of two-byte characters
	for _, c := range []struct {
		name   string
		writes []string
		want   []string
	}{
		{"one", []string{"a\n"}, []string{"a"}},
		{"several", []string{"a\nb\n\nc\n"}, []string{"a", "b", "", "c"}},
		{"over writes", []string{"he", "l", "lo\nwor", "ld\n"}, []string{"hello", "world"}},
		{"carriage return", []string{"a\r\n50%\r100%\r\n"}, []string{"a", "50%\r100%"}},
		{"rest at close", []string{"a\nrest"}, []string{"a", "rest"}},
		{"escape sequences", []string{"\x1b[31mred\x1b[0m\n"}, []string{"\x1b[31mred\x1b[0m"}},
		{"NUL", []string{"a\x00b\n"}, []string{"a␀b"}},
		{"not UTF-8", []string{"a\xff\xfeb\n"}, []string{"a��b"}},
		{"long", []string{long + "\n"}, []string{long[:MaxLine], long[MaxLine:]}},
		{"long over writes", []string{long[:40000], long[40000:] + "x\ny\n"}, []string{long[:MaxLine], long[MaxLine:] + "x", "y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir(), Options{Now: newClock().now})
			w := s.Writer("shop", "dev", "1", "shop-1", StreamStderr)
			for _, p := range c.writes {
				if n, err := io.WriteString(w, p); n != len(p) || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
			}
			w.Close()
			got := collect(t, s.Query(t.Context(), Filter{}))
			if !slices.Equal(texts(got), c.want) {
				t.Fatalf("got %.200q, want %.200q", texts(got), c.want)
			}
			for i, e := range got {
				if e.Service != "shop" || e.Environment != "dev" || e.Release != "1" || e.Instance != "shop-1" || e.Stream != StreamStderr || e.Seq != uint64(i+1) {
					t.Errorf("entry %+v", e)
				}
				if !utf8.ValidString(e.Line) {
					t.Errorf("%q is not UTF-8", e.Line)
				}
				if e.Partial != (len(e.Line) == MaxLine) {
					t.Errorf("partial = %v of a line of %d", e.Partial, len(e.Line))
				}
			}
		})
	}
}

func TestLineWithoutEndIsShownSoon(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		w := s.Writer("shop", "dev", "1", "a", StreamStdout)
		defer w.Close()
		io.WriteString(w, "Password: ")
		time.Sleep(400 * time.Millisecond) // in the bubble: no real time
		synctest.Wait()
		if got := collect(t, s.Query(t.Context(), Filter{})); len(got) != 0 {
			t.Errorf("too soon: %v", got)
		}
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		io.WriteString(w, "ok\n")
		got := collect(t, s.Query(t.Context(), Filter{}))
		if !slices.Equal(texts(got), []string{"Password: ", "ok"}) || !got[0].Partial || got[1].Partial {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNoisyInstanceIsBounded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(dir, Options{Limits: Limits{Rate: 1_000_000, Burst: 2_000_000}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		noisy := s.Writer("shop", "dev", "1", "noisy", StreamStdout)
		calm := s.Writer("shop", "dev", "1", "calm", StreamStdout)
		const lines, size = 100_000, 100
		chunk := []byte(strings.Repeat(strings.Repeat("x", size-1)+"\n", 100))
		for range lines / 100 {
			noisy.Write(chunk) // 10 MB at once
		}
		io.WriteString(calm, "still heard\n")
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		io.WriteString(noisy, "heard again\n")
		noisy.Close()
		calm.Close()
		got := collect(t, s.Query(t.Context(), Filter{Instance: "noisy", Stream: StreamStdout}))
		if n := len(got); n != 20_001 || got[n-1].Line != "heard again" {
			t.Errorf("%d lines kept, want the burst of 20,000 and the last", n)
		}
		if got := collect(t, s.Query(t.Context(), Filter{Instance: "calm"})); len(got) != 1 {
			t.Errorf("the calm one: %v", got)
		}
		notes := texts(collect(t, s.Query(t.Context(), Filter{Stream: StreamStoa})))
		if !slices.Equal(notes, []string{"stoa: 80,000 lines dropped in 1 s: over 1 MB/s"}) {
			t.Errorf("notes %q", notes)
		}
	})
}

func TestQuery(t *testing.T) {
	c := newClock()
	start := c.now()
	s := open(t, t.TempDir(), Options{Now: c.now, Limits: Limits{SegmentBytes: 2000}})
	writers := map[string]io.WriteCloser{}
	for i := range 300 {
		c.advance(time.Second)
		instance := fmt.Sprint("i", i%3)
		stream, release := StreamStdout, "r1"
		if i%2 == 1 {
			stream = StreamStderr
		}
		if i >= 150 {
			release = "r2"
		}
		env := "dev"
		if i%5 == 0 {
			env = "prod"
		}
		key := instance + stream + release + env
		if writers[key] == nil {
			writers[key] = s.Writer("shop", env, release, instance, stream)
		}
		fmt.Fprintf(writers[key], "line %d\n", i)
	}
	for _, w := range writers {
		w.Close()
	}
	other := s.Writer("search", "dev", "r1", "i0", StreamStdout)
	io.WriteString(other, "line of another\n")
	other.Close()
	compressed(t, s.journal("shop", "dev"))

	for _, tc := range []struct {
		name string
		f    Filter
		keep func(i int) bool
	}{
		{"service", Filter{Service: "shop"}, func(int) bool { return true }},
		{"environment", Filter{Service: "shop", Environment: "prod"}, func(i int) bool { return i%5 == 0 }},
		{"release", Filter{Service: "shop", Release: "r2"}, func(i int) bool { return i >= 150 }},
		{"instance", Filter{Service: "shop", Environment: "dev", Instance: "i1"}, func(i int) bool { return i%5 != 0 && i%3 == 1 }},
		{"stream", Filter{Service: "shop", Stream: StreamStderr}, func(i int) bool { return i%2 == 1 }},
		{"no such stream", Filter{Service: "shop", Stream: "x"}, func(i int) bool { return false }},
		{"since, until", Filter{Service: "shop", Since: start.Add(11 * time.Second), Until: start.Add(21 * time.Second)}, func(i int) bool { return i >= 10 && i < 20 }},
		{"grep", Filter{Service: "shop", Grep: regexp.MustCompile(`7$`)}, func(i int) bool { return i%10 == 7 }},
		{"limit", Filter{Service: "shop", Limit: 7}, func(i int) bool { return i < 7 }},
		{"tail", Filter{Service: "shop", Tail: 40}, func(i int) bool { return i >= 260 }},
		{"tail over segments", Filter{Service: "shop", Environment: "dev", Stream: StreamStderr, Tail: 100}, func(i int) bool { return i%2 == 1 && i%5 != 0 && i > 49 }},
		{"tail of more than there is", Filter{Service: "shop", Instance: "i0", Tail: 1000}, func(i int) bool { return i%3 == 0 }},
		{"no such service", Filter{Service: "nobody"}, func(i int) bool { return false }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var want []string
			for i := range 300 {
				if tc.keep(i) {
					want = append(want, fmt.Sprint("line ", i))
				}
			}
			got := collect(t, s.Query(t.Context(), tc.f))
			if !slices.Equal(texts(got), want) {
				t.Errorf("got %d %q\nwant %d %q", len(got), texts(got), len(want), want)
			}
			if !slices.IsSortedFunc(got, byTime) {
				t.Error("not in order of time")
			}
		})
	}
	if got := collect(t, s.Query(t.Context(), Filter{})); len(got) != 301 {
		t.Errorf("over all services: %d", len(got))
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Query(cancelled, Filter{}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled query: %v", err)
		}
	}
}

func TestTimesNeverGoBack(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	s := open(t, dir, Options{Now: c.now})
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	io.WriteString(w, "a\nb\n")
	c.advance(-10 * time.Second)
	io.WriteString(w, "c\n")
	w.Close()
	s.Close()
	s = open(t, dir, Options{Now: c.now})
	w = s.Writer("shop", "dev", "1", "a", StreamStdout)
	io.WriteString(w, "d\n")
	w.Close()
	got := collect(t, s.Query(t.Context(), Filter{}))
	if !slices.Equal(texts(got), []string{"a", "b", "c", "d"}) {
		t.Fatal(texts(got))
	}
	for i, e := range got[1:] {
		if !e.Time.After(got[i].Time) || e.Seq != got[i].Seq+1 {
			t.Errorf("%+v after %+v", e, got[i])
		}
	}
}

func TestBoundedBySize(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), Options{Now: c.now, Limits: Limits{MaxBytes: 400_000, SegmentBytes: 100_000}})
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	noise := make([]byte, 60)
	seed := uint32(1)
	for i := range 30_000 { // 3.6 MB of hex, which compresses to about half
		c.advance(time.Millisecond)
		for k := range noise {
			seed = seed*1664525 + 1013904223
			noise[k] = byte(seed >> 24)
		}
		fmt.Fprintf(w, "%d %x\n", i, noise)
	}
	j := s.journal("shop", "dev")
	compressed(t, j)
	c.advance(time.Second)
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if n := size(j.dir); n > 400_000 {
		t.Errorf("%d bytes on disk", n)
	}
	got := collect(t, s.Query(t.Context(), Filter{}))
	if len(got) == 0 || len(got) > 20_000 || !strings.HasPrefix(got[len(got)-1].Line, "29999 ") {
		t.Errorf("%d kept", len(got))
	}
	for i, e := range got[1:] {
		if e.Seq != got[i].Seq+1 {
			t.Fatalf("gap after %d", got[i].Seq)
		}
	}
	w.Close()
}

func TestBoundedByAgeAndInTotal(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	opts := Options{Now: c.now, Limits: Limits{MaxAge: 48 * time.Hour, SegmentAge: time.Hour, MaxTotal: 1000}}
	s := open(t, dir, opts)
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	for i := range 72 {
		fmt.Fprintln(w, i)
		c.advance(time.Hour)
	}
	got := collect(t, s.Query(t.Context(), Filter{}))
	if n := len(got); n < 48 || n > 50 || got[n-1].Line != "71" {
		t.Errorf("%d hours kept, want 48: %v", n, texts(got))
	}
	compressed(t, s.journal("shop", "dev"))
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if n := size(filepath.Join(dir, "shop", "dev")); n > 1000 {
		t.Errorf("%d bytes in total", n)
	}
	w.Close()
	s.Close()
	// An idle service's last segment goes too, without anyone reading it.
	c.advance(1000 * 24 * time.Hour)
	old := time.Now().Add(-2000 * 24 * time.Hour)
	files, _ := filepath.Glob(filepath.Join(dir, "shop", "dev", "*"))
	for _, f := range files {
		os.Chtimes(f, old, old)
	}
	s = open(t, dir, opts)
	if err := s.Sweep(); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, s.Query(t.Context(), Filter{})); len(got) != 0 {
		t.Errorf("too old: %v", texts(got))
	}
}

func TestDamage(t *testing.T) {
	c := newClock()
	dir := t.TempDir()
	s := open(t, dir, Options{Now: c.now, Limits: Limits{SegmentBytes: 500}})
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	for i := range 50 {
		c.advance(time.Second)
		fmt.Fprintln(w, "line", i)
	}
	compressed(t, s.journal("shop", "dev"))
	w.Close()
	s.Close()
	files, _ := filepath.Glob(filepath.Join(dir, "shop", "dev", "*.zst"))
	if len(files) < 3 {
		t.Fatal(files)
	}
	body, _ := os.ReadFile(files[1])
	os.WriteFile(files[1], body[:len(body)/2], 0o600)
	plain, _ := filepath.Glob(filepath.Join(dir, "shop", "dev", "*.log"))
	f, _ := os.OpenFile(plain[0], os.O_APPEND|os.O_WRONLY, 0)
	io.WriteString(f, "\x00\x00garbage\n2026-11-22T10:0") // lost bytes, a torn end
	f.Close()
	os.WriteFile(files[0]+".tmp", nil, 0o600)

	s = open(t, dir, Options{Now: c.now})
	w = s.Writer("shop", "dev", "1", "a", StreamStdout)
	io.WriteString(w, "after\n")
	w.Close()
	got := texts(collect(t, s.Query(t.Context(), Filter{})))
	notes := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !strings.HasPrefix(s, "stoa: part of the log from 2026-11-22T10:00:") })
	if len(notes) != 1 {
		t.Errorf("damage is told %d times: %q", len(notes), got)
	}
	if got[0] != "line 0" || got[len(got)-2] != "line 49" || got[len(got)-1] != "after" {
		t.Errorf("the rest is lost: %q", got)
	}
	if _, err := os.Stat(files[0] + ".tmp"); err == nil {
		t.Error("half-made file stays")
	}
}

// What was handed to the log before a SIGKILL is there after it.
func TestKill(t *testing.T) {
	if dir := os.Getenv("STOA_LOGS_WRITE_UNTIL_KILLED"); dir != "" {
		s, err := Open(dir, Options{Limits: Limits{SegmentBytes: 4096}})
		if err != nil {
			t.Fatal(err)
		}
		w := s.Writer("shop", "dev", "1", "a", StreamStdout)
		for i := 0; ; i++ {
			fmt.Fprintf(w, "%d\n", i)
			fmt.Println(i) // acknowledged
		}
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "STOA_LOGS_WRITE_UNTIL_KILLED="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var acked int
	for acked < 5000 {
		if _, err := fmt.Fscanln(out, &acked); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Process.Signal(syscall.SIGKILL)
	for {
		if _, err := fmt.Fscanln(out, &acked); err != nil {
			break
		}
	}
	cmd.Wait()
	s := open(t, dir, Options{})
	got := collect(t, s.Query(t.Context(), Filter{}))
	for i, e := range got {
		if e.Line != fmt.Sprint(i) {
			t.Fatalf("entry %d is %q", i, e.Line)
		}
	}
	if len(got) <= acked {
		t.Errorf("%d lines, but %d were acknowledged", len(got), acked+1)
	}
}

func TestDiskFull(t *testing.T) {
	c := newClock()
	var told bytes.Buffer
	s := open(t, t.TempDir(), Options{Now: c.now, Logger: slog.New(slog.NewTextHandler(&told, nil))})
	w := s.Writer("shop", "dev", "1", "a", StreamStdout)
	io.WriteString(w, "before\n")
	j := s.journal("shop", "dev")
	// The kernel's own full device in the place of the segment.
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		testenv.Missing(t, "no /dev/full here")
	}
	j.mu.Lock()
	good := j.active
	j.active = full
	j.mu.Unlock()
	for range 100 {
		if n, err := io.WriteString(w, "lost\n"); n != 5 || err != nil {
			t.Fatalf("the workload is told %d, %v", n, err)
		}
	}
	if n := strings.Count(told.String(), "logs cannot be written"); n != 1 || !strings.Contains(told.String(), "no space left") {
		t.Errorf("told %d times: %s", n, told.String())
	}
	j.mu.Lock()
	j.active = good
	j.mu.Unlock()
	full.Close()
	c.advance(2 * time.Second)
	io.WriteString(w, "after\n")
	w.Close()
	got := texts(collect(t, s.Query(t.Context(), Filter{})))
	if !slices.Equal(got, []string{"before", "stoa: 100 lines lost: the disk took no more", "after"}) {
		t.Errorf("got %q", got)
	}
}

func TestNamesAreSafe(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "logs"), Options{})
	for _, name := range []string{"../../etc", "a b", "", "~", ".hidden", "a/b", "%2e", "ü"} {
		w := s.Writer(name, name, name, name, StreamStdout)
		io.WriteString(w, "x\n")
		w.Close()
		got := collect(t, s.Query(t.Context(), Filter{Release: name, Instance: name}))
		i := slices.IndexFunc(got, func(e Entry) bool { return e.Service == name && e.Environment == name })
		if i < 0 || got[i].Release != name || got[i].Instance != name {
			t.Errorf("%q came back as %+v", name, got)
		}
		if err := s.Remove(name, name); err != nil {
			t.Error(err)
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("written outside: %v", entries)
	}
	if got := collect(t, s.Query(t.Context(), Filter{})); len(got) != 0 {
		t.Errorf("removed, but %v", got)
	}
}

func TestProcessesOfAService(t *testing.T) {
	c := newClock()
	s := open(t, t.TempDir(), Options{Now: c.now})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	print := func(service, line string) {
		c.advance(time.Second)
		w := s.Writer(service, "dev", "shop-1", "a", StreamStdout)
		io.WriteString(w, line+"\n")
		w.Close()
	}
	print("shop", "web 1")
	print("shop:worker", "worker 1")
	print("shop", "web 2")
	print("shop-two", "another service")
	shop := Filter{Service: "shop", Environment: "dev", Since: time.Unix(0, 0)}
	for name, f := range map[string]Filter{"all": shop, "tail": {Service: "shop", Tail: 3}} {
		got := collect(t, s.Query(ctx, f))
		if want := []string{"web 1", "worker 1", "web 2"}; !slices.Equal(texts(got), want) {
			t.Fatalf("%s: %q, want %q", name, texts(got), want)
		}
		if got[0].Process != "" || got[1].Process != "worker" || got[1].Service != "shop" {
			t.Errorf("%s: the process is not told: %+v", name, got[:2])
		}
	}
	var followed []string
	for e, err := range s.Follow(ctx, shop) {
		if err != nil {
			t.Fatal(err)
		}
		if followed = append(followed, e.Line); len(followed) == 3 {
			print("shop:worker", "worker 2")
		}
		if len(followed) == 4 {
			break
		}
	}
	if len(followed) != 4 || followed[3] != "worker 2" {
		t.Errorf("followed %q", followed)
	}
	if err := s.Remove("shop", "dev"); err != nil {
		t.Error(err)
	}
	if left := texts(collect(t, s.Query(ctx, Filter{}))); !slices.Equal(left, []string{"another service"}) {
		t.Errorf("left of the removed service: %q", left)
	}
}
