package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/delivery"
)

// Secrets sets the values of Secret objects.
type Secrets interface {
	// Set keeps the values encrypted and hands them to the service's environment.
	Set(ctx context.Context, by delivery.By, service, environment string, values map[string]string) error
	// Unset removes keys.
	Unset(ctx context.Context, by delivery.By, service, environment string, keys []string) error
	// Keys lists the names of the values, never the values.
	Keys(ctx context.Context, by delivery.By, service, environment string) ([]string, error)
	// SetIn keeps values in a secret that is of no service.
	SetIn(ctx context.Context, by delivery.By, name string, values map[string]string) error
	// UnsetIn removes keys of a secret that is of no service.
	UnsetIn(ctx context.Context, by delivery.By, name string, keys []string) error
}

func (a *api) secretRoutes() {
	path := "/api/v1/services/{name}/secrets"
	tags := []string{"services"}
	register(a, huma.Operation{
		OperationID: "set-secret-values", Method: http.MethodPut, Path: path, Summary: "Set secret values of a service", Tags: tags,
		Description: "The values are kept encrypted and never shown again, in no answer, history, event or log.",
	}, func(ctx context.Context, in *secretsInput) (*struct{}, error) {
		return nil, a.Secrets.Set(ctx, by(ctx, ""), in.Name, in.Environment, in.Body.Values)
	})
	register(a, huma.Operation{
		OperationID: "list-secret-keys", Method: http.MethodGet, Path: path, Summary: "The names of a service's secret values", Tags: tags,
	}, func(ctx context.Context, in *SecretKeysInput) (*secretKeysOutput, error) {
		keys, err := a.Secrets.Keys(ctx, by(ctx, ""), in.Name, in.Environment)
		out := &secretKeysOutput{}
		out.Body.Keys = append([]string{}, keys...)
		return out, err
	})
	register(a, huma.Operation{
		OperationID: "unset-secret-values", Method: http.MethodDelete, Path: path, Summary: "Remove secret values of a service", Tags: tags,
	}, func(ctx context.Context, in *unsetInput) (*struct{}, error) {
		return nil, a.Secrets.Unset(ctx, by(ctx, ""), in.Name, in.Environment, in.Key)
	})
	path, tags = "/api/v1/secrets/{name}/values", []string{"secrets"}
	register(a, huma.Operation{
		OperationID: "set-values-of-secret", Method: http.MethodPut, Path: path, Summary: "Set values of a secret that is of no service", Tags: tags,
		Description: "For what Stoa itself needs, such as the secret of a webhook. The Secret object must be there.",
	}, func(ctx context.Context, in *namedSecretInput) (*struct{}, error) {
		return nil, a.Secrets.SetIn(ctx, by(ctx, ""), in.Name, in.Body.Values)
	})
	register(a, huma.Operation{
		OperationID: "unset-values-of-secret", Method: http.MethodDelete, Path: path, Summary: "Remove values of a secret that is of no service", Tags: tags,
	}, func(ctx context.Context, in *unsetNamedInput) (*struct{}, error) {
		return nil, a.Secrets.UnsetIn(ctx, by(ctx, ""), in.Name, in.Key)
	})
}

// SecretKeysInput is the service in the address and its environment.
type SecretKeysInput struct {
	NameInput
	Environment string `query:"environment" minLength:"1" required:"true"`
}

type secretsInput struct {
	SecretKeysInput
	Body secretValues
}

type secretValues struct {
	Values map[string]string `json:"values" minProperties:"1" maxProperties:"100"`
}

type namedSecretInput struct {
	NameInput
	Body secretValues
}

type unsetNamedInput struct {
	NameInput
	Key []string `query:"key,explode" minItems:"1"`
}

type secretKeysOutput struct {
	Body struct {
		Keys []string `json:"keys"`
	}
}

type unsetInput struct {
	SecretKeysInput
	Key []string `query:"key,explode" minItems:"1"`
}
