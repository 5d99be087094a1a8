// Package config holds the settings of a platform and where they come from.
package config

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/stoa-platform/stoa/internal/problem"
)

// The environment variables that are read.
const (
	EnvData     = "STOA_DATA"     // folder of the platform's data
	EnvListen   = "STOA_LISTEN"   // address to listen on
	EnvDatabase = "STOA_DATABASE" // PostgreSQL URL, or path of a SQLite file
	EnvKeyset   = "STOA_KEYSET"   // file of the keyset that secrets are encrypted under
	// EnvTrustedProxies are the reverse proxies that the platform is reached by.
	EnvTrustedProxies = "STOA_TRUSTED_PROXIES"
	EnvServer         = "STOA_SERVER" // address of the platform to talk to
	EnvToken          = "STOA_TOKEN"  // API token
)

// DefaultListen is the loopback address that a platform listens on when none is given.
const DefaultListen = "127.0.0.1:7700"

// Config are the settings of one platform process.
type Config struct {
	// Data is the folder of all that is kept on disk.
	Data string
	// Listen is host:port; port 0 takes a free one.
	Listen string
	// Elsewhere says that where nobody asked for an address, a free port will do
	// if that of the default is taken.
	Elsewhere bool
	// Database is a PostgreSQL URL or the path of a SQLite file; empty is
	// stoa.db in Data.
	Database string
	// Runtime is what runs workloads: "process".
	Runtime string
	// TrustedProxies are the reverse proxies that are believed when they say, in
	// X-Forwarded-For, who a request is from. Empty: whoever connects is the client.
	TrustedProxies Networks
	// Version is Stoa's own, for answers and logs.
	Version string
}

// WithDefaults fills what is not set from the environment and the defaults.
func (c Config) WithDefaults() (Config, error) {
	if c.Data == "" {
		data, err := DataDir()
		if err != nil {
			return c, err
		}
		c.Data = data
	}
	data, err := filepath.Abs(c.Data)
	if err != nil {
		return c, fmt.Errorf("data folder: %w", err)
	}
	c.Data = data
	by := "--listen "
	if c.Listen == "" {
		c.Listen, by = os.Getenv(EnvListen), EnvListen+"="
	}
	c.Elsewhere = c.Elsewhere && c.Listen == ""
	c.Listen = first(c.Listen, DefaultListen)
	if _, port, err := net.SplitHostPort(c.Listen); err != nil || !isPort(port) {
		return c, problem.New(problem.Invalid, "%q is no address to listen on", c.Listen).
			Because("an address is HOST:PORT, with a port from 0 to 65535").
			Do(by+DefaultListen+"    for this host alone", by+"127.0.0.1:0    the same, on a free port", by+"0.0.0.0:7700    on every address of this host").Cause(err)
	}
	c.Database = first(c.Database, os.Getenv(EnvDatabase), filepath.Join(c.Data, "stoa.db"))
	c.Runtime = first(c.Runtime, "process")
	if list := os.Getenv(EnvTrustedProxies); list != "" && len(c.TrustedProxies) == 0 {
		if err := c.TrustedProxies.Set(list); err != nil {
			return c, problem.New(problem.Invalid, "%s is no list of proxies", EnvTrustedProxies).Because(err.Error()).
				Do("export " + EnvTrustedProxies + "=10.0.0.0/8,192.0.2.7").Cause(err)
		}
	}
	return c, nil
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// DataDir is $STOA_DATA, else stoa in the user's data folder.
func DataDir() (string, error) {
	if dir := os.Getenv(EnvData); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "stoa"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home folder to keep data in; set %s: %w", EnvData, err)
	}
	return filepath.Join(home, ".local", "share", "stoa"), nil
}

// StateDir is where commands keep how far they came: stoa in the user's folder
// for state.
func StateDir() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "stoa"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no home folder to keep progress in; set XDG_STATE_HOME: %w", err)
	}
	return filepath.Join(home, ".local", "state", "stoa"), nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
