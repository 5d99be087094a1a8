package dora_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stoa-platform/stoa/internal/delivery/dora"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/store"
)

// envRebuild makes this test binary a process that rebuilds the summaries of the
// database at that address, and says so in the middle of a batch.
const envRebuild = "STOA_DORA_TEST_REBUILD"

// breaking is the projector of delivery with something that happens after so
// many records were applied, before their transaction ends.
type breaking struct {
	dora.Projector
	after int
	stop  func() error
}

func (b *breaking) Apply(ctx context.Context, tx event.SQL, records []event.Record) error {
	if err := b.Projector.Apply(ctx, tx, records); err != nil {
		return err
	}
	if b.after -= len(records); b.after > 0 {
		return nil
	}
	return b.stop()
}

// rebuild is what the process does: it stands still within a transaction until
// it is killed.
func rebuild(url string) error {
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		return err
	}
	half := &breaking{after: 60, stop: func() error {
		fmt.Println("in the middle")
		select {}
	}}
	return event.NewRunner(s, []event.Projector{half}, event.RunnerOptions{Batch: 7}).CatchUp(context.Background())
}

// eventful is a history in which most of what is derived depends on what came before.
func eventful() []said {
	var all []said
	for i := range 30 {
		at := float64(i * 9)
		release := fmt.Sprint("v", i)
		all = append(all,
			deploy(at, "shop", release, "commit", fmt.Sprint("c", i), "commitTime", hours(at-3).Format("2006-01-02T15:04:05Z07:00")),
			detected(at+1, fmt.Sprint("i", i), "shop"), resolved(at+2, fmt.Sprint("i", i), "shop"),
			deploy(at+3, "shop", release+"-fix", "fixes", fmt.Sprint("i", i)))
	}
	return append(all, said{kind: "pipelinerun.finished", at: hours(5), service: "shop", content: map[string]any{"outcome": "failure"}})
}

// A rebuild that ends in the middle, by a kill or because it is told to stop,
// leaves nothing half: what goes on from there gives the rows of one in peace.
func TestRebuildThatBreaksOff(t *testing.T) {
	for name, breakOff := range map[string]func(t *testing.T, s *store.Store, url string){
		"killed": func(t *testing.T, _ *store.Store, url string) {
			cmd := exec.Command(os.Args[0])
			cmd.Env, cmd.Stderr = append(os.Environ(), envRebuild+"="+url), os.Stderr
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bufio.NewScanner(out).Scan() {
				t.Error("it ended by itself")
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		},
		"cancelled": func(t *testing.T, s *store.Store, _ string) {
			ctx, cancel := context.WithCancel(t.Context())
			half := &breaking{after: 60, stop: func() error { cancel(); return nil }}
			if err := event.NewRunner(s, []event.Projector{half}, event.RunnerOptions{Batch: 7}).CatchUp(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("it ended with %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBothURLs(t, func(t *testing.T, url string) {
				s, err := store.Open(t.Context(), url, store.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				add(t, s, events(t, eventful()...)...)
				project(t, s, 1000)
				clean := tables(t, s)
				statements(t, s, "DELETE FROM projections")
				breakOff(t, s, url)
				states, err := s.Projections(t.Context())
				if err != nil || len(states) != 1 || states[0].Watermark == 0 || states[0].Watermark >= states[0].Head {
					t.Fatalf("it did not stop half-way: %+v, %v", states, err)
				}
				if slices.Equal(tables(t, s), clean) {
					t.Fatal("it was done already")
				}
				project(t, s, 5)
				if got := tables(t, s); !slices.Equal(got, clean) {
					t.Errorf("afterwards %q\nin peace  %q", got, clean)
				}
			})
		})
	}
}
