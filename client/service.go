package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Service is a piece of software that a team answers for.
type Service struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"` // "Service"
	Metadata   Metadata      `json:"metadata"`
	Spec       ServiceSpec   `json:"spec"`
	Status     ServiceStatus `json:"status,omitzero"`
}

// ServiceSpec is what is wanted of a service.
type ServiceSpec struct {
	Type string `json:"type,omitempty"` // backend, frontend, worker, job, data or library
	// Language is the main language of its source, as detected.
	Language string `json:"language,omitempty"`
	// Lifecycle says how far others may rely on it: experimental, production or
	// deprecated; empty where nobody has said.
	Lifecycle string `json:"lifecycle,omitempty"`
	// System names the system that it is a part of.
	System string `json:"system,omitempty"`
	// Repository is the address of its source.
	Repository string `json:"repository,omitempty"`
	// OwnerSource says from where the owner was inferred, such as "CODEOWNERS:3";
	// empty once a person has said or confirmed the owner.
	OwnerSource string `json:"ownerSource,omitempty"`
	// Overrides replace what detection finds, from the next release on.
	Overrides Overrides `json:"overrides,omitzero"`
	// Confirmed lists the guessed settings that a person has confirmed.
	Confirmed []string `json:"confirmed,omitempty"`
	// Environments says how it shall run in each, by the environment's name.
	Environments map[string]Running `json:"environments,omitempty"`
}

// Overrides are the settings that a person says instead of detection, each as the
// Value of its Setting is written; empty where nobody has said anything.
type Overrides struct {
	Port         string `json:"port,omitempty"` // the one that it listens on, whatever it is told
	PortVariable string `json:"portVariable,omitempty"`
	Health       string `json:"health,omitempty"` // the path that answers when it is healthy
	// Start is a line of shell, in which $PORT is its port and $STOA_OUT the
	// program that was compiled.
	Start  string `json:"start,omitempty"`
	Output string `json:"output,omitempty"` // the folder to serve, relative to the component's
}

// Running says how a service shall run in one environment.
type Running struct {
	Replicas int `json:"replicas"` // how many instances, 0 to 100; 0 is stopped
	// Memory and CPU ask for each instance, such as "256Mi", and "0.5" or "500m";
	// empty is the platform's default.
	Memory string `json:"memory,omitempty"`
	CPU    string `json:"cpu,omitempty"`
	// Env holds plain settings.
	Env map[string]string `json:"env,omitempty"`
	// Secrets names the Secret objects whose keys become environment variables.
	Secrets []string `json:"secrets,omitempty"`
	// Restart is a token; the instances are replaced when it changes.
	Restart string `json:"restart,omitempty"`
}

// ServiceStatus is what the platform observed of a service.
type ServiceStatus struct {
	// Active says that something of it runs or should.
	Active       bool                  `json:"active,omitempty"`
	Environments map[string]Deployment `json:"environments,omitempty"` // by the environment's name
}

// The states of a deployment.
const (
	StateRunning  = "running"
	StateDegraded = "degraded"
	StateStopped  = "stopped"
	StateFailed   = "failed"
	// StateUnreleased is the state, in an EnvironmentStatus alone, of a service
	// that no release has brought to the environment.
	StateUnreleased = "never released"
)

// Missed is a release that failed while an earlier one goes on serving.
type Missed struct {
	Release string    `json:"release"`
	Message string    `json:"message"` // why
	At      time.Time `json:"at"`
}

// Deployment is what runs of a service in one environment.
type Deployment struct {
	// Release is the release that serves; the newest may still be on its way.
	Release string `json:"release,omitempty"`
	// Failed is the newest release that failed while none has ever served; State
	// is StateFailed then.
	Failed string `json:"failed,omitempty"`
	// Missed is the newest release that failed after the one that serves: it changed
	// nothing of what runs. Nil when there is none.
	Missed *Missed `json:"missed,omitempty"`
	// URL answers its requests; empty for a worker.
	URL string `json:"url,omitempty"`
	// State is StateRunning, StateDegraded, StateStopped or StateFailed; empty
	// before the first release has come to its end.
	State string `json:"state,omitempty"`
	// Message says why it is not running well.
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	// Generation is that of the service's spec which State is the outcome of: a
	// newer one is still on its way.
	Generation int64 `json:"generation,omitempty"`
	// Port and Health are what was observed last: where it listens, and the path
	// that answers when it is healthy.
	Port   int    `json:"port,omitempty"`
	Health string `json:"health,omitempty"`
	// Notes say what was asked and is not enforced.
	Notes []string `json:"notes,omitempty"`
}

// Status is how a service runs now.
type Status struct {
	Service      string                       `json:"service"`
	Owner        string                       `json:"owner"`
	Environments map[string]EnvironmentStatus `json:"environments"` // empty when it was deployed nowhere
}

// EnvironmentStatus is how a service runs in one environment.
type EnvironmentStatus struct {
	Deployment
	Shortfall string     `json:"shortfall,omitempty"` // why fewer answer at this moment than are wanted, or which further process does not stay up
	Replicas  int        `json:"replicas"`            // wanted
	Healthy   int        `json:"healthy"`             // of the release that serves
	Instances []Instance `json:"instances"`
	OnTheWay  []OnTheWay `json:"onTheWay,omitempty"` // releases that have not ended, in the order of their turns
}

// OnTheWay is a release that has not ended.
type OnTheWay struct {
	Release string     `json:"release"`
	Step    string     `json:"step"`            // at which it is, or for which it waits
	Since   *time.Time `json:"since,omitempty"` // when the step began; nil while it waits
	Message string     `json:"message,omitempty"`
}

// The states of an instance.
const (
	InstanceStarting     = "starting"
	InstanceHealthy      = "healthy"
	InstanceUnhealthy    = "unhealthy"     // runs, but does not answer
	InstanceRestarting   = "restarting"    // ended, and waits to be started again
	InstanceCrashLooping = "crash-looping" // ended again and again; still tried, ever more rarely
	InstanceStopped      = "stopped"
)

// Instance is one running copy of a workload.
type Instance struct {
	ID       string    `json:"id"`
	Process  string    `json:"process,omitempty"` // further process that it is a copy of; empty for the one that serves
	Release  string    `json:"release"`
	State    string    `json:"state"`          // one of InstanceStarting …
	PID      int       `json:"pid,omitempty"`  // 0 where there is no process
	Port     int       `json:"port,omitempty"` // bound port; 0 until it is known
	Restarts int       `json:"restarts"`
	Since    time.Time `json:"since"`              // beginning of the state
	LastExit *Exit     `json:"lastExit,omitempty"` // nil if it never ended
}

// Exit is the end of a process.
type Exit struct {
	Code   int           `json:"code"`             // exit code; -1 when ended by a signal
	Signal string        `json:"signal,omitempty"` // such as "SIGSEGV"
	Time   time.Time     `json:"time"`
	After  time.Duration `json:"after"`            // lifetime, in JSON in nanoseconds
	Reason string        `json:"reason,omitempty"` // set when the platform itself ended it
}

// String reads like "exit code 1 after 12ms".
func (e Exit) String() string {
	after := e.After.Round(time.Millisecond)
	switch {
	case e.Reason != "":
		return fmt.Sprintf("%s after %v", e.Reason, after)
	case e.Signal != "":
		return fmt.Sprintf("killed by %s after %v", e.Signal, after)
	}
	return fmt.Sprintf("exit code %d after %v", e.Code, after)
}

// Service returns a service.
func (c *Client) Service(ctx context.Context, name string) (Service, error) {
	var s Service
	err := c.do(ctx, http.MethodGet, "/api/v1/services/"+url.PathEscape(name), nil, nil, &s)
	return s, err
}

// ServiceStatus tells how a service runs now.
func (c *Client) ServiceStatus(ctx context.Context, service string) (Status, error) {
	var s Status
	err := c.do(ctx, http.MethodGet, "/api/v1/services/"+url.PathEscape(service)+"/status", nil, nil, &s)
	return s, err
}

// Scale sets the number of instances; 0 stops the service in the environment.
func (c *Client) Scale(ctx context.Context, service, env string, replicas int, reason string) (Service, error) {
	var s Service
	err := c.verb(ctx, service, "scale", map[string]any{"environment": env, "replicas": replicas, "reason": reason}, &s)
	return s, err
}

// Restart replaces all instances without a lost request.
func (c *Client) Restart(ctx context.Context, service, env, reason string) (Service, error) {
	var s Service
	err := c.verb(ctx, service, "restart", map[string]any{"environment": env, "reason": reason}, &s)
	return s, err
}

func (c *Client) verb(ctx context.Context, service, verb string, in map[string]any, out any) error {
	for k, v := range in {
		if v == "" {
			delete(in, k)
		}
	}
	return c.do(ctx, http.MethodPost, "/api/v1/services/"+url.PathEscape(service)+"/"+verb, nil, in, out)
}

// Survey is how everything that is deployed does at one moment.
type Survey struct {
	Services int            `json:"services"`
	States   map[string]int `json:"states"` // deployments by state, one of StateRunning … or StateUnreleased
	Unwell   []Unwell       `json:"unwell"` // those that are degraded or failed, at most 500
	// Summaries say why the platform's numbers are not of all that happened; empty
	// while they are.
	Summaries []string `json:"summaries"`
}

// Unwell is a deployment that should run well and does not.
type Unwell struct {
	Service     string    `json:"service"`
	Owner       string    `json:"owner"`
	Environment string    `json:"environment"`
	State       string    `json:"state"`
	Why         string    `json:"why,omitempty"`
	Since       time.Time `json:"since,omitzero"`
}

// Status tells how all services run now, in one environment or, for "", in all.
func (c *Client) Status(ctx context.Context, environment string) (Survey, error) {
	var s Survey
	err := c.do(ctx, http.MethodGet, "/api/v1/status", url.Values{"environment": {environment}}, nil, &s)
	return s, err
}
