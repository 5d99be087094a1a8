package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
)

// Principal is who is asking and what they may do.
type Principal = auth.Principal

// Token is an API token without its value.
type Token = auth.Token

// Account is a person who can sign in.
type Account = auth.Account

// Event is a record of the ledger.
type Event = event.Record

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

// ErasePerson takes a person's name out of the ledger; its proofs still hold.
func (c *Client) ErasePerson(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, "/api/v1/people/"+url.PathEscape(name), nil, nil, nil)
}

// EventQuery selects events. The zero value of a field selects all.
type EventQuery struct {
	Types                                                          []string
	Subject, Source, Actor, Team, Service, Capability, Environment string
	From, To                                                       time.Time
	// After reads on after a page, oldest first, Before before one, newest first:
	// each the next of that page, or the Seq of an event in decimal.
	After, Before string
	Limit         int // 1 to 1000; 0 is 100
}

func (q EventQuery) values() url.Values {
	v := url.Values{}
	for _, t := range q.Types {
		v.Add("type", t)
	}
	set(v, "subject", q.Subject)
	set(v, "source", q.Source)
	set(v, "actor", q.Actor)
	set(v, "team", q.Team)
	set(v, "service", q.Service)
	set(v, "capability", q.Capability)
	set(v, "environment", q.Environment)
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	set(v, "after", q.After)
	set(v, "before", q.Before)
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	return v
}

// Events returns a page of the ledger, newest first unless After is set, and
// the After or Before of the next page, "" on the last.
func (c *Client) Events(ctx context.Context, q EventQuery) ([]Event, string, error) {
	var out struct {
		Items []Event `json:"items"`
		Next  string  `json:"next"`
	}
	err := c.do(ctx, http.MethodGet, "/api/v1/events", q.values(), nil, &out)
	return out.Items, out.Next, err
}

// Tail calls each for every event from now on, or after q.After, until the
// context ends. A connection that breaks off is taken up where it was.
func (c *Client) Tail(ctx context.Context, q EventQuery, each func(Event) error) error {
	for {
		err := c.events(ctx, "/api/v1/events/tail", q.values(), func(kind string, data []byte) error {
			if kind != "event" {
				return nil
			}
			var e Event
			if err := json.Unmarshal(data, &e); err != nil {
				return err
			}
			q.After = strconv.FormatInt(e.Seq, 10)
			return each(e)
		})
		if err := c.again(ctx, err); err != nil {
			return err
		}
	}
}

// Outcome is what became of a posted event.
type Outcome = event.Outcome

// Post posts CloudEvents; contentType is that of their HTTP mode.
func (c *Client) Post(ctx context.Context, contentType string, body io.Reader) ([]Outcome, error) {
	var out struct {
		Items []Outcome `json:"items"`
	}
	err := c.send(ctx, http.MethodPost, "/events", nil, contentType, body, &out)
	return out.Items, err
}

// Checkpoint is the signed head of the ledger.
type Checkpoint struct {
	Checkpoint string `json:"checkpoint"`
	PublicKey  string `json:"publicKey"`
}

// Checkpoint returns the ledger's signed head.
func (c *Client) Checkpoint(ctx context.Context) (Checkpoint, error) {
	var out Checkpoint
	err := c.do(ctx, http.MethodGet, "/api/v1/ledger/checkpoint", nil, nil, &out)
	return out, err
}

// ProveConsistency returns the hashes, base64, that prove that the ledger of
// the newer size begins with that of the older one.
func (c *Client) ProveConsistency(ctx context.Context, older, newer int64) ([]string, error) {
	var out struct {
		Proof []string `json:"proof"`
	}
	v := url.Values{"from": {strconv.FormatInt(older, 10)}, "to": {strconv.FormatInt(newer, 10)}}
	err := c.do(ctx, http.MethodGet, "/api/v1/ledger/consistency", v, nil, &out)
	return out.Proof, err
}

// Export writes the whole ledger to w, to be verified offline.
func (c *Client) Export(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/api/v1/ledger/export", w)
}

// Backup writes a verified copy of the platform's database to w.
func (c *Client) Backup(ctx context.Context, w io.Writer) error {
	return c.download(ctx, "/api/v1/backup", w)
}

func (c *Client) download(ctx context.Context, path string, w io.Writer) error {
	response, err := c.open(ctx, http.MethodGet, path, nil, "", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(w, response.Body)
	return err
}

// AskAccess asks to join a team; its owners grant it by adding the caller.
func (c *Client) AskAccess(ctx context.Context, team, reason string) error {
	in := map[string]string{}
	if reason != "" {
		in["reason"] = reason
	}
	return c.do(ctx, http.MethodPost, "/api/v1/teams/"+url.PathEscape(team)+"/access", nil, in, nil)
}
