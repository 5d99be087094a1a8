package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/webhook"
)

// Webhooks takes what other tools tell by their webhooks.
type Webhooks interface {
	// Receive takes one request to the webhook of that name.
	Receive(ctx context.Context, name string, header http.Header, body []byte) (webhook.Result, error)
}

func (a *api) webhookRoutes() {
	register(a, huma.Operation{
		OperationID: "receive-webhook", Method: http.MethodPost, Path: "/webhooks/{name}", Summary: "Tell something as another tool does", Tags: []string{"events"},
		Description: "Takes the webhooks of GitHub, GitLab, Argo CD, Alertmanager and PagerDuty, as the Webhook object of that name says, " +
			"and keeps what they tell as CDEvents. The sender's signature or token is the authentication. The same delivery again is a no-op.",
		MaxBodyBytes: webhook.MaxBody, DefaultStatus: http.StatusAccepted, SkipValidateBody: true,
		Security: open(), // whoever may send it knows the webhook's secret
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: "object"}},
		}},
	}, a.receiveWebhook)
}

type webhookInput struct {
	NameInput
	header  http.Header
	RawBody []byte // as it is: a signature is over these bytes
}

// Resolve keeps the headers: they say what the request is, and whose.
func (in *webhookInput) Resolve(ctx huma.Context) []error {
	in.header = requestFrom(ctx).Header
	return nil
}

type webhookOutput struct {
	Body webhook.Result
}

func (a *api) receiveWebhook(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	result, err := a.Webhooks.Receive(ctx, in.Name, in.header, in.RawBody)
	return &webhookOutput{Body: result}, err
}
