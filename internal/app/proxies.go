package app

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/config"
	"github.com/stoa-platform/stoa/internal/route"
)

// fromClients gives a request that trusted proxies passed on the address of the
// client as its RemoteAddr. It stands before all that asks for an address, so
// that sign-ins are throttled, told in the log and passed on to services by the
// one that counts. Services are told as well that the client speaks TLS.
func fromClients(trusted config.Networks, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if addr, ok := clientOf(trusted, r); ok {
			ctx := r.Context()
			if strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
				ctx = route.WithTLS(ctx)
			}
			r = r.WithContext(ctx)
			r.RemoteAddr = netip.AddrPortFrom(addr, 0).String() // no proxy tells the port
		}
		next.ServeHTTP(w, r)
	})
}

// clientOf reads X-Forwarded-For from its end, where each proxy adds who it was
// asked by: the client is the first that is no trusted proxy. What stands before
// it is the client's own claim. It is false for who comes by no trusted proxy.
func clientOf(trusted config.Networks, r *http.Request) (client netip.Addr, ok bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return client, false
	}
	client = peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !trusted.Contains(client) {
			break
		}
		addr, err := hopAddr(strings.TrimSpace(hop))
		if err != nil {
			break // the last proxy that told an address stands for who it does not tell
		}
		client, ok = addr, true
	}
	return client, ok
}

// hopAddr reads an entry of X-Forwarded-For; some proxies add the port.
func hopAddr(hop string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		hop = withPort.Addr().String()
	}
	addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	return addr.Unmap().WithZone(""), err
}
