package config

import (
	"net/netip"
	"strings"
	"testing"
)

func TestNetworks(t *testing.T) {
	var n Networks
	for _, list := range []string{"192.0.2.7, 10.1.2.3/8", "2001:db8::/32,::1"} { // a flag given twice
		if err := n.Set(list); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := n.String(), "192.0.2.7/32,10.0.0.0/8,2001:db8::/32,::1/128"; got != want {
		t.Errorf("networks %s, want %s", got, want)
	}
	for addr, want := range map[string]bool{"192.0.2.7": true, "192.0.2.8": false, "10.255.0.1": true, "2001:db8::9": true, "::1": true, "::2": false} {
		if got := n.Contains(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is in them: %v, want %v", addr, got, want)
		}
	}
	for _, wrong := range []string{"", "10.0.0.0/33", "10.0.0", "localhost", "10.0.0.1,"} {
		if err := new(Networks).Set(wrong); err == nil || !strings.Contains(err.Error(), "10.0.0.0/8") {
			t.Errorf("%q: %v, want what to write instead", wrong, err)
		}
	}
}

// A flag wins over the environment, whose mistakes name the variable.
func TestTrustedProxiesFromEnvironment(t *testing.T) {
	given := Config{Data: t.TempDir()}
	t.Setenv(EnvTrustedProxies, "10.0.0.0/8")
	c, err := given.WithDefaults()
	if err != nil || c.TrustedProxies.String() != "10.0.0.0/8" {
		t.Errorf("from the environment: %s, %v", c.TrustedProxies, err)
	}
	if err := given.TrustedProxies.Set("192.0.2.7"); err != nil {
		t.Fatal(err)
	}
	if c, err = given.WithDefaults(); err != nil || c.TrustedProxies.String() != "192.0.2.7/32" {
		t.Errorf("with a flag: %s, %v", c.TrustedProxies, err)
	}
	t.Setenv(EnvTrustedProxies, "proxy.example")
	given.TrustedProxies = nil
	if _, err := given.WithDefaults(); err == nil || !strings.Contains(err.Error(), EnvTrustedProxies) {
		t.Errorf("a mistake: %v, want %s in it", err, EnvTrustedProxies)
	}
}
