package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/delivery/progress"
	"github.com/stoa-platform/stoa/internal/delivery/verify"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
	"github.com/stoa-platform/stoa/internal/source"
)

// build makes the artifact, or finds it made.
func (r *run) build(ctx context.Context) (string, error) {
	if from := r.rel.Spec.From; from != "" {
		return r.reuse(ctx, from)
	}
	_, dir, err := r.d.sources.Files(r.rel.Spec.Source)
	if err != nil {
		return "", err
	}
	plan, err := buildPlan(*r.rel.Spec.Workload)
	if err != nil {
		return "", err
	}
	root := cmp.Or(r.rel.Spec.Workload.Root, ".")
	key, err := sourceKey(ctx, r.rel.Spec.Source, dir, root)
	if err != nil {
		return "", err
	}
	r.printed = nil
	lines := &progress.Lines{Emit: func(line string) {
		r.printed = append(r.printed[max(0, len(r.printed)-printedKept):], line)
		r.d.Publish(r.rel.Metadata.Name, progress.Change{Step: StepBuild, Line: line})
	}}
	r.artifact, err = r.d.builder.Build(ctx, build.Request{
		Dir: filepath.Join(dir, filepath.FromSlash(root)), Source: key, Plan: plan,
	}, lines)
	lines.Flush()
	if err != nil {
		return "", err
	}
	if r.artifact.Cached {
		return "unchanged, from the cache", nil
	}
	return catalog.FormatBytes(r.artifact.Size), nil
}

// printedKept is how many lines are told of what a build printed that was cancelled,
// but for the last.
const printedKept = 19

// BuildOutput opens what the commands printed that built a release's artifact, in
// lines; problem.NotFound where the artifact was not built yet, or is not kept.
func (d *Delivery) BuildOutput(rel Release) (io.ReadCloser, error) {
	if rel.Status.Artifact == "" {
		return nil, problem.New(problem.NotFound, "release %s has no artifact", rel.Metadata.Name).Do("stoa describe release " + rel.Metadata.Name)
	}
	artifact, err := d.builder.Get(rel.Status.Artifact)
	if err != nil {
		return nil, err
	}
	return artifact.OpenLog()
}

// reuse takes the very artifact of an earlier release; where it was pruned it
// is built again from the same source by the same plan.
func (r *run) reuse(ctx context.Context, from string) (string, error) {
	earlier, err := object.Get[Release](ctx, r.d.store, from)
	if err != nil {
		return "", err
	}
	if r.artifact, err = r.d.builder.Get(earlier.Status.Artifact); err == nil {
		r.artifact.Cached = true
		return "artifact of " + from, nil
	}
	again := *r
	again.rel.Spec.From = ""
	message, err := again.build(ctx)
	r.artifact = again.artifact
	return message, err
}

// sourceKey names the part of a source that a component is built from, so that
// a change beside it does not build it again.
func sourceKey(ctx context.Context, digest, dir, root string) (string, error) {
	if root == "." {
		return digest, nil
	}
	part, err := source.Scan(ctx, filepath.Join(dir, filepath.FromSlash(root)))
	return string(part.Digest), err
}

// release makes the artifact a release: its digest is on record before
// anything of it runs.
func (r *run) release(ctx context.Context) (string, error) {
	return r.artifact.Digest[:min(19, len(r.artifact.Digest))], r.save(ctx, nil, func(s *ReleaseStatus) {
		s.Artifact, s.Cached = r.artifact.Digest, r.artifact.Cached
	})
}

// rollout brings the new release up beside the old one and switches over.
func (r *run) rollout(ctx context.Context) (string, error) {
	s, err := asOf(ctx, r.d.store, r.rel.Spec.Service, r.rel.Spec.Environment, r.rel.Spec.Number)
	if err != nil {
		return "", err
	}
	w, err := r.as(ctx, s)
	if err != nil {
		return "", err
	}
	if prepare := r.rel.Spec.Workload.Prepare; prepare != nil {
		if err := r.prepare(ctx, w, *prepare); err != nil {
			return "", err
		}
	}
	r.observed, err = r.d.runtime.Apply(ctx, w, func(p runtime.Progress) {
		r.d.Publish(r.rel.Metadata.Name, progress.Change{Step: StepRollout, Line: p.Text})
	})
	if err != nil {
		return "", err
	}
	if err := r.beside(ctx, w); err != nil {
		if ctx.Err() == nil {
			r.revert(ctx)
		}
		return "", err
	}
	if w.Replicas > 1 {
		return fmt.Sprintf("%d instances", w.Replicas), nil
	}
	return string(r.observed.Strategy), nil
}

// beside brings up the processes that run beside the one that serves, and
// stops those that only the release before had.
func (r *run) beside(ctx context.Context, w runtime.Workload) error {
	wanted := processes(r.rel, w, r.artifact)
	for _, process := range wanted {
		if _, err := r.d.runtime.Apply(ctx, process, nil); err != nil {
			return fmt.Errorf("process %s: %w", process.Key, err)
		}
	}
	before, err := r.previous(ctx)
	if err != nil || before.Spec.Workload == nil {
		return err
	}
	for _, key := range processKeys(before) {
		if slices.ContainsFunc(wanted, func(w runtime.Workload) bool { return w.Key == key }) {
			continue
		}
		if err := r.d.runtime.Remove(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// previous is the release that served before, the zero Release when none did.
func (r *run) previous(ctx context.Context) (Release, error) {
	was := r.service.Status.Environments[r.rel.Spec.Environment].Release
	if was == "" || was == r.rel.Metadata.Name {
		return Release{}, nil
	}
	before, err := object.Get[Release](ctx, r.d.store, was)
	if problem.Is(err, problem.NotFound) {
		return Release{}, nil
	}
	return before, err
}

// revertLimit bounds taking a release back, which is done to its end also where the
// release is wanted no more meanwhile.
const revertLimit = 2 * time.Minute

// revert lets the release before serve again after the new one was switched to
// and is not to be; without one before, or where that was stopped, nothing is left
// running. One that was not switched to has left what served as it was.
func (r *run) revert(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revertLimit)
	defer cancel()
	key := keyOf(r.rel)
	status, err := r.d.runtime.Status(ctx, key)
	if err == nil && status.Release != r.rel.Metadata.Name || errors.Is(err, runtime.ErrNotFound) {
		return
	}
	keys := allKeys(r.rel)
	before, err := r.previous(ctx)
	if err == nil && before.Metadata.Name != "" {
		var was catalog.Service
		was, err = asOf(ctx, r.d.store, key.Service, key.Environment, before.Spec.Number)
		runs := err == nil && was.Spec.Environments[key.Environment].Replicas > 0
		if runs {
			_, err = r.d.run(ctx, was, before.Metadata.Name, key.Environment)
		}
		if runs && err == nil {
			kept := processKeys(before)
			keys = slices.DeleteFunc(keys[:len(keys)-1], func(k runtime.Key) bool { return slices.Contains(kept, k) })
		}
	}
	for _, key := range keys {
		err = errors.Join(err, r.d.runtime.Remove(ctx, key))
	}
	if err != nil {
		r.d.log.Error("what served before a release that is taken back could not be brought back whole", "release", r.rel.Metadata.Name, "error", message(err))
	}
}

// as gives the workload of the release as a service says that it shall run.
func (r *run) as(ctx context.Context, s catalog.Service) (runtime.Workload, error) {
	r.ran = s.Spec.Environments[r.rel.Spec.Environment]
	secrets, err := r.d.secretEnvironment(ctx, s, r.rel.Spec.Environment)
	if err != nil {
		return runtime.Workload{}, err
	}
	r.mask = nil
	if len(secrets) > 0 {
		r.mask = r.d.secrets.Redactor(secrets)
	}
	w, err := r.d.workload(r.rel, r.ran, r.artifact, secrets)
	if err == nil {
		r.d.confide(w.Key, r.mask)
		r.unset = unset(r.rel.Spec.Workload.Secrets, w.Env)
		r.missing = missing(r.rel.Spec.Workload.Resources, r.unset, w)
	}
	return w, err
}

// missing gives the resources of which a workload is not told, each with the
// variables that it does not have; told names those that are told of already.
func missing(resources []detect.Resource, told []string, w runtime.Workload) []detect.Resource {
	if w.Static != "" {
		return nil
	}
	var all []detect.Resource
	told = slices.Clone(told)
	for _, want := range resources {
		want.Variables = slices.DeleteFunc(unset(want.Variables, w.Env), func(name string) bool { return slices.Contains(told, name) })
		if len(want.Variables) > 0 {
			all = append(all, want)
			told = append(told, want.Variables...)
		}
	}
	return all
}

// unset gives those of the names that the environment ("KEY=value") does not have.
func unset(names, env []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	})
}

// verify holds what was detected against what the run showed.
func (r *run) verify(ctx context.Context) (string, error) {
	detected, o := verify.Against(r.rel.Spec.Detected, r.observed), r.observed
	for i, s := range detected {
		if name, ok := strings.CutPrefix(s.Field, detect.SecretField("")); ok && !slices.Contains(r.unset, name) {
			detected[i].Verified = "is set"
		}
	}
	return verify.Message(o), r.save(ctx, nil, func(s *ReleaseStatus) { s.Observed, s.Detected = &o, detected })
}

// route notes where the release answers; the runtime has switched the router.
func (r *run) route(ctx context.Context) (string, error) {
	url, message := "", "serves no requests"
	if r.observed.Port != 0 || r.observed.Address != "" {
		url = r.d.url(r.rel.Spec.Service, r.rel.Spec.Environment)
		message = url
	}
	previous := r.service.Status.Environments[r.rel.Spec.Environment].Release
	return message, r.save(ctx, nil, func(s *ReleaseStatus) { s.URL, s.Previous = url, previous })
}

// explain turns what a step failed with into what a person is told. The last
// lines of output are shown to everybody who may read the release, so the
// values of secrets are masked in them.
func (d *Delivery) explain(ctx context.Context, r *run, step string, cause error) *problem.Problem {
	var told *problem.Problem
	if errors.As(cause, &told) {
		return told
	}
	name := r.rel.Metadata.Name
	var failed *build.Error
	var start *runtime.StartError
	switch {
	case errors.As(cause, &failed):
		told = problem.New(problem.Failed, "%s", failed.Error()).Because(r.masked(failed.Lines)...).Do(failed.Next...)
	case errors.As(cause, &start):
		told = problem.New(problem.Failed, "%s%s did not come up: %s", ofProcess(start, "of "), name, r.masked([]string{start.Detail})[0])
		if was := d.serving(ctx, r); was != "" {
			told.Because(was + " still serves")
		}
		lines := r.masked(start.Lines)
		told.Because(lines...)
		if len(lines) > 0 {
			r.lastWords = lines[len(lines)-1]
		}
		set := func(variable, why string) {
			told.Do("stoa secret set " + r.rel.Spec.Service + " " + variable + " --env " + r.rel.Spec.Environment + "    " + why)
		}
		for _, name := range r.unset {
			set(name, "gives it what the source has as plain text")
		}
		switch start.Reason { // the others are not for lack of a resource
		case runtime.ReasonCrashLoop, runtime.ReasonNotListening, runtime.ReasonUnhealthy:
			for _, want := range r.missing {
				for _, variable := range want.Variables {
					set(variable, "tells it where its "+want.Type+" is ("+want.Source+"), if it cannot do without")
				}
			}
		}
		told.Do("stoa logs " + r.rel.Spec.Service + " --release " + name + "    shows all that it printed")
		told.Do(start.Next...)
		if w := r.rel.Spec.Workload; w != nil && start.Reason == runtime.ReasonNotListening {
			told.Do("if it serves no requests, say so by a Procfile beside it with the line  worker: " + w.Start.String())
		}
	default:
		d.log.Error("release failed", "release", name, "step", step, "error", cause)
		told = problem.New(problem.Failed, "%s of release %s failed: %v", step, name, cause)
	}
	return told.Cause(cause)
}

// permanent reports whether trying again cannot mend what a step failed with.
func permanent(cause error) bool {
	var told *problem.Problem
	if errors.As(cause, &told) {
		return told.Kind != problem.Unavailable && told.Kind != problem.Internal && told.Kind != problem.Conflict
	}
	var failed *build.Error
	var start *runtime.StartError
	return errors.As(cause, &failed) || errors.As(cause, &start) && start.Reason != runtime.ReasonFiles
}

// serving names the release that answers now, "" when none does.
func (d *Delivery) serving(ctx context.Context, r *run) string {
	status, err := d.runtime.Status(ctx, keyOf(r.rel))
	if err != nil || status.Healthy() == 0 {
		return ""
	}
	return status.Release
}

// masked hides the values of the service's secrets.
func (r *run) masked(lines []string) []string {
	if r.mask == nil {
		return lines
	}
	hidden := make([]string, len(lines))
	for i, line := range lines {
		hidden[i] = r.mask.String(line)
	}
	return hidden
}
