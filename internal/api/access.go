package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/auth"
)

// Access takes requests to join a team.
type Access interface {
	Ask(ctx context.Context, by auth.Principal, team, reason string) error
}

func (a *api) accessRoutes() {
	register(a, huma.Operation{
		OperationID: "ask-access", Method: http.MethodPost, Path: "/api/v1/teams/{name}/access", Summary: "Ask to join a team", Tags: []string{"teams"},
		Description: "Recorded for the team's owners, who grant it by adding the person to the team.", DefaultStatus: http.StatusAccepted,
	}, func(ctx context.Context, in *accessInput) (*struct{}, error) {
		return nil, a.Access.Ask(ctx, requestOf(ctx).principal, in.Name, in.Body.Reason)
	})
}

type accessInput struct {
	NameInput
	Body struct {
		Reason string `json:"reason,omitempty" maxLength:"500"`
	}
}
