package auth

import (
	"net/http"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Browser sessions and other people's pages.
//
// Workloads are served from sibling hosts of the portal (shop.dev.localhost
// beside localhost), and a page of one may be hostile. To the browser they can
// be the same *site*, so SameSite=Lax does not stop them; they are never the
// same *origin*. Every request that a session authenticates therefore passes
// net/http's CrossOriginProtection: browsers state in Sec-Fetch-Site whether a
// request comes from the page's own origin, a page cannot forge that header,
// and older browsers are judged by Origin against Host. No token in forms is
// needed, so that plain HTML forms work. It rests on one rule: GET, HEAD and
// OPTIONS change nothing. Bearer tokens need no such check, as no browser adds
// them by itself.
//
// The cookie names no Domain, so it is not sent to the sibling hosts, and
// HttpOnly keeps it from scripts. A sibling can still try to plant a cookie of
// its own for the parent domain: over TLS the __Host- prefix forbids that, and
// without TLS a request with two session cookies is refused. Browsers do not
// tell ports apart: over plain HTTP another server on the same host name and
// another port is sent the cookie.
const (
	plainCookie  = "stoa_session"
	secureCookie = "__Host-stoa_session"
)

// CheckOrigin returns problem.Forbidden for a changing request that a page of
// another origin made. Authenticate applies it to sessions; a sign-in form,
// which has none yet, calls it itself.
func CheckOrigin(r *http.Request) error {
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		return problem.New(problem.Forbidden, "a page of another site tried to do this in your name").
			Because("the request comes from " + origin(r) + ", not from " + r.Host).
			Do("open the portal itself and do it there").Cause(err)
	}
	return nil
}

func origin(r *http.Request) string {
	if o := r.Header.Get("Origin"); o != "" && o != "null" {
		return o
	}
	return "another origin"
}

// ByTLS says whether the browser came by TLS. Behind a proxy that is what the
// proxy says; who forges it only denies themselves the cookie.
func ByTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func cookieName(r *http.Request) string {
	if ByTLS(r) {
		return secureCookie
	}
	return plainCookie
}

func setCookie(w http.ResponseWriter, r *http.Request, n Session) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: n.Secret, Path: "/", Expires: n.Expires,
		Secure: ByTLS(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func clearCookie(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Path: "/", MaxAge: -1,
		Secure: ByTLS(r), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// sessionSecret returns the session cookie's value, "" when there is none.
func sessionSecret(r *http.Request) (string, error) {
	name := cookieName(r)
	cookies := r.CookiesNamed(name)
	switch len(cookies) {
	case 0:
		return "", nil
	case 1:
		return cookies[0].Value, nil
	}
	return "", problem.New(problem.Unauthenticated, "the browser sent %d session cookies", len(cookies)).
		Because("another site of the same domain may have planted one").
		Do("delete the cookies named " + name + " and sign in again")
}
