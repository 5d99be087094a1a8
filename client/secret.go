package client

import (
	"context"
	"net/http"
	"net/url"
)

// SetSecrets keeps values encrypted and hands them to the service's environment.
func (c *Client) SetSecrets(ctx context.Context, service, env string, values map[string]string) error {
	return c.do(ctx, http.MethodPut, "/api/v1/services/"+url.PathEscape(service)+"/secrets", url.Values{"environment": {env}}, map[string]any{"values": values}, nil)
}

// SetSecretValues keeps values in a secret that is of no service, such as a
// webhook's.
func (c *Client) SetSecretValues(ctx context.Context, name string, values map[string]string) error {
	return c.do(ctx, http.MethodPut, "/api/v1/secrets/"+url.PathEscape(name)+"/values", nil, map[string]any{"values": values}, nil)
}

// UnsetSecretValues removes values of a secret that is of no service.
func (c *Client) UnsetSecretValues(ctx context.Context, name string, keys []string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/secrets/"+url.PathEscape(name)+"/values", url.Values{"key": keys}, nil, nil)
}

// SecretKeys lists the names of a service's secret values.
func (c *Client) SecretKeys(ctx context.Context, service, env string) ([]string, error) {
	var out struct {
		Keys []string `json:"keys"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/services/"+url.PathEscape(service)+"/secrets", url.Values{"environment": {env}}, nil, &out)
	return out.Keys, err
}

// UnsetSecrets removes secret values.
func (c *Client) UnsetSecrets(ctx context.Context, service, env string, keys []string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/services/"+url.PathEscape(service)+"/secrets", url.Values{"environment": {env}, "key": keys}, nil, nil)
}
