package governance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/expr"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Policies is the gate of CEL rules. It keeps the compiled programs.
type Policies struct{ conditions *expr.Conditions }

// NewPolicies returns the gate.
func NewPolicies() *Policies {
	return &Policies{conditions: expr.New(map[string]expr.Type{
		"service": expr.Object, "release": expr.Object, "environment": expr.Object, "team": expr.Object,
		"detected": expr.Texts, "principal": expr.Object, "now": expr.Time,
	})}
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
		if err := p.conditions.Check(expression); err != nil {
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
	v := problem.Verdict{Gate: "policy/" + policy.Metadata.Name, Outcome: problem.Allow, Docs: cmp.Or(policy.Spec.Docs, "/docs/policies")}
	if policy.Spec.Match != "" {
		about, err := p.conditions.Holds(ctx, policy.Spec.Match, input)
		if err != nil {
			return broken(v, policy, "match", err), true
		}
		if !about {
			return v, false
		}
	}
	passed, err := p.conditions.Holds(ctx, policy.Spec.Require, input)
	switch {
	case err != nil:
		return broken(v, policy, "require", err), true
	case !passed:
		v.Outcome = cmp.Or(policy.Spec.Outcome, problem.Deny)
		v.Message, v.Decider = filled(policy.Spec.Message, input), "@platform"
		for _, step := range policy.Spec.Next {
			v.Next = append(v.Next, filled(step, input))
		}
		v.Why = []string{fmt.Sprintf("policy/%s requires %s", policy.Metadata.Name, policy.Spec.Require)}
	}
	return v, true
}

// placeholder stands in what a policy tells for what it is told of.
var placeholder = regexp.MustCompile(`\b(SERVICE|ENVIRONMENT|TEAM)\b`)

// filled puts the names of the release into what a policy tells.
func filled(text string, input map[string]any) string {
	return placeholder.ReplaceAllStringFunc(text, func(word string) string {
		o, _ := input[strings.ToLower(word)].(map[string]any)
		metadata, _ := o["metadata"].(map[string]any)
		if name, _ := metadata["name"].(string); name != "" {
			return name
		}
		return word
	})
}

func broken(v problem.Verdict, policy Policy, part string, err error) problem.Verdict {
	v.Outcome, v.Decider = cmp.Or(policy.Spec.Outcome, problem.Deny), "@platform"
	v.Message = fmt.Sprintf("policy %s cannot be evaluated on this release", policy.Metadata.Name)
	v.Why = []string{fmt.Sprintf("%s: %v", part, err)}
	v.Next = []string{"ask the platform team to mend the policy"}
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
