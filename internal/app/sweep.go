package app

import (
	"context"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/source"
)

// Bounds of what is kept on disk to build and roll back from.
const (
	maxSources   = 5 << 30
	maxArtifacts = 10 << 30
	maxDownloads = 5 << 30
	keptReleases = 10 // of each service and environment, that one may go back to
)

// The first sweep comes soon, since a platform that `stoa up` starts may never run
// for an hour, and not at once, when there is enough to do.
const (
	firstSweep = time.Minute
	sweepEvery = time.Hour
)

// housekeeping keeps what grows within its bounds.
func housekeeping(ctx context.Context, sweep func(context.Context)) {
	next := time.NewTimer(firstSweep)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			sweep(ctx)
			next.Reset(sweepEvery)
		}
	}
}

// kept says which releases must stay whole, whatever the bounds: those that serve,
// those under way, and the newest that one may go back to. They are given newest
// first.
func kept(releases []delivery.Release, services []catalog.Service) map[string]bool {
	keep := map[string]bool{}
	for _, s := range services {
		for _, env := range s.Status.Environments {
			keep[env.Release] = true
		}
	}
	seen := map[string]int{}
	for _, r := range releases {
		switch key := r.Spec.Service + "." + r.Spec.Environment; {
		case !r.Status.Phase.Final():
			keep[r.Metadata.Name] = true
		case r.Status.Phase == delivery.Succeeded && !r.Status.Retired && seen[key] < keptReleases:
			seen[key]++
			keep[r.Metadata.Name] = true
		}
	}
	return keep
}

// sweep deletes sources and artifacts over the bounds, oldest use first, but
// never those of the releases that one may want to go back to, and what package
// managers have downloaded.
func (p *Platform) sweep(ctx context.Context) {
	sources, artifacts := map[string]bool{}, map[string]bool{}
	releases, err := object.All[delivery.Release](ctx, p.store, object.Query{Newest: true, Limit: 1000})
	if err != nil {
		p.log.Error("housekeeping", "error", err)
		return
	}
	services, err := object.All[catalog.Service](ctx, p.store, object.Query{})
	if err != nil {
		p.log.Error("housekeeping", "error", err)
		return
	}
	keep := kept(releases, services)
	for _, r := range releases {
		if keep[r.Metadata.Name] {
			sources[r.Spec.Source], artifacts[r.Status.Artifact] = true, true
		}
	}
	tell := func(what string, freed int64, err error) {
		if err != nil {
			p.log.Error("housekeeping of "+what, "error", err)
		} else if freed > 0 {
			p.log.Info(what+" deleted", "bytes", freed)
		}
	}
	freed, err := p.sources.Prune(ctx, func(d source.Digest) bool { return sources[string(d)] }, maxSources)
	tell("sources", freed, err)
	freed, err = p.builder.Prune(ctx, func(d string) bool { return artifacts[d] }, maxArtifacts)
	tell("artifacts", freed, err)
	freed, err = p.builder.PruneDownloads(ctx, maxDownloads)
	tell("downloads", freed, err)
	if _, err := p.auth.Sweep(ctx); err != nil {
		p.log.Error("housekeeping of sessions", "error", err)
	}
}
