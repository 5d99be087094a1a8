package governance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/cel-go/cel"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// costLimit bounds one evaluation, in CEL's cost units: a policy cannot hang a
// release. A comparison costs about one unit.
const costLimit = 100_000

// Policies is the gate of CEL rules. It keeps the compiled programs.
type Policies struct {
	env func() (*cel.Env, error)

	mu       sync.Mutex
	programs map[string]cel.Program
}

// NewPolicies returns the gate. The CEL environment is made at its first use,
// since most starts of a command never need it.
func NewPolicies() *Policies {
	return &Policies{
		programs: map[string]cel.Program{},
		env: sync.OnceValues(func() (*cel.Env, error) {
			object := cel.MapType(cel.StringType, cel.DynType)
			return cel.NewEnv(
				cel.Variable("service", object), cel.Variable("release", object),
				cel.Variable("environment", object), cel.Variable("team", object),
				cel.Variable("detected", cel.MapType(cel.StringType, cel.StringType)),
				cel.Variable("principal", object), cel.Variable("now", cel.TimestampType),
				cel.CrossTypeNumericComparisons(true),
			)
		}),
	}
}

// compile gives the program of a boolean expression.
func (p *Policies) compile(expression string) (cel.Program, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if program, ok := p.programs[expression]; ok {
		return program, nil
	}
	env, err := p.env()
	if err != nil {
		return nil, fmt.Errorf("prepare CEL: %w", err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, issues.Err()
	}
	if t := ast.OutputType(); t != cel.BoolType && t != cel.DynType {
		return nil, fmt.Errorf("gives %s, must give a bool", t)
	}
	program, err := env.Program(ast, cel.CostLimit(costLimit), cel.InterruptCheckFrequency(1000))
	if err != nil {
		return nil, err
	}
	if len(p.programs) > 1000 {
		clear(p.programs) // edited rules leave theirs behind
	}
	p.programs[expression] = program
	return program, nil
}

func (p *Policies) validate(o object.Object) []object.Issue {
	var policy Policy
	if !decode(o, &policy) {
		return nil
	}
	var issues []object.Issue
	for path, expression := range map[string]string{"spec.match": policy.Spec.Match, "spec.require": policy.Spec.Require} {
		if expression == "" {
			continue
		}
		if _, err := p.compile(expression); err != nil {
			issues = append(issues, object.Issue{Path: path, Message: err.Error()})
		}
	}
	return issues
}

// Check evaluates every policy on every release of the change. A rule that
// cannot be evaluated on a release, because it reads what is not there,
// refuses it and says so: a rule must not be passed by being broken.
func (p *Policies) Check(ctx context.Context, r object.Reader, c *admission.Change) ([]problem.Verdict, error) {
	var releases []*admission.Draft
	for _, d := range c.Drafts {
		if d.Kind.Name == "Release" && d.Old == nil && !d.Delete {
			releases = append(releases, d)
		}
	}
	if len(releases) == 0 {
		return nil, nil
	}
	policies, err := object.All[Policy](ctx, r, object.Query{})
	if err != nil || len(policies) == 0 {
		return nil, err
	}
	var verdicts []problem.Verdict
	for _, d := range releases {
		input, err := variables(ctx, r, c, d)
		if err != nil {
			return nil, err
		}
		for _, policy := range policies {
			if v, ok := p.evaluate(ctx, policy, input); ok {
				verdicts = append(verdicts, v)
			}
		}
	}
	return verdicts, nil
}

// evaluate gives the policy's verdict; ok is false when it is not about the release.
func (p *Policies) evaluate(ctx context.Context, policy Policy, input map[string]any) (problem.Verdict, bool) {
	v := problem.Verdict{Gate: "policy/" + policy.Metadata.Name, Outcome: admission.Allow, Docs: policy.Spec.Docs}
	if policy.Spec.Match != "" {
		about, err := p.holds(ctx, policy.Spec.Match, input)
		if err != nil {
			return broken(v, policy, "match", err), true
		}
		if !about {
			return v, false
		}
	}
	passed, err := p.holds(ctx, policy.Spec.Require, input)
	switch {
	case err != nil:
		return broken(v, policy, "require", err), true
	case !passed:
		v.Outcome = cmp.Or(policy.Spec.Outcome, admission.Deny)
		v.Message, v.Next, v.Decider = policy.Spec.Message, policy.Spec.Next, "@platform"
		v.Why = []string{fmt.Sprintf("policy/%s requires %s", policy.Metadata.Name, policy.Spec.Require)}
	}
	return v, true
}

func (p *Policies) holds(ctx context.Context, expression string, input map[string]any) (bool, error) {
	program, err := p.compile(expression)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	out, _, err := program.ContextEval(ctx, input)
	if err != nil {
		return false, err
	}
	value, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("gave %v, not a bool", out.Value())
	}
	return value, nil
}

func broken(v problem.Verdict, policy Policy, part string, err error) problem.Verdict {
	v.Outcome, v.Decider = cmp.Or(policy.Spec.Outcome, admission.Deny), "@platform"
	v.Message = fmt.Sprintf("policy %s cannot be evaluated on this release", policy.Metadata.Name)
	v.Why = []string{fmt.Sprintf("%s: %v", part, err)}
	v.Next = []string{"ask the platform team to mend the policy, or for an exception: policy/" + policy.Metadata.Name}
	return v
}

// variables are what every CEL expression on the platform sees.
func variables(ctx context.Context, r object.Reader, c *admission.Change, d *admission.Draft) (map[string]any, error) {
	var spec struct {
		Service     string `json:"service"`
		Environment string `json:"environment"`
		Detected    []struct{ Field, Value string }
	}
	if err := json.Unmarshal(d.Want.Spec, &spec); err != nil {
		return nil, fmt.Errorf("read %s: %w", d.Want.Ref(), err)
	}
	detected := map[string]string{}
	for _, s := range spec.Detected {
		detected[s.Field] = s.Value
	}
	input := map[string]any{
		"detected": detected, "now": c.Now,
		"principal": map[string]any{"name": c.By.Name, "bot": c.By.Bot, "role": string(c.By.Platform)},
	}
	for name, ref := range map[string]object.Ref{
		"service":     {Kind: "Service", Name: spec.Service},
		"environment": {Kind: "Environment", Name: spec.Environment},
		"team":        {Kind: "Team", Name: d.Want.Metadata.Owner},
	} {
		o, err := current(ctx, r, c, ref)
		if err != nil {
			return nil, err
		}
		input[name] = o
	}
	release, err := fields(d.Want)
	input["release"] = release
	return input, err
}

// current gives an object as the change wants it, else as it is stored.
func current(ctx context.Context, r object.Reader, c *admission.Change, ref object.Ref) (map[string]any, error) {
	if d := c.Find(ref); d != nil {
		return fields(d.Want)
	}
	doc, err := r.Get(ctx, ref.Kind, ref.Name)
	if problem.Is(err, problem.NotFound) {
		return map[string]any{"metadata": map[string]any{"name": ref.Name}, "spec": map[string]any{}}, nil
	}
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(doc.Bytes, &m)
}

func fields(o object.Object) (map[string]any, error) {
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var m map[string]any
	return m, json.Unmarshal(raw, &m)
}
