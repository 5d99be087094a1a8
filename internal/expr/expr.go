// Package expr evaluates the conditions that people write into objects, in CEL,
// the language that users of Kubernetes know. An expression is compiled once,
// and cannot run for long whatever it says.
package expr

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/cel-go/cel"
)

// costLimit bounds one evaluation, in CEL's cost units: a comparison costs about
// one.
const costLimit = 100_000

// timeLimit bounds one evaluation by the clock.
const timeLimit = time.Second

// maxKept is how many compiled expressions are kept.
const maxKept = 1000

// Type is what a variable holds.
type Type int

// The types of variables.
const (
	Object Type = iota // fields of any type: an object as it is declared
	Texts              // texts by name
	Time
)

// Conditions compiles and evaluates boolean expressions over variables. It is
// safe for concurrent use.
type Conditions struct {
	env func() (*cel.Env, error)

	mu       sync.Mutex
	programs map[string]cel.Program
}

// New makes conditions over variables, given with their types. CEL itself is
// prepared at the first use, since most starts of a command never need it.
func New(variables map[string]Type) *Conditions {
	return &Conditions{
		programs: map[string]cel.Program{},
		env: sync.OnceValues(func() (*cel.Env, error) {
			options := []cel.EnvOption{cel.CrossTypeNumericComparisons(true)}
			for name, t := range variables {
				options = append(options, cel.Variable(name, celType(t)))
			}
			return cel.NewEnv(options...)
		}),
	}
}

func celType(t Type) *cel.Type {
	switch t {
	case Texts:
		return cel.MapType(cel.StringType, cel.StringType)
	case Time:
		return cel.TimestampType
	case Object:
	}
	return cel.MapType(cel.StringType, cel.DynType)
}

// Check says what is wrong with an expression; nil is nothing.
func (c *Conditions) Check(expression string) error {
	_, err := c.compile(expression)
	return err
}

// Holds evaluates an expression. It fails for one that does not compile, that
// reads what is not there, or that gives no boolean.
func (c *Conditions) Holds(ctx context.Context, expression string, values map[string]any) (bool, error) {
	program, err := c.compile(expression)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	out, _, err := program.ContextEval(ctx, values)
	if err != nil {
		return false, err
	}
	value, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("gave %v, not a bool", out.Value())
	}
	return value, nil
}

func (c *Conditions) compile(expression string) (cel.Program, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if program, ok := c.programs[expression]; ok {
		return program, nil
	}
	env, err := c.env()
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
	if len(c.programs) >= maxKept {
		clear(c.programs) // edited expressions leave theirs behind
	}
	c.programs[expression] = program
	return program, nil
}
