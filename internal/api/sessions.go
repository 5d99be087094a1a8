package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/problem"
)

func (a *api) sessionRoutes() {
	tags := []string{"sign-in"}
	register(a, huma.Operation{
		OperationID: "whoami", Method: http.MethodGet, Path: "/api/v1/whoami", Summary: "Who is asking, and what they may do", Tags: tags,
	}, func(ctx context.Context, _ *struct{}) (*principalOutput, error) {
		return &principalOutput{Body: requestOf(ctx).principal}, nil
	})
	register(a, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/api/v1/login", Summary: "Exchange name and password for a token", Tags: tags, Security: open(),
	}, a.login)
	register(a, huma.Operation{
		OperationID: "create-code", Method: http.MethodPost, Path: "/api/v1/codes", Summary: "Make a code that signs the caller into the portal, once, within ten minutes", Tags: tags,
	}, func(ctx context.Context, _ *struct{}) (*codeOutput, error) {
		code, err := a.Auth.NewCode(ctx, requestOf(ctx).principal)
		out := &codeOutput{}
		out.Body.Code = code
		return out, err
	})
	register(a, huma.Operation{
		OperationID: "list-tokens", Method: http.MethodGet, Path: "/api/v1/tokens", Summary: "List the caller's tokens, or all", Tags: tags,
	}, func(ctx context.Context, in *tokensInput) (*tokensOutput, error) {
		p := requestOf(ctx).principal
		of := p.Name
		if in.All {
			of = ""
		}
		found, err := a.Auth.ListTokens(ctx, p, of)
		out := &tokensOutput{}
		out.Body.Items = append([]auth.Token{}, found...)
		return out, err
	})
	register(a, huma.Operation{
		OperationID: "create-token", Method: http.MethodPost, Path: "/api/v1/tokens", Summary: "Make a token", Tags: tags, DefaultStatus: http.StatusCreated,
	}, a.createToken)
	register(a, huma.Operation{
		OperationID: "revoke-token", Method: http.MethodDelete, Path: "/api/v1/tokens/{id}", Summary: "Revoke a token, at once", Tags: tags,
	}, func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"63"`
	}) (*struct{}, error) {
		return nil, a.Auth.RevokeToken(ctx, requestOf(ctx).principal, in.ID)
	})
	register(a, huma.Operation{
		OperationID: "list-accounts", Method: http.MethodGet, Path: "/api/v1/accounts", Summary: "List the local accounts", Tags: tags,
	}, func(ctx context.Context, _ *struct{}) (*accountsOutput, error) {
		found, err := a.Auth.Accounts(ctx, requestOf(ctx).principal)
		out := &accountsOutput{}
		out.Body.Items = append([]auth.Account{}, found...)
		return out, err
	})
	register(a, huma.Operation{
		OperationID: "create-account", Method: http.MethodPost, Path: "/api/v1/accounts", Summary: "Create a local account", Tags: tags, DefaultStatus: http.StatusCreated,
	}, func(ctx context.Context, in *accountInput) (*accountOutput, error) {
		account, err := a.Auth.CreateAccount(ctx, requestOf(ctx).principal, in.Body.Name, in.Body.Display)
		return &accountOutput{Body: account}, err
	})
	register(a, huma.Operation{
		OperationID: "set-password", Method: http.MethodPut, Path: "/api/v1/accounts/{name}/password", Summary: "Set an account's password", Tags: tags,
	}, func(ctx context.Context, in *passwordInput) (*struct{}, error) {
		return nil, a.Auth.SetPassword(ctx, requestOf(ctx).principal, in.Name, in.Body.Old, in.Body.Password)
	})
	register(a, huma.Operation{
		OperationID: "disable-account", Method: http.MethodPut, Path: "/api/v1/accounts/{name}/disabled", Summary: "Let an account in no more, or again", Tags: tags,
	}, func(ctx context.Context, in *disabledInput) (*struct{}, error) {
		return nil, a.Auth.DisableAccount(ctx, requestOf(ctx).principal, in.Name, in.Body.Disabled)
	})
}

type principalOutput struct{ Body auth.Principal }

type codeOutput struct {
	Body struct {
		Code string `json:"code"`
	}
}

type loginInput struct {
	address string
	Body    struct {
		Name     string `json:"name" maxLength:"63"`
		Password string `json:"password" maxLength:"1024"`
		Token    string `json:"token,omitempty" maxLength:"63" doc:"What the token is called, such as the machine's name."`
	}
}

// Resolve notes where the request comes from, for throttling.
func (l *loginInput) Resolve(ctx huma.Context) []error {
	l.address = ctx.RemoteAddr()
	return nil
}

type tokenOutput struct {
	Body struct {
		auth.Token
		Value string `json:"value" doc:"The token itself; it cannot be read again."`
	}
}

func (a *api) login(ctx context.Context, in *loginInput) (*tokenOutput, error) {
	name := in.Body.Token
	if name == "" {
		name = "login"
	}
	token, value, err := a.Auth.Exchange(ctx, in.Body.Name, in.Body.Password, in.address, name)
	out := &tokenOutput{}
	out.Body.Token, out.Body.Value = token, value
	return out, err
}

type tokensInput struct {
	All bool `query:"all" doc:"Everybody's; for platform admins."`
}

type tokensOutput struct {
	Body struct {
		Items []auth.Token `json:"items"`
		Next  string       `json:"next" doc:"Empty: all of them are here."`
	}
}

type createTokenInput struct {
	Body struct {
		Name      string   `json:"name" minLength:"1" maxLength:"63" doc:"What it is for."`
		Principal string   `json:"principal,omitempty" doc:"Who it acts as; empty is a machine of its own."`
		Self      bool     `json:"self,omitempty" doc:"Act as the caller."`
		Scopes    []string `json:"scopes,omitempty"`
		Teams     []string `json:"teams,omitempty"`
		TTL       string   `json:"ttl,omitempty" maxLength:"20" doc:"How long it lasts, as 90d, 8h or 30m; empty is the default of 90 days."`
	}
}

func (a *api) createToken(ctx context.Context, in *createTokenInput) (*tokenOutput, error) {
	p := requestOf(ctx).principal
	ttl, err := lifetime(in.Body.TTL)
	if err != nil {
		return nil, err
	}
	c := auth.CreateToken{Name: in.Body.Name, Principal: in.Body.Principal, Scopes: in.Body.Scopes, Teams: in.Body.Teams, TTL: ttl}
	if in.Body.Self {
		c.Principal = p.Name
	}
	token, value, err := a.Auth.CreateToken(ctx, p, c)
	out := &tokenOutput{}
	out.Body.Token, out.Body.Value = token, value
	return out, err
}

// lifetime reads "90d" or a duration as Go writes it; "" is 0.
func lifetime(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	unit, text := time.Duration(1), s
	if days, ok := strings.CutSuffix(s, "d"); ok {
		unit, text = 24, days+"h"
	}
	d, err := time.ParseDuration(text)
	if d *= unit; err != nil || d <= 0 || d > auth.MaxTokenTTL {
		return 0, problem.New(problem.Invalid, "a token cannot last %q", s).
			WithFields(problem.Field{Path: "ttl", Message: "must be a time such as 90d, 8h or 30m, at most 366d"})
	}
	return d, nil
}

type accountsOutput struct {
	Body struct {
		Items []auth.Account `json:"items"`
		Next  string         `json:"next" doc:"Empty: all of them are here."`
	}
}

type accountInput struct {
	Body struct {
		Name    string `json:"name" minLength:"1" maxLength:"63"`
		Display string `json:"display,omitempty" maxLength:"200"`
	}
}

type accountOutput struct{ Body auth.Account }

type passwordInput struct {
	NameInput
	Body struct {
		Old      string `json:"old,omitempty" maxLength:"1024"`
		Password string `json:"password" minLength:"1" maxLength:"1024"`
	}
}

type disabledInput struct {
	NameInput
	Body struct {
		Disabled bool `json:"disabled" doc:"true ends sign-in, sessions and tokens of the account, false lets it in again."`
	}
}

// open is the security of an operation that everybody may call.
func open() []map[string][]string { return []map[string][]string{} }
