package delivery

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/stoa-platform/stoa/internal/build"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
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
	lines := &lineWriter{emit: func(line string) {
		r.d.progress.publish(r.rel.Metadata.Name, Progress{Step: StepBuild, Line: line})
	}}
	r.artifact, err = r.d.builder.Build(ctx, build.Request{
		Dir: filepath.Join(dir, filepath.FromSlash(root)), Source: key, Plan: plan,
	}, lines)
	lines.flush()
	if err != nil {
		return "", err
	}
	if r.artifact.Cached {
		return "unchanged, from the cache", nil
	}
	return catalog.FormatBytes(r.artifact.Size), nil
}

// reuse takes the very artifact of an earlier release; where it was pruned it
// is built again from the same source by the same plan.
func (r *run) reuse(ctx context.Context, from string) (string, error) {
	earlier, err := objectRelease(ctx, r.d.store, from)
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
	w, err := r.current(ctx)
	if err != nil {
		return "", err
	}
	if prepare := r.rel.Spec.Workload.Prepare; prepare != nil {
		if err := r.prepare(ctx, w, *prepare); err != nil {
			return "", err
		}
	}
	r.observed, err = r.d.runtime.Apply(ctx, w, func(p runtime.Progress) {
		r.d.progress.publish(r.rel.Metadata.Name, Progress{Step: StepRollout, Line: p.Text})
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
	wanted := processes(r.rel, w)
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
	before, err := objectRelease(ctx, r.d.store, was)
	if problem.Is(err, problem.NotFound) {
		return Release{}, nil
	}
	return before, err
}

// revert lets the release before serve again after the new one was switched to
// and then failed; without one before, nothing is left running.
func (r *run) revert(ctx context.Context) {
	keys := append(processKeys(r.rel), runtime.Key{Service: r.rel.Spec.Service, Environment: r.rel.Spec.Environment})
	before, err := r.previous(ctx)
	if err == nil && before.Metadata.Name != "" {
		if _, err = r.d.run(ctx, withoutSettings(r.service, r.rel), before.Metadata.Name, r.rel.Spec.Environment); err == nil {
			kept := processKeys(before)
			keys = slices.DeleteFunc(keys[:len(keys)-1], func(k runtime.Key) bool { return slices.Contains(kept, k) })
		}
	}
	for _, key := range keys {
		err = errors.Join(err, r.d.runtime.Remove(ctx, key))
	}
	if err != nil {
		r.d.log.Error("what served before a failed release could not be brought back whole", "release", r.rel.Metadata.Name, "error", message(err))
	}
}

// current gives the workload of the release as the service wants it to run.
func (r *run) current(ctx context.Context) (runtime.Workload, error) {
	running := r.service.Spec.Environments[r.rel.Spec.Environment]
	secrets, err := r.d.secretEnvironment(ctx, r.service, r.rel.Spec.Environment)
	if err != nil {
		return runtime.Workload{}, err
	}
	r.mask = nil
	if len(secrets) > 0 {
		r.mask = r.d.secrets.Redactor(secrets)
	}
	w, err := r.d.workload(r.rel, running, r.artifact, secrets)
	if err == nil {
		r.d.confide(w.Key, r.mask)
		r.unset = unset(r.rel.Spec.Workload.Secrets, w.Env)
	}
	return w, err
}

// unset gives those of the names that the environment ("KEY=value") does not have.
func unset(names, env []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
	})
}

// verify holds what was detected against what the run showed.
func (r *run) verify(ctx context.Context) (string, error) {
	detected := slices.Clone(r.rel.Spec.Detected)
	o := r.observed
	for i := range detected {
		detected[i].Verified = verified(detected[i].Field, o)
		if name, ok := strings.CutPrefix(detected[i].Field, detect.SecretField("")); ok && !slices.Contains(r.unset, name) {
			detected[i].Verified = "is set"
		}
	}
	found := func(field string) bool {
		return slices.ContainsFunc(detected, func(s detect.Setting) bool { return s.Field == field })
	}
	if o.Port != 0 && !found("port") && !found("portVariable") {
		detected = append(detected, detect.Setting{Field: "port", Value: fmt.Sprint(o.Port), Source: "observed", Confidence: 1, Verified: verified("port", o)})
	}
	if o.Health != "" && !found("health") {
		detected = append(detected, detect.Setting{Field: "health", Value: o.Health, Source: "observed", Confidence: 1, Verified: verified("health", o)})
	}
	message := "stays up"
	switch {
	case o.Health != "":
		message = fmt.Sprintf("GET %s %d in %s", o.Health, o.HealthStatus, millis(o.HealthMillis))
	case o.Port != 0:
		message = fmt.Sprintf("accepts connections on :%d", o.Port)
	}
	return message, r.save(ctx, nil, func(s *ReleaseStatus) { s.Observed, s.Detected = &o, detected })
}

// millis tells a time that was measured: nothing answers in none.
func millis(n int64) string {
	if n < 1 {
		return "<1 ms"
	}
	return fmt.Sprintf("%d ms", n)
}

func verified(field string, o runtime.Observed) string {
	switch field {
	case "port", "portVariable":
		if o.Port != 0 {
			return fmt.Sprintf("bound :%d", o.Port)
		}
	case "health":
		if o.Health != "" {
			return fmt.Sprintf("GET %s answered %d in %s", o.Health, o.HealthStatus, millis(o.HealthMillis))
		}
	}
	return ""
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
		told.Because(r.masked(start.Lines)...)
		for _, name := range r.unset {
			told.Do("stoa secret set " + r.rel.Spec.Service + " " + name + " --env " + r.rel.Spec.Environment + "    gives it what was left out of the source's settings")
		}
		told.Do("stoa logs " + r.rel.Spec.Service + " --release " + name + "    shows all that it printed")
		if start.Next != "" {
			told.Do(start.Next)
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
	status, err := d.runtime.Status(ctx, runtime.Key{Service: r.rel.Spec.Service, Environment: r.rel.Spec.Environment})
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

// lineWriter cuts a stream into lines.
type lineWriter struct {
	mu   sync.Mutex
	rest []byte
	emit func(line string)
}

// maxLine bounds a line that never ends.
const maxLine = 16 << 10

func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 && len(l.rest) < maxLine {
			return len(p), nil
		}
		if i < 0 { // it never ends
			l.emit(string(l.rest))
			l.rest = l.rest[:0]
			continue
		}
		l.emit(strings.TrimRight(string(l.rest[:i]), "\r"))
		l.rest = l.rest[i+1:]
	}
}

func (l *lineWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.rest) > 0 {
		l.emit(string(l.rest))
		l.rest = nil
	}
}
