package runtime

import (
	"fmt"
	"slices"
	"time"
)

// Step is a kind of progress.
type Step string

// Steps of a rollout, in the order in which they usually come.
const (
	StepHeld     Step = "held"     // requests wait while the instance is replaced
	StepStarted  Step = "started"  // an instance was started
	StepWaiting  Step = "waiting"  // an instance is not ready yet; nothing is wrong so far
	StepExited   Step = "exited"   // an instance ended before it was healthy and is tried again
	StepBound    Step = "bound"    // an instance listens
	StepHealthy  Step = "healthy"  // an instance is ready for requests
	StepSwitched Step = "switched" // the router sends requests to the new instances
	StepDrained  Step = "drained"  // no request is in flight on an old instance
	StepStopped  Step = "stopped"  // an instance was stopped
)

// Progress is one thing that happened while a workload is applied.
type Progress struct {
	Step     Step   `json:"step"`
	Instance string `json:"instance,omitempty"` // empty when it is about the whole workload
	Text     string `json:"text"`               // a phrase for a person, e.g. "healthy: GET /healthz 200 in 2 ms"
}

// Observer hears of progress. It must not block for long.
type Observer func(Progress)

// Strategy is the way in which Apply made the workload run.
type Strategy string

// Strategies of Apply.
const (
	StrategyNone    Strategy = "none"    // it ran already
	StrategyStart   Strategy = "start"   // nothing ran before
	StrategyRolling Strategy = "rolling" // the new instances beside the old, then a switch
	StrategyReplace Strategy = "replace" // requests held, old stopped, new started: for a fixed port
	StrategyScale   Strategy = "scale"   // instances added or taken away
)

// Observed is what a running workload was seen to do, whatever was detected.
// Of several instances it tells the first.
type Observed struct {
	Port    int    `json:"port,omitempty"`    // bound port; 0 for a worker
	Address string `json:"address,omitempty"` // host:port that reaches the bound socket
	// FixedPort tells that Port was not chosen by the runtime: the program
	// ignores PORT, so that one instance can run at a time.
	FixedPort bool `json:"fixedPort,omitempty"`

	Health       string `json:"health,omitempty"`       // path that answered; empty when only TCP was seen to answer
	HealthStatus int    `json:"healthStatus,omitempty"` // HTTP status of that answer; 0 for TCP
	HealthMillis int64  `json:"healthMillis"`           // duration of that answer
	HintStatus   int    `json:"hintStatus,omitempty"`   // HTTP status of Workload.Health where that was no health and others were asked
	StartMillis  int64  `json:"startMillis"`            // from start to healthy

	Strategy Strategy `json:"strategy"`
	// Notes are remarks for a person, e.g. of what was requested and is not
	// enforced.
	Notes []string `json:"notes,omitempty"`
}

// State of an instance.
type State string

// States of an instance.
const (
	StateStarting     State = "starting"
	StateHealthy      State = "healthy"
	StateUnhealthy    State = "unhealthy"     // runs, but does not answer
	StateRestarting   State = "restarting"    // ended, and waits to be started again
	StateCrashLooping State = "crash-looping" // ended again and again; still tried, ever more rarely
	StateStopped      State = "stopped"
)

// Status tells how a key runs.
type Status struct {
	Key       Key        `json:"key"`
	Release   string     `json:"release"`  // the release that serves
	Replicas  int        `json:"replicas"` // wanted instances
	Observed  Observed   `json:"observed"`
	Instances []Instance `json:"instances"` // those of a rollout under way, or still draining, included
	// Beside is how the further processes of the key run, by name; none of a key
	// that is itself one.
	Beside []Status `json:"beside,omitempty"`
}

// All gives the instances of the key and then those of what runs beside it.
func (s Status) All() []Instance {
	all := slices.Clone(s.Instances)
	for _, process := range s.Beside {
		all = append(all, process.Instances...)
	}
	return all
}

// Healthy counts the healthy instances of the release that serves.
func (s Status) Healthy() int {
	n := 0
	for _, i := range s.Instances {
		if i.Release == s.Release && i.State == StateHealthy {
			n++
		}
	}
	return n
}

// Instance is one running copy of a workload.
type Instance struct {
	ID       string    `json:"id"`
	Process  string    `json:"process,omitempty"` // name of the further process that it is a copy of; empty for the one that serves
	Release  string    `json:"release"`
	State    State     `json:"state"`
	PID      int       `json:"pid,omitempty"`  // of the process that was started; 0 where there is none
	Port     int       `json:"port,omitempty"` // bound port; 0 until it is known
	Restarts int       `json:"restarts"`
	Since    time.Time `json:"since"` // beginning of the state, UTC
	LastExit *Exit     `json:"lastExit,omitempty"`
}

// Exit is the end of a process.
type Exit struct {
	Code   int           `json:"code"`             // exit code; -1 when ended by a signal
	Signal string        `json:"signal,omitempty"` // e.g. "SIGSEGV"
	Time   time.Time     `json:"time"`             // UTC
	After  time.Duration `json:"after"`            // lifetime
	Reason string        `json:"reason,omitempty"` // set when the runtime itself ended it
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

// Event tells that an instance of a serving release ended by itself.
type Event struct {
	Key       Key
	Release   string
	Instance  string
	Exit      Exit
	Restarts  int           // restarts so far
	RetryIn   time.Duration // until the next start
	CrashLoop bool          // it ends again and again
	Lines     []string      // last lines of output
}
