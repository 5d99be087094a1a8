package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"syscall"
	"time"

	"github.com/stoa-platform/stoa/client"
	"github.com/stoa-platform/stoa/internal/cli/again"
	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/problem"
)

// embedded is the platform that `up` started in this process.
type embedded struct {
	instance Instance
	served   chan error
	stop     context.CancelFunc
	log      *slog.Logger
}

// platform4up connects to the configured platform, or starts one.
func (c *Command) platform4up(ctx context.Context, o upOptions) (*client.Client, *embedded, error) {
	server, token, err := c.target()
	if err != nil {
		return nil, nil, err
	}
	data, err := config.DataDir()
	if err != nil {
		return nil, nil, err
	}
	stale := server != "" && server == c.host.Endpoint(data) && !alive(ctx, server)
	if server != "" && !stale {
		cl, err := c.client(server, token)
		if err != nil {
			return nil, nil, err
		}
		return cl, nil, c.checkPin(ctx, cl)
	}
	if o.detach {
		return nil, nil, problem.New(problem.Unavailable, "--detach needs a platform that goes on running, and none does").
			Do("stoa serve    starts one; then the same command again", "stoa up    without --detach runs one for as long as it runs")
	}
	cl, e, err := c.embed(ctx, o.line)
	if problem.Is(err, problem.Conflict) {
		// Another command may be starting one on the same data at this moment.
		if other := c.starting(ctx, data, token); other != nil {
			return other, nil, nil
		}
	}
	return cl, e, err
}

// startTime bounds how long a platform may take to start serving.
const startTime = 30 * time.Second

// starting waits for the platform that another process starts on the data
// folder; nil means that none came.
func (c *Command) starting(ctx context.Context, data, token string) *client.Client {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		if server := c.host.Endpoint(data); server != "" && alive(ctx, server) {
			if token == "" {
				token = adminToken(data)
			}
			cl, err := c.client(server, token)
			if err != nil {
				return nil
			}
			return cl
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// embed starts a platform in this process. Its own log is kept to warnings:
// the person came for their service, and for no port by its number.
func (c *Command) embed(ctx context.Context, line again.Line) (*client.Client, *embedded, error) {
	conf, err := config.Config{Version: c.version, Elsewhere: true}.WithDefaults()
	if err != nil {
		return nil, nil, err
	}
	log := slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	instance, err := c.host.Open(ctx, conf, log)
	if err != nil {
		return nil, nil, freePort(err, config.EnvListen+"=127.0.0.1:0 "+line.With(""))
	}
	if conf.Elsewhere && !config.SameAddress(instance.URL(), "http://"+conf.Listen) {
		c.Note("%s is taken: this platform listens on %s", conf.Listen, instance.URL())
	}
	serving, stop := context.WithCancel(ctx)
	e := &embedded{instance: instance, served: make(chan error, 1), stop: stop, log: log}
	go func() { e.served <- instance.Serve(serving) }()
	select {
	case <-instance.Ready():
	case err := <-e.served:
		stop()
		return nil, nil, errors.Join(err, instance.Close(ctx))
	}
	cl, err := c.client(instance.URL(), adminToken(conf.Data))
	if err != nil {
		e.close(ctx)
		return nil, nil, err
	}
	return cl, e, nil
}

// freePort adds to the problem of an address that is taken, or not for everybody,
// the command that asks for no port by its number.
func freePort(err error, command string) error {
	var told *problem.Problem
	if (errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES)) && listening(err) && errors.As(err, &told) {
		told.Do(command + "    takes a free port")
	}
	return err
}

func listening(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "listen"
}

// wait returns when the platform has ended by itself.
func (e *embedded) wait() error {
	err := <-e.served
	e.served <- err
	return err
}

func (e *embedded) close(ctx context.Context) {
	e.stop()
	_ = e.wait() // told by stay, or the person's own doing
	if err := e.instance.Close(context.WithoutCancel(ctx)); err != nil {
		e.log.Warn("platform not closed cleanly", "error", err)
	}
}
