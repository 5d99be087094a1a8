package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Networks are the addresses that somebody is believed from. They are the value
// of a flag that may be given more than once.
type Networks []netip.Prefix

// Set adds those of a comma-separated list of addresses and networks, such as
// "192.0.2.7,10.0.0.0/8".
func (n *Networks) Set(list string) error {
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		network, err := netip.ParsePrefix(entry)
		if addr, wrong := netip.ParseAddr(entry); wrong == nil {
			network, err = addr.Unmap().Prefix(addr.Unmap().BitLen())
		}
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a network: write 192.0.2.7 or 10.0.0.0/8, with commas between", entry)
		}
		*n = append(*n, network.Masked())
	}
	return nil
}

// String is the list as Set reads it.
func (n Networks) String() string {
	var entries []string
	for _, network := range n {
		entries = append(entries, network.String())
	}
	return strings.Join(entries, ",")
}

// Type is what help calls the value.
func (Networks) Type() string { return "networks" }

// Contains reports whether the address is in one of the networks.
func (n Networks) Contains(addr netip.Addr) bool {
	return slices.ContainsFunc(n, func(network netip.Prefix) bool { return network.Contains(addr) })
}
