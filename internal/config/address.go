package config

import (
	"net"
	"net/url"
	"strings"
)

// SameAddress reports whether two addresses of platforms, such as
// "http://localhost:7700", are the same, by whichever name of the loopback
// interface they call this machine.
func SameAddress(a, b string) bool {
	one, err := url.Parse(a)
	other, wrong := url.Parse(b)
	switch {
	case err != nil || wrong != nil || one.Host == "":
		return false
	case one.Scheme != other.Scheme || one.Port() != other.Port() || strings.TrimSuffix(one.Path, "/") != strings.TrimSuffix(other.Path, "/"):
		return false
	}
	return one.Hostname() == other.Hostname() || loopback(one.Hostname()) && loopback(other.Hostname())
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
