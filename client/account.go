package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Role is what a principal may do, over the whole platform or in one team.
type Role string

// The roles, from the most to the least powerful.
const (
	PlatformAdmin  Role = "platform-admin"  // everything, also accounts and erasure
	PlatformMember Role = "platform-member" // every object; not accounts, not erasure
	TeamOwner      Role = "team-owner"      // the team's objects, members and settings
	TeamMember     Role = "team-member"     // the team's services, releases and secrets
	Viewer         Role = "viewer"          // reads
)

// Principal is who is asking and what they may do.
type Principal struct {
	// Name is "user/ann" or "token/ci-7f3a".
	Name string `json:"name"`
	// Display is for people; may be empty.
	Display string `json:"display,omitempty"`
	// Platform is the role over the whole platform: PlatformAdmin,
	// PlatformMember or Viewer.
	Platform Role `json:"platform"`
	// Teams maps team name to TeamOwner or TeamMember.
	Teams map[string]Role `json:"teams,omitempty"`
	// Scopes narrow a token, such as "read", "deploy", "events"; empty is no
	// narrowing.
	Scopes []string `json:"scopes,omitempty"`
	// Bot says that no person is behind it.
	Bot bool `json:"bot,omitempty"`

	// Token is the id of the API token by which the principal came, "" for a
	// browser session.
	Token string `json:"token,omitempty"`
	// Narrowed says that the token may do less than who it belongs to. A
	// narrowed principal cannot make tokens.
	Narrowed bool `json:"narrowed,omitempty"`
	// Expires is when the token or session ends; zero is never.
	Expires time.Time `json:"expires,omitzero"`
}

// Token is an API token without its value.
type Token struct {
	ID   string `json:"id"`
	Name string `json:"name"` // what it is for, given by who made it
	// Principal is who a request with it acts as: "user/ann", or "token/ci-7f3a"
	// for a token that belongs to a machine.
	Principal string    `json:"principal"`
	Scopes    []string  `json:"scopes,omitempty"` // empty is no narrowing
	Teams     []string  `json:"teams,omitempty"`  // the only teams it reaches; empty is all of its principal's
	CreatedBy string    `json:"createdBy"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires,omitzero"`  // zero is never
	LastUsed  time.Time `json:"lastUsed,omitzero"` // the day of the last use; zero is never
	Revoked   time.Time `json:"revoked,omitzero"`  // zero is not
}

// Account is a person who can sign in.
type Account struct {
	Principal string    `json:"principal"` // "user/ann"
	Display   string    `json:"display,omitempty"`
	Created   time.Time `json:"created"`
	// PasswordSet is when the password was last set; zero: there is none, and
	// the account can be entered by a token or a sign-in code only.
	PasswordSet time.Time `json:"passwordSet,omitzero"`
	Disabled    time.Time `json:"disabled,omitzero"` // since when; zero is not
}

// WhoAmI tells who the client's token belongs to.
func (c *Client) WhoAmI(ctx context.Context) (Principal, error) {
	var p Principal
	err := c.do(ctx, http.MethodGet, "/api/v1/whoami", nil, nil, &p)
	return p, err
}

// Login exchanges name and password for a token called tokenName.
func (c *Client) Login(ctx context.Context, name, password, tokenName string) (string, error) {
	var out struct {
		Value string `json:"value"`
	}
	err := c.do(ctx, http.MethodPost, "/api/v1/login", nil, map[string]string{"name": name, "password": password, "token": tokenName}, &out)
	return out.Value, err
}

// SignInCode returns a code that signs the caller into the portal, once,
// within ten minutes.
func (c *Client) SignInCode(ctx context.Context) (string, error) {
	var out struct {
		Code string `json:"code"`
	}
	err := c.do(ctx, http.MethodPost, "/api/v1/codes", nil, nil, &out)
	return out.Code, err
}

// NewToken says what a token may do and for how long.
type NewToken struct {
	Name string `json:"name"`
	// Principal is who it acts as, "user/ann"; Self is the caller. With neither
	// the token is a machine's of its own.
	Principal string   `json:"principal,omitempty"`
	Self      bool     `json:"self,omitempty"`
	Scopes    []string `json:"scopes,omitempty"`
	Teams     []string `json:"teams,omitempty"`
	TTL       string   `json:"ttl,omitempty"` // such as 90d, 8h or 30m
}

// CreateToken makes a token and returns its value, which cannot be read again.
func (c *Client) CreateToken(ctx context.Context, n NewToken) (Token, string, error) {
	var out struct {
		Token
		Value string `json:"value"`
	}
	err := c.do(ctx, http.MethodPost, "/api/v1/tokens", nil, n, &out)
	return out.Token, out.Value, err
}

// Tokens lists the caller's tokens, or everybody's.
func (c *Client) Tokens(ctx context.Context, all bool) ([]Token, error) {
	v := url.Values{}
	if all {
		v.Set("all", "true")
	}
	var out struct {
		Items []Token `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/tokens", v, nil, &out)
	return out.Items, err
}

// RevokeToken ends a token at once.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(id), nil, nil, nil)
}

// Accounts lists the local accounts.
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	var out struct {
		Items []Account `json:"items"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/accounts", nil, nil, &out)
	return out.Items, err
}

// CreateAccount makes a local account without a password.
func (c *Client) CreateAccount(ctx context.Context, name, display string) error {
	return c.do(ctx, http.MethodPost, "/api/v1/accounts", nil, map[string]string{"name": name, "display": display}, nil)
}

// SetPassword sets an account's password.
func (c *Client) SetPassword(ctx context.Context, name, old, password string) error {
	in := map[string]string{"password": password}
	if old != "" {
		in["old"] = old
	}
	return c.do(ctx, http.MethodPut, "/api/v1/accounts/"+url.PathEscape(name)+"/password", nil, in, nil)
}

// DisableAccount ends sign-in, sessions and tokens of an account at once or, with
// disabled false, lets it in again.
func (c *Client) DisableAccount(ctx context.Context, name string, disabled bool) error {
	return c.do(ctx, http.MethodPut, "/api/v1/accounts/"+url.PathEscape(name)+"/disabled", nil, map[string]bool{"disabled": disabled}, nil)
}

// ErasePerson takes a person's name out of the ledger; its proofs still hold.
func (c *Client) ErasePerson(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/people/"+url.PathEscape(name), nil, nil, nil)
}

// ErasePayload erases the payload of an event; the ledger's proofs still hold.
func (c *Client) ErasePayload(ctx context.Context, seq int64) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/events/"+strconv.FormatInt(seq, 10)+"/payload", nil, nil, nil)
}

// AskAccess asks to join a team; its owners grant it by adding the caller.
func (c *Client) AskAccess(ctx context.Context, team, reason string) error {
	in := map[string]string{}
	if reason != "" {
		in["reason"] = reason
	}
	return c.do(ctx, http.MethodPost, "/api/v1/teams/"+url.PathEscape(team)+"/access", nil, in, nil)
}
