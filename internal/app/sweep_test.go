package app

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
)

// What serves stays, however long ago it was released, and so do the newest that one
// may go back to; failed releases and those of what is deleted make no room for
// themselves.
func TestKept(t *testing.T) {
	release := func(service string, n int, phase delivery.Phase, retired bool) delivery.Release {
		var r delivery.Release
		r.Metadata.Name = service + "-" + strconv.Itoa(n)
		r.Spec.Service, r.Spec.Environment = service, "dev"
		r.Status.Phase, r.Status.Retired = phase, retired
		return r
	}
	var releases []delivery.Release // newest first
	releases = append(releases, release("shop", 40, "building", false))
	for n := 39; n > 25; n-- {
		releases = append(releases, release("shop", n, delivery.Failed, false))
	}
	for n := 25; n > 0; n-- {
		releases = append(releases, release("shop", n, delivery.Succeeded, false))
	}
	for n := 3; n > 0; n-- {
		releases = append(releases, release("gone", n, delivery.Succeeded, true))
	}
	var shop catalog.Service
	shop.Status.Environments = map[string]catalog.Deployment{"dev": {Release: "shop-2"}}
	keep := kept(releases, []catalog.Service{shop})
	for name, want := range map[string]bool{
		"shop-40": true, "shop-39": false, "shop-26": false, "shop-25": true, "shop-16": true, "shop-15": false, "shop-2": true, "shop-1": false, "gone-3": false,
	} {
		if keep[name] != want {
			t.Errorf("%s is kept: %v", name, keep[name])
		}
	}
}

// A platform that runs for minutes only is swept too, and none while it starts.
func TestHousekeepingBeginsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		began, swept := time.Now(), []time.Duration{}
		go housekeeping(ctx, func(context.Context) { swept = append(swept, time.Since(began)) })
		time.Sleep(2*time.Hour + 2*time.Minute)
		synctest.Wait()
		stop()
		if len(swept) != 3 || swept[0] < 10*time.Second || swept[0] > 5*time.Minute || swept[2]-swept[1] != time.Hour {
			t.Errorf("swept after %v", swept)
		}
	})
}
