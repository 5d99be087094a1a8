package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/problem"
)

// login is what `stoa login` saves.
type login struct {
	Server string `json:"server"`
	Token  string `json:"token"`
	// Made says that `stoa login` had the token made for this machine, so that
	// nobody else needs it.
	Made bool `json:"made,omitempty"`
}

// loginFile is where it is saved: stoa/login.json in the user's configuration.
func loginFile() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("no folder for configuration: %w", err)
	}
	return filepath.Join(dir, "stoa", "login.json"), nil
}

func readLogin() (login, error) {
	var l login
	path, err := loginFile()
	if err != nil {
		return l, nil // no home, no login
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, fmt.Errorf("read saved login: %w", err)
	}
	if err := json.Unmarshal(raw, &l); err != nil {
		return l, problem.New(problem.Invalid, "the saved login in %s cannot be read: %v", path, err).Do("stoa login")
	}
	return l, nil
}

// target says which platform to talk to, by flags, environment, saved login,
// or the platform of this host whose data folder is at hand, in this order.
// An empty server means that none is configured.
func (c *Command) target() (server, token string, err error) {
	server, token = c.server, c.token
	if server == "" {
		server = os.Getenv(config.EnvServer)
	}
	if token == "" {
		token = os.Getenv(config.EnvToken)
	}
	if server == "" {
		saved, err := readLogin()
		if err != nil {
			return "", "", err
		}
		if saved.Server != "" {
			server = saved.Server
			if token == "" {
				token = saved.Token
			}
		}
	} else if token == "" {
		if saved, err := readLogin(); err == nil && saved.Server == server {
			token = saved.Token
		}
	}
	data, err := config.DataDir()
	if err != nil {
		return server, token, nil
	}
	local := c.host.Endpoint(data)
	if server == "" || config.SameAddress(server, local) {
		server = local // by whichever name: it is the one that this host vouches for
	}
	if token == "" && server != "" && server == local {
		token = adminToken(data)
	}
	return server, token, nil
}

// adminToken reads the token that the platform left for those who may read its
// data folder.
func adminToken(data string) string {
	raw, err := os.ReadFile(filepath.Join(data, auth.AdminTokenFile))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// connect returns a client of the configured platform.
func (c *Command) connect(ctx context.Context) (*client.Client, error) {
	server, token, err := c.target()
	if err != nil {
		return nil, err
	}
	if server == "" {
		return nil, nowhere(ctx)
	}
	cl, err := c.client(server, token)
	if err != nil {
		return nil, err
	}
	return cl, c.checkPin(ctx, cl)
}

// nowhere tells that it is not known which platform is meant. One that runs on
// this host on another data folder is easily taken for known.
func nowhere(ctx context.Context) *problem.Problem {
	p := problem.New(problem.Unavailable, "no platform is configured, and none runs on the data folder at hand")
	if data, err := config.DataDir(); err == nil {
		p.Because("the data folder at hand is " + data + ", unless " + config.EnvData + " names another")
	}
	if usual := usualAddress(); answers(ctx, usual) {
		p.Because("a platform answers at " + usual + "; its data lies elsewhere").
			Do("stoa login " + usual + "    signs in to it")
	}
	return p.Do(config.EnvData+"=DIR stoa …    talks to the platform of this host that keeps its data there",
		"stoa up DIR    deploys a folder, and starts a platform for it", "stoa serve    starts a platform", "stoa login URL    uses another one")
}

// usualAddress is where a platform of this host listens unless it is told otherwise.
func usualAddress() string {
	_, port, err := net.SplitHostPort(cmp.Or(os.Getenv(config.EnvListen), config.DefaultListen))
	if err != nil {
		return ""
	}
	return "http://localhost:" + port
}

// answers reports whether a platform answers at the address at this moment, ready
// or not.
func answers(ctx context.Context, server string) bool {
	return within(ctx, time.Second, server, func(ctx context.Context, cl *client.Client) error {
		_, err := cl.Version(ctx)
		return err
	})
}

// alive reports whether a platform at the address is ready.
func alive(ctx context.Context, server string) bool {
	return within(ctx, 2*time.Second, server, func(ctx context.Context, cl *client.Client) error { return cl.Ready(ctx) })
}

// within reports whether a question to a platform is answered in time.
func within(ctx context.Context, limit time.Duration, server string, ask func(context.Context, *client.Client) error) bool {
	cl, err := client.New(server, "")
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return ask(ctx, cl) == nil
}

// client returns one of a platform, which is the one that problems are told of
// from then on.
func (c *Command) client(server, token string) (*client.Client, error) {
	cl, err := client.New(server, token, client.WithSurface("cli"), client.WithWaiting(func(longest time.Duration) {
		c.Note("the platform does not answer; it is waited for, %s at most", longest)
	}))
	if err == nil {
		c.reached = cl.Server()
	}
	return cl, err
}
