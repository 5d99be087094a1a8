package delivery

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/stoa-platform/stoa/internal/admission"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/catalog"
	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/secret"
	"github.com/stoa-platform/stoa/internal/store"
)

// SecretValues are the values of one secret of a service in one environment:
// Secret object "<service>--<environment>".
type SecretValues struct {
	Admit   Admitter
	Objects object.Reader
	Clock   func() time.Time
}

// values travels from the verb to the transaction, never through the object.
type values struct {
	set   map[string][]byte
	unset []string
}

// Set keeps the values encrypted and restarts the service's instances one
// after another, so that they get them.
func (v SecretValues) Set(ctx context.Context, by By, service, env string, set map[string]string) error {
	given := map[string][]byte{}
	for key, value := range set {
		given[key] = []byte(value)
	}
	return v.change(ctx, by, service, env, values{set: given})
}

// Unset removes keys and restarts the instances without them.
func (v SecretValues) Unset(ctx context.Context, by By, service, env string, keys []string) error {
	return v.change(ctx, by, service, env, values{unset: keys})
}

// Keys lists the names of the values.
func (v SecretValues) Keys(ctx context.Context, by By, service, env string) ([]string, error) {
	if err := auth.Allowed(by.Principal, auth.Read, secret.Kind(), "").Err(); err != nil {
		return nil, err
	}
	s, err := object.Get[secret.Secret](ctx, v.Objects, SecretName(service, env))
	if problem.Is(err, problem.NotFound) {
		_, _, err = v.target(ctx, service, env)
	}
	return s.Spec.Keys, err
}

// SetIn keeps values in a secret that is of no service, such as that of a
// webhook. The Secret object must be there; it says whose it is.
func (v SecretValues) SetIn(ctx context.Context, by By, name string, set map[string]string) error {
	given := map[string][]byte{}
	for key, value := range set {
		given[key] = []byte(value)
	}
	return retryConflict(func() error { return v.tryChangeIn(ctx, by, name, values{set: given}) })
}

// UnsetIn removes keys of a secret that is of no service.
func (v SecretValues) UnsetIn(ctx context.Context, by By, name string, keys []string) error {
	return retryConflict(func() error { return v.tryChangeIn(ctx, by, name, values{unset: keys}) })
}

func (v SecretValues) tryChangeIn(ctx context.Context, by By, name string, given values) error {
	sec, err := object.Get[secret.Secret](ctx, v.Objects, name)
	if err != nil {
		return err
	}
	if sec.Spec.Service != "" {
		return problem.New(problem.Invalid, "secret %s is of service %s: its instances must hear of a change", name, sec.Spec.Service).
			Do("stoa secret set " + sec.Spec.Service + " KEY --env " + sec.Spec.Environment)
	}
	given.renew(&sec)
	want, err := sec.Object()
	if err != nil {
		return err
	}
	_, err = v.Admit.Apply(ctx, &admission.Change{
		By: by.Principal, Surface: by.Surface, Capability: by.Capability, Reason: by.Reason, Drafts: []*admission.Draft{{Want: want, Inferred: given}},
	})
	return err
}

// renew brings the names of the keys into the object.
func (given values) renew(sec *secret.Secret) {
	keys := map[string]bool{}
	for _, key := range sec.Spec.Keys {
		keys[key] = true
	}
	for key := range given.set {
		keys[key] = true
	}
	for _, key := range given.unset {
		delete(keys, key)
	}
	sec.Spec.Keys = slices.Sorted(maps.Keys(keys))
}

// retryConflict tries again when somebody else was first.
func retryConflict(try func() error) error {
	for attempt := 1; ; attempt++ {
		err := try()
		if !problem.Is(err, problem.Conflict) || attempt == 5 {
			return err
		}
	}
}

// SecretName is the name of the Secret of a service in an environment.
func SecretName(service, env string) string { return service + "--" + env }

func (v SecretValues) change(ctx context.Context, by By, service, env string, given values) error {
	return retryConflict(func() error { return v.tryChange(ctx, by, service, env, given) })
}

// target is the service, and whether it is in the environment, which must be there:
// values are often made ready before the first release comes to them.
func (v SecretValues) target(ctx context.Context, service, env string) (s catalog.Service, in bool, err error) {
	s, err = object.Get[catalog.Service](ctx, v.Objects, service)
	if err != nil {
		return s, false, err
	}
	if _, in = s.Spec.Environments[env]; in {
		return s, true, nil
	}
	_, err = object.Get[catalog.Environment](ctx, v.Objects, env)
	return s, false, err
}

func (v SecretValues) tryChange(ctx context.Context, by By, service, env string, given values) error {
	s, in, err := v.target(ctx, service, env)
	if err != nil {
		return err
	}
	name := SecretName(service, env)
	sec, err := object.Get[secret.Secret](ctx, v.Objects, name)
	if problem.Is(err, problem.NotFound) {
		sec, err = object.New[secret.SecretSpec, secret.SecretStatus](name, s.Metadata.Owner, secret.SecretSpec{Service: service, Environment: env}), nil
	}
	if err != nil {
		return err
	}
	if sec.Spec.Service != service || sec.Spec.Environment != env {
		return problem.New(problem.Invalid, "secret %s is of service %q in %q, not of %s in %s", name, sec.Spec.Service, sec.Spec.Environment, service, env).
			Do("stoa delete secret " + name + "    makes way, if nobody needs it")
	}
	given.renew(&sec)
	secretObject, err := sec.Object()
	if err != nil {
		return err
	}
	// Where the service is not there yet it stays as it is, and clashes with a first
	// release that comes meanwhile, which would not know of the values.
	if in {
		running := s.Spec.Environments[env]
		// A secret without values is handed to nobody: the service would not start.
		running.Secrets = slices.DeleteFunc(slices.Clone(running.Secrets), func(other string) bool { return other == name })
		if len(sec.Spec.Keys) > 0 {
			running.Secrets = append(running.Secrets, name)
		}
		running.Restart = v.Clock().UTC().Format(time.RFC3339Nano)
		s.Spec.Environments[env] = running
	}
	serviceObject, err := s.Object()
	if err != nil {
		return err
	}
	_, err = v.Admit.Apply(ctx, &admission.Change{
		By: by.Principal, Surface: by.Surface, Capability: by.Capability, Reason: by.Reason,
		Drafts: []*admission.Draft{{Want: secretObject, Inferred: given}, {Want: serviceObject}},
	})
	return err
}

// withReady adds to the secrets of a service in an environment the one whose values
// were set before the service came there, if there is one.
func withReady(ctx context.Context, r object.Reader, service, env string, secrets []string) ([]string, error) {
	name := SecretName(service, env)
	sec, err := object.Get[secret.Secret](ctx, r, name)
	if problem.Is(err, problem.NotFound) {
		return secrets, nil
	}
	if err != nil || sec.Spec.Service != service || sec.Spec.Environment != env || len(sec.Spec.Keys) == 0 || slices.Contains(secrets, name) {
		return secrets, err
	}
	return append(slices.Clone(secrets), name), nil
}

// SecretRule writes the values in the transaction of the object, and removes
// them with it.
func SecretRule(vault *secret.Vault) admission.Rule {
	return admission.Rule{Kind: "Secret", Admit: guardKeys, Plan: func(_ context.Context, _ *admission.Change, d *admission.Draft, stored object.Object) (admission.Plan, error) {
		name := stored.Metadata.Name
		return admission.Plan{Also: func(ctx context.Context, tx *store.Tx) error {
			if d.Delete {
				_, err := vault.Delete(ctx, tx, name)
				return err
			}
			given, ok := d.Inferred.(values)
			if !ok {
				return nil
			}
			var status secret.SecretStatus
			var err error
			if len(given.unset) > 0 {
				status, err = vault.Delete(ctx, tx, name, given.unset...)
			} else {
				status, err = vault.Set(ctx, tx, name, given.set)
			}
			if err != nil {
				return err
			}
			_, err = object.Update(ctx, tx, name, func(s *secret.Secret) error {
				s.Status = status
				return nil
			})
			return err
		}}, nil
	}}
}

// guardKeys keeps an object from telling of values that are not there, or from
// hiding some that are: keys come and go with their values only.
func guardKeys(_ context.Context, _ object.Reader, _ *admission.Change, d *admission.Draft) error {
	if _, byVerb := d.Inferred.(values); byVerb || d.Delete {
		return nil
	}
	var before, after secret.Secret
	if d.Old != nil && !decode(*d.Old, &before) || !decode(d.Want, &after) || slices.Equal(before.Spec.Keys, after.Spec.Keys) {
		return nil
	}
	return problem.New(problem.Invalid, "the keys of secret %s change with its values only", d.Want.Metadata.Name).
		Do("stoa secret set SERVICE KEY", "stoa secret unset SERVICE KEY")
}

// secretEnvironment gives the values for a service as "KEY=value". A secret
// that another team owns is not given away, however it came to be named.
func (d *Delivery) secretEnvironment(ctx context.Context, s catalog.Service, env string) ([]string, error) {
	names := s.Spec.Environments[env].Secrets
	for _, name := range names {
		sec, err := object.Get[secret.Secret](ctx, d.store, name)
		if err != nil {
			return nil, err
		}
		if sec.Metadata.Owner != s.Metadata.Owner {
			return nil, problem.New(problem.Forbidden, "secret %s is of team %s, service %s of team %s", name, sec.Metadata.Owner, s.Metadata.Name, s.Metadata.Owner).
				Do("stoa secret set " + s.Metadata.Name + " KEY --env " + env + "    makes one of its own")
		}
	}
	return d.secrets.Environment(ctx, names)
}
