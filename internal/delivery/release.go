// Package delivery takes a folder of code to a running service: releases, the
// workflow that carries them out, and the keeping of what runs.
package delivery

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/runtime"
)

// ReleaseSpec is one artifact of a service, brought to one environment. It
// never changes once it is admitted, but for Cancel.
//
// A client says Source or From and nothing else that it does not want to; the
// rest is inferred.
type ReleaseSpec struct {
	// Service is the service's name; inferred from the source.
	Service string `json:"service,omitempty"`
	// Environment is where it shall run. Default: the first environment.
	Environment string `json:"environment,omitempty"`
	// Number counts the service's releases from 1.
	Number int `json:"number,omitempty"`
	// Cause is "deploy", "rollback" or "promote".
	Cause string `json:"cause,omitempty" jsonschema:"enum=deploy,enum=rollback,enum=promote"`
	// Source is the digest of the uploaded source.
	Source string `json:"source,omitempty" jsonschema:"pattern=^sha256:[0-9a-f]{64}$"`
	// From names the release whose very artifact is released again.
	From string `json:"from,omitempty"`
	// Folder is the name of the folder that the source was, for a service whose
	// source names itself nowhere.
	Folder string `json:"folder,omitempty" jsonschema:"maxLength=255"`
	// Component chooses among several of the source, by name or folder.
	Component string `json:"component,omitempty"`
	// Answers are those to questions that only a person can answer, by the
	// question's id; an earlier try was told what is asked.
	Answers map[string]string `json:"answers,omitempty"`
	// Origin is what the client knows of the source's Git checkout.
	Origin *detect.Origin `json:"origin,omitempty"`
	// Changes are the commits that it brings beside what its environment runs;
	// absent where that is not known. Default: by the checkout's recent commits.
	Changes []detect.Change `json:"changes,omitzero" jsonschema:"maxItems=1000"`
	// Fixes is the incident, or the release, that this one mends.
	Fixes string `json:"fixes,omitempty" jsonschema:"maxLength=253"`
	// Cancel ends a release that has not ended, where it is; what served before
	// goes on. It is never taken back.
	Cancel bool `json:"cancel,omitempty"`
	// Set holds plain settings that the service keeps in this environment.
	Set map[string]string `json:"set,omitempty"`
	// Replicas, Memory and CPU change how it runs, when given.
	Replicas *int   `json:"replicas,omitempty" jsonschema:"minimum=0,maximum=100"`
	Memory   string `json:"memory,omitempty"`
	CPU      string `json:"cpu,omitempty"`
	// Workload is what is built and run, as detected and overridden.
	Workload *detect.Component `json:"workload,omitempty"`
	// Detected is the evidence of the workload's settings.
	Detected []detect.Setting `json:"detected,omitempty"`
}

// Kind names the kind.
func (ReleaseSpec) Kind() string { return "Release" }

// The causes of a release.
const (
	CauseDeploy   = "deploy"
	CauseRollback = "rollback"
	CausePromote  = "promote"
)

// ReleaseStatus is how far a release has come.
type ReleaseStatus struct {
	Phase Phase  `json:"phase,omitempty"`
	Steps []Step `json:"steps,omitempty"`
	// Gates holds the verdicts at admission.
	Gates []problem.Verdict `json:"gates,omitempty"`
	// Artifact is the digest of what was built; the same again for a promotion.
	Artifact string `json:"artifact,omitempty"`
	Cached   bool   `json:"cached,omitempty"` // nothing had to be built
	// Commit and CommitTime are of the source; a dirty tree has none.
	Commit     string     `json:"commit,omitempty"`
	CommitTime *time.Time `json:"commitTime,omitempty"`
	URL        string     `json:"url,omitempty"`
	Healthy    bool       `json:"healthy,omitempty"`
	// Observed is what the running release was seen to do.
	Observed *runtime.Observed `json:"observed,omitempty"`
	// Detected is the evidence, with what the run verified.
	Detected []detect.Setting `json:"detected,omitempty"`
	// Settings are those of the service that it was admitted with, once it serves
	// those with which it came up, and SettingsBefore those that the service had, nil
	// where it had none: what a release that does not come to its good end has changed
	// is undone, and a rollback brings back how a release ran.
	Settings       *catalog.Running `json:"settings,omitempty"`
	SettingsBefore *catalog.Running `json:"settingsBefore,omitempty"`
	// Retired says that the service was deleted: nothing is released from it again.
	Retired bool `json:"retired,omitempty"`
	// Previous is the release that served before.
	Previous string           `json:"previous,omitempty"`
	Problem  *problem.Problem `json:"problem,omitempty"`
	Started  *time.Time       `json:"started,omitempty"`
	Finished *time.Time       `json:"finished,omitempty"`
}

// Phase is the state of a release as a whole.
type Phase string

// The phases.
const (
	Pending   Phase = "pending"
	Releasing Phase = "releasing"
	Succeeded Phase = "succeeded"
	Failed    Phase = "failed"
	Cancelled Phase = "cancelled"
)

// Final reports whether nothing more will happen.
func (p Phase) Final() bool { return p == Succeeded || p == Failed || p == Cancelled }

// Step is one step of the workflow.
type Step struct {
	Name    string     `json:"name"`
	State   StepState  `json:"state"`
	Started *time.Time `json:"started,omitempty"`
	Millis  int64      `json:"ms"`
	Message string     `json:"message,omitempty"`
}

// StepState is the state of a step.
type StepState string

// The states of a step.
const (
	StepWaiting   StepState = "waiting"
	StepRunning   StepState = "running"
	StepDone      StepState = "done"
	StepFailed    StepState = "failed"
	StepCancelled StepState = "cancelled"
)

// The steps, in their order. The first three happen on the way in.
const (
	StepDetect  = "detect"
	StepOwner   = "owner"
	StepGates   = "gates"
	StepBuild   = "build"
	StepRelease = "release"
	StepRollout = "rollout"
	StepVerify  = "verify"
	StepRoute   = "route"
)

// Release is one artifact of a service, brought to one environment.
type Release = object.Typed[ReleaseSpec, ReleaseStatus]

// Kinds are the kinds that delivery owns.
func Kinds() []object.Kind {
	return []object.Kind{{
		Name: "Release", Plural: "releases", Short: "rel", About: "One artifact of a service, brought to one environment.",
		Spec: ReleaseSpec{}, Owned: true, Scope: object.ScopeTeam,
		Fields:  []string{"spec.service", "spec.environment", "spec.source", "status.phase"},
		Persons: []string{"spec.origin.author"},
		References: func(o object.Object) []object.Reference {
			var r Release
			if !decode(o, &r) {
				return nil
			}
			return []object.Reference{
				{Path: "spec.environment", Ref: object.Ref{Kind: "Environment", Name: r.Spec.Environment}},
				{Path: "spec.service", Ref: object.Ref{Kind: "Service", Name: r.Spec.Service}},
			}
		},
	}}
}

func (s *ReleaseStatus) step(name string) *Step {
	for i := range s.Steps {
		if s.Steps[i].Name == name {
			return &s.Steps[i]
		}
	}
	s.Steps = append(s.Steps, Step{Name: name, State: StepWaiting})
	return &s.Steps[len(s.Steps)-1]
}

// Current is the step at which a release is, or was when it ended: the one that runs,
// else the first that is not done.
func (s ReleaseStatus) Current() Step {
	for _, state := range []StepState{StepRunning, StepFailed, StepCancelled, StepWaiting} {
		if i := slices.IndexFunc(s.Steps, func(at Step) bool { return at.State == state }); i >= 0 {
			return s.Steps[i]
		}
	}
	return Step{}
}

func summary(w *detect.Component) string {
	if w == nil {
		return ""
	}
	return strings.Join(slices.DeleteFunc([]string{w.Language, w.Version, w.Framework, w.Type}, func(s string) bool { return s == "" }), " ")
}

func gatesMessage(verdicts []problem.Verdict) string {
	warned := 0
	for _, v := range verdicts {
		if v.Outcome == problem.Warn {
			warned++
		}
	}
	if warned > 0 {
		return fmt.Sprintf("%d asked, %d with a warning", len(verdicts), warned)
	}
	return fmt.Sprintf("%d asked", len(verdicts))
}
