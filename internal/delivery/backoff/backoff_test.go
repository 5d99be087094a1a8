package backoff

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// What fails is tried again after a minute, then after twice as long, up to an hour;
// what is forgotten is not, and begins anew.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var tried []time.Duration
		r := New(func(name string) {
			if name != "shop" {
				t.Errorf("tried %q", name)
			}
			tried = append(tried, time.Since(began))
		})
		r.Later("gone")
		r.Forget("gone")
		for _, want := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
			if got := r.Later("shop"); got != want {
				t.Errorf("after %v, want %v", got, want)
			}
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if want := []time.Duration{time.Hour}; !slices.Equal(tried, want) {
			t.Errorf("tried after %v, want %v: one timer, the last", tried, want)
		}
		r.Forget("shop")
		if got := r.Later("shop"); got != time.Minute {
			t.Errorf("what was forgotten is tried after %v", got)
		}
		r.Close()
		r.Later("shop")
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if len(tried) != 1 {
			t.Errorf("after its end it tried after %v", tried)
		}
	})
}
