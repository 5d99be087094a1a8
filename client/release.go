package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Release is one artifact of a service, brought to one environment.
type Release struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"` // "Release"
	Metadata   Metadata      `json:"metadata"`
	Spec       ReleaseSpec   `json:"spec"`
	Status     ReleaseStatus `json:"status,omitzero"`
}

// ReleaseSpec is what a release is of. It never changes once it is admitted.
// Say Source or From and nothing else that you do not want to; the rest is
// inferred.
type ReleaseSpec struct {
	// Service is the service's name; inferred from the source.
	Service string `json:"service,omitempty"`
	// Environment is where it shall run. Default: the first environment.
	Environment string `json:"environment,omitempty"`
	// Number counts the service's releases from 1. Set by the platform.
	Number int `json:"number,omitempty"`
	// Cause is CauseDeploy, CauseRollback or CausePromote.
	Cause string `json:"cause,omitempty"`
	// Source is the digest of the uploaded source, "sha256:…".
	Source string `json:"source,omitempty"`
	// From names the release whose very artifact is released again.
	From string `json:"from,omitempty"`
	// Folder is the name of the folder that the source was, for a service whose
	// source names itself nowhere; at most 255 characters.
	Folder string `json:"folder,omitempty"`
	// Component chooses among several of the source, by name or folder.
	Component string `json:"component,omitempty"`
	// Answers are those to questions that only a person can answer, by the
	// question's id; an earlier try was told what is asked (Problem.Question).
	Answers map[string]string `json:"answers,omitempty"`
	// Origin is what is known of the source's Git checkout; nil is nothing.
	Origin *Origin `json:"origin,omitempty"`
	// Changes are the commits that it brings beside what its environment runs,
	// at most 1000; nil where that is not known. Default: by Origin.Recent.
	Changes []ReleasedCommit `json:"changes,omitzero"`
	// Fixes is the incident, or the release, that this one mends.
	Fixes string `json:"fixes,omitempty"`
	// Cancel ends a release that has not ended, where it is.
	Cancel bool `json:"cancel,omitempty"`
	// Set holds plain settings that the service keeps in this environment.
	Set map[string]string `json:"set,omitempty"`
	// Replicas (0 to 100), Memory ("256Mi") and CPU ("0.5", "500m") change how it
	// runs, when given.
	Replicas *int   `json:"replicas,omitempty"`
	Memory   string `json:"memory,omitempty"`
	CPU      string `json:"cpu,omitempty"`
	// Workload is what is built and run, as detected and overridden. Set by the
	// platform.
	Workload *Component `json:"workload,omitempty"`
	// Detected is the evidence of the workload's settings. Set by the platform.
	Detected []Setting `json:"detected,omitempty"`
}

// The causes of a release.
const (
	CauseDeploy   = "deploy"
	CauseRollback = "rollback"
	CausePromote  = "promote"
)

// ReleasedCommit is a commit that a release brings.
type ReleasedCommit struct {
	Commit string    `json:"commit"`
	Time   time.Time `json:"time"`
}

// ReleaseStatus is how far a release has come.
type ReleaseStatus struct {
	Phase Phase  `json:"phase,omitempty"`
	Steps []Step `json:"steps,omitempty"` // in their order
	// Gates holds the verdicts at admission.
	Gates []Verdict `json:"gates,omitempty"`
	// Artifact is the digest of what was built; the same again for a promotion.
	Artifact string `json:"artifact,omitempty"`
	Cached   bool   `json:"cached,omitempty"` // nothing had to be built
	// Commit and CommitTime are of the source; a dirty tree has none.
	Commit     string     `json:"commit,omitempty"`
	CommitTime *time.Time `json:"commitTime,omitempty"`
	URL        string     `json:"url,omitempty"` // answers its requests; empty for a worker
	Healthy    bool       `json:"healthy,omitempty"`
	// Observed is what the running release was seen to do; nil until it ran.
	Observed *Observed `json:"observed,omitempty"`
	// Detected is the evidence, with what the run verified.
	Detected []Setting `json:"detected,omitempty"`
	// Settings are those of the service that it was admitted with, once it serves
	// those with which it came up, and SettingsBefore those that the service had, nil
	// where it had none.
	Settings       *Running `json:"settings,omitempty"`
	SettingsBefore *Running `json:"settingsBefore,omitempty"`
	// Retired says that the service was deleted: nothing is released from it again.
	Retired bool `json:"retired,omitempty"`
	// Previous is the release that served before; empty for the first.
	Previous string `json:"previous,omitempty"`
	// Problem says why it failed; nil while it has not.
	Problem  *Problem   `json:"problem,omitempty"`
	Started  *time.Time `json:"started,omitempty"`
	Finished *time.Time `json:"finished,omitempty"`
}

// Phase is the state of a release as a whole.
type Phase string

// The phases.
const (
	PhasePending   Phase = "pending"
	PhaseReleasing Phase = "releasing"
	PhaseSucceeded Phase = "succeeded"
	PhaseFailed    Phase = "failed"
	PhaseCancelled Phase = "cancelled"
)

// Final reports whether nothing more will happen.
func (p Phase) Final() bool { return p == PhaseSucceeded || p == PhaseFailed || p == PhaseCancelled }

// Step is one step of the way of a release.
type Step struct {
	Name    string     `json:"name"`  // one of StepDetect …
	State   string     `json:"state"` // StepWaiting …
	Started *time.Time `json:"started,omitempty"`
	Millis  int64      `json:"ms"` // how long it took
	Message string     `json:"message,omitempty"`
}

// The states of a step.
const (
	StepWaiting   = "waiting"
	StepRunning   = "running"
	StepDone      = "done"
	StepFailed    = "failed"
	StepCancelled = "cancelled"
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

// Observed is what a running release was seen to do, whatever was detected. Of
// several instances it tells the first.
type Observed struct {
	Port    int    `json:"port,omitempty"`    // bound port; 0 for a worker
	Address string `json:"address,omitempty"` // host:port that reaches it
	// FixedPort tells that the program chose Port itself, so that one instance
	// can run at a time.
	FixedPort bool `json:"fixedPort,omitempty"`

	Health       string `json:"health,omitempty"`       // path that answered; empty when only TCP was seen to answer
	HealthStatus int    `json:"healthStatus,omitempty"` // HTTP status of that answer; 0 for TCP
	HealthMillis int64  `json:"healthMillis"`           // duration of that answer
	HintStatus   int    `json:"hintStatus,omitempty"`   // HTTP status of the detected path, where others were asked because of it
	StartMillis  int64  `json:"startMillis"`            // from start to healthy

	// Strategy is how it came to run: none (it ran already), start, rolling,
	// replace or scale.
	Strategy string `json:"strategy"`
	// Notes are remarks for a person, such as of what was asked and is not enforced.
	Notes []string `json:"notes,omitempty"`
}

// Release admits a release; the platform then carries it out, see Watch.
func (c *Client) Release(ctx context.Context, spec ReleaseSpec, team, reason string, dryRun bool) (Release, error) {
	v := url.Values{}
	if dryRun {
		v.Set("dryRun", "true")
	}
	in := map[string]any{"spec": spec}
	if team != "" {
		in["team"] = team
	}
	if reason != "" {
		in["reason"] = reason
	}
	var rel Release
	err := c.do(ctx, http.MethodPost, "/api/v1/releases", v, in, &rel)
	return rel, err
}

// Line is a line of output of a step.
type Line struct {
	Step string `json:"step"`
	Line string `json:"line"`
}

// BuildOutput writes to w what the commands printed that built a release.
func (c *Client) BuildOutput(ctx context.Context, release string, w io.Writer) error {
	return c.download(ctx, "/api/v1/releases/"+url.PathEscape(release)+"/build-output", w)
}

// Cancel ends a release that is on its way, within seconds; what served before goes
// on.
func (c *Client) Cancel(ctx context.Context, release, reason string) (Release, error) {
	var rel Release
	err := c.do(ctx, http.MethodPost, "/api/v1/releases/"+url.PathEscape(release)+"/cancel", nil, map[string]any{"reason": reason}, &rel)
	return rel, err
}

// Watch follows a release until it has ended and returns it as it is then. changed and
// line may be nil. A connection that breaks off is taken up again, for five minutes of
// silence at most.
func (c *Client) Watch(ctx context.Context, name string, changed func(Release), line func(Line)) (Release, error) {
	var latest Release
	patience := &follower{c: c}
	for {
		err := c.events(ctx, "/api/v1/releases/"+url.PathEscape(name)+"/progress", nil, func(event string, data []byte) error {
			switch event {
			case "release":
				if err := json.Unmarshal(data, &latest); err != nil {
					return err
				}
				if changed != nil {
					changed(latest)
				}
			case "line":
				var l Line
				if err := json.Unmarshal(data, &l); err != nil {
					return err
				}
				if line != nil {
					line(l)
				}
			}
			return nil
		})
		if latest.Status.Phase.Final() {
			return latest, nil
		}
		if err := patience.again(ctx, err); err != nil {
			var p *Problem
			if errors.As(err, &p) && p.Kind == Unavailable {
				p.Why = append(p.Why, "nothing of "+name+" is lost: it goes on as soon as the platform runs again")
			}
			return latest, err
		}
	}
}

// Rollback releases an earlier artifact again; to "" is the one before.
func (c *Client) Rollback(ctx context.Context, service, env, to, reason string) (Release, error) {
	var rel Release
	err := c.verb(ctx, service, "rollback", map[string]any{"environment": env, "to": to, "reason": reason}, &rel)
	return rel, err
}

// Promote releases the artifact of one environment to another.
func (c *Client) Promote(ctx context.Context, service, from, to, reason string) (Release, error) {
	var rel Release
	err := c.verb(ctx, service, "promote", map[string]any{"from": from, "to": to, "reason": reason}, &rel)
	return rel, err
}
