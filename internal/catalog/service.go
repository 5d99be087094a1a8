package catalog

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/detect"
	"github.com/stoa-platform/stoa/internal/object"
)

// ServiceSpec is a piece of software that a team answers for.
type ServiceSpec struct {
	Type string `json:"type,omitempty" jsonschema:"enum=backend,enum=frontend,enum=worker,enum=job,enum=data,enum=library"`
	// Language is the main language of its source, as detected.
	Language string `json:"language,omitempty"`
	// Lifecycle says how far others may rely on it.
	Lifecycle string `json:"lifecycle,omitempty" jsonschema:"enum=experimental,enum=production,enum=deprecated"`
	// System names the system that it is a part of.
	System string `json:"system,omitempty"`
	// Repository is the address of its source.
	Repository string `json:"repository,omitempty"`
	// OwnerSource says from where the owner was inferred, such as "CODEOWNERS:3".
	// It is empty once a person has said or confirmed the owner.
	OwnerSource string `json:"ownerSource,omitempty"`
	// Overrides replace what detection finds, from the next release on.
	Overrides detect.Overrides `json:"overrides,omitzero"`
	// Confirmed lists the guessed settings that a person has confirmed.
	Confirmed []string `json:"confirmed,omitempty"`
	// Environments says how it runs in each.
	Environments map[string]Running `json:"environments,omitempty"`
}

// Kind names the kind.
func (ServiceSpec) Kind() string { return "Service" }

// Running says how a service shall run in one environment.
type Running struct {
	// Replicas is how many instances; 0 is stopped.
	Replicas int `json:"replicas" jsonschema:"minimum=0,maximum=100"`
	// Memory asks for memory for each instance, such as "256Mi".
	Memory string `json:"memory,omitempty"`
	// CPU asks for processors for each instance, such as "0.5" or "500m".
	CPU string `json:"cpu,omitempty"`
	// Env holds plain settings. Credentials belong into a Secret.
	Env map[string]string `json:"env,omitempty"`
	// Secrets names the Secret objects whose keys become environment variables.
	Secrets []string `json:"secrets,omitempty"`
	// Restart is a token; the instances are replaced when it changes.
	Restart string `json:"restart,omitempty"`
}

// ServiceStatus is what the workers observed of a service.
type ServiceStatus struct {
	// Active says that something of it runs or should; it is what a restart restores.
	Active       bool                  `json:"active,omitempty"`
	Environments map[string]Deployment `json:"environments,omitempty"`
}

// Deployment is what runs of a service in one environment.
type Deployment struct {
	// Release is the release that serves; the newest may still be on its way.
	Release string `json:"release,omitempty"`
	// Failed is the newest release that failed while none has ever served.
	Failed string `json:"failed,omitempty"`
	// Missed is the newest release that failed after the one that serves: it changed
	// nothing of what runs.
	Missed *Missed `json:"missed,omitempty"`
	// URL answers its requests; empty for a worker.
	URL string `json:"url,omitempty"`
	// State is "running", "degraded", "stopped" or "failed".
	State string `json:"state,omitempty"`
	// Message says why it is not running well.
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	// Generation is that of the service's spec which State is the outcome of: a
	// newer one is still on its way.
	Generation int64 `json:"generation,omitempty"`
	// Strategy and Address are what the runtime observed last.
	Port   int    `json:"port,omitempty"`
	Health string `json:"health,omitempty"`
	// Notes say what was asked and is not enforced.
	Notes []string `json:"notes,omitempty"`
}

// Missed is a release that failed while an earlier one goes on serving.
type Missed struct {
	Release string    `json:"release"`
	Message string    `json:"message"` // why
	At      time.Time `json:"at"`
}

// The states of a deployment.
const (
	StateRunning  = "running"
	StateDegraded = "degraded"
	StateStopped  = "stopped"
	StateFailed   = "failed"
)

// StateElsewhere is what is said of a service that is in no environment: Stoa
// did not deploy it, so it runs elsewhere or not at all.
const StateElsewhere = "not deployed here"

// Service is a piece of software that a team answers for.
type Service = object.Typed[ServiceSpec, ServiceStatus]

// DefaultMemory is what an instance is counted with when nothing was asked.
const DefaultMemory = "256Mi"

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func validateService(o object.Object) []object.Issue {
	var s Service
	if !decode(o, &s) {
		return nil
	}
	var issues []object.Issue
	add := func(path, format string, args ...any) {
		issues = append(issues, object.Issue{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	for _, f := range s.Spec.Overrides.Wrong() {
		add("spec.overrides."+f.Path, "%s", f.Message)
	}
	for _, env := range slices.Sorted(maps.Keys(s.Spec.Environments)) {
		running, path := s.Spec.Environments[env], "spec.environments."+env
		if running.Memory != "" {
			if _, err := ParseBytes(running.Memory); err != nil {
				add(path+".memory", "%v", err)
			}
		}
		if running.CPU != "" {
			if _, err := ParseCPU(running.CPU); err != nil {
				add(path+".cpu", "%v", err)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(running.Env)) {
			if !envName.MatchString(name) {
				add(path+".env."+name, "is not the name of an environment variable: letters, digits and _, not beginning with a digit")
			}
		}
	}
	return issues
}

func serviceReferences(o object.Object) []object.Reference {
	var s Service
	if !decode(o, &s) {
		return nil
	}
	var refs []object.Reference
	for _, env := range slices.Sorted(maps.Keys(s.Spec.Environments)) {
		path := "spec.environments." + env
		refs = append(refs, object.Reference{Path: path, Ref: object.Ref{Kind: "Environment", Name: env}})
		for _, name := range s.Spec.Environments[env].Secrets {
			refs = append(refs, object.Reference{Path: path + ".secrets", Ref: object.Ref{Kind: "Secret", Name: name}})
		}
	}
	return refs
}

// decode reads an object that the schema has accepted; where it has not, the
// schema has told why already.
func decode[O any, P object.Loader[O]](o object.Object, into P) bool { return into.From(o) == nil }
