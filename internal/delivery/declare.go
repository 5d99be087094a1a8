package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/secret"
	"github.com/stoa-platform/stoa/internal/secret/credential"
	"github.com/stoa-platform/stoa/internal/store"
)

// guardService refuses credentials among plain settings: those are shown in
// history and answers.
func (d *Delivery) guardService(_ context.Context, _ object.Reader, _ *admission.Change, draft *admission.Draft) error {
	var s catalog.Service
	if !decode(draft.Want, &s) {
		return nil
	}
	for _, env := range slices.Sorted(maps.Keys(s.Spec.Environments)) {
		settings := s.Spec.Environments[env].Env
		for _, key := range slices.Sorted(maps.Keys(settings)) {
			reason, looks := credential.Looks(key, settings[key])
			if !looks {
				continue
			}
			return problem.New(problem.Invalid, "%s looks like a credential (%s): plain settings are shown in history and answers", key, reason).
				WithFields(problem.Field{Path: "spec.environments." + env + ".env." + key, Message: "looks like a credential: " + reason}).
				Do(fmt.Sprintf("stoa secret set %s %s --env %s    asks for the value, keeps it encrypted and hands it to the service", s.Metadata.Name, key, env)).
				ExplainedAt("/docs/secrets")
		}
	}
	return nil
}

// admitService makes sure that what runs is stopped before a service goes, and
// that nobody reads a secret by naming it in a service of their own: whoever
// hands a secret to a service must be allowed to write that secret.
func (d *Delivery) admitService(ctx context.Context, r object.Reader, c *admission.Change, draft *admission.Draft) error {
	if draft.Delete {
		return nil
	}
	if draft.Old == nil {
		draft.Want.Metadata.Finalizers = []string{finalizer}
	}
	var before, after catalog.Service
	if !decode(draft.Want, &after) || draft.Old != nil && !decode(*draft.Old, &before) {
		return nil // the schema will say what is wrong
	}
	if err := keepRunning(draft, before, after); err != nil {
		return err
	}
	for _, env := range slices.Sorted(maps.Keys(after.Spec.Environments)) {
		for _, name := range after.Spec.Environments[env].Secrets {
			ref := object.Ref{Kind: "Secret", Name: name}
			if slices.Contains(before.Spec.Environments[env].Secrets, name) || c.Find(ref) != nil {
				continue
			}
			stored, err := r.Get(ctx, ref.Kind, ref.Name)
			if problem.Is(err, problem.NotFound) {
				continue // the reference is checked later
			}
			if err != nil {
				return err
			}
			if err := auth.Allowed(c.By, auth.Update, secret.Kind(), stored.Owner).Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// keepRunning keeps how the service runs in environments that the new spec does not
// name: they are there since it was released into them, and a file that describes the
// service, and says nothing of them, is no word to stop it. It is stopped by replicas 0,
// and gone by its deletion. Nor does a file know the token of the last restart.
//
// The spec is not checked yet: what is wrong in it stays, for the schema to find.
func keepRunning(draft *admission.Draft, before, after catalog.Service) error {
	if len(before.Spec.Environments) == 0 {
		return nil
	}
	var spec map[string]any
	decoder := json.NewDecoder(bytes.NewReader(draft.Want.Spec))
	decoder.UseNumber() // a number stays what was written
	if err := decoder.Decode(&spec); err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	if spec == nil { // the file has none
		spec = map[string]any{}
	}
	envs, ok := spec["environments"].(map[string]any)
	if !ok {
		if spec["environments"] != nil {
			return nil
		}
		envs = map[string]any{}
		spec["environments"] = envs
	}
	for env, running := range before.Spec.Environments {
		stated, named := envs[env]
		if !named {
			envs[env] = running
		} else if fields, ok := stated.(map[string]any); ok && running.Restart != "" && after.Spec.Environments[env].Restart == "" {
			fields["restart"] = running.Restart
		}
	}
	var err error
	draft.Want.Spec, err = json.Marshal(spec)
	return err
}

// planService lets the worker act when how a service runs has changed.
func (d *Delivery) planService(_ context.Context, c *admission.Change, draft *admission.Draft, stored object.Object) (admission.Plan, error) {
	work := admission.Plan{Jobs: []store.Job{{Kind: "service", Args: serviceJob{Service: stored.Metadata.Name}}}}
	if draft.Delete {
		return work, nil
	}
	if draft.Old == nil {
		return admission.Plan{}, nil
	}
	if c.Touches("Release") {
		return admission.Plan{}, nil // the release takes the service's settings along
	}
	var before, after catalog.Service
	if !decode(*draft.Old, &before) || !decode(stored, &after) || reflect.DeepEqual(before.Spec.Environments, after.Spec.Environments) {
		return admission.Plan{}, nil
	}
	return work, nil
}
