package portal

import (
	"net/http"
	"time"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/portal/page"
)

// notices are what a page says after a form has done its work, by the word that
// the address carries.
var notices = map[string]string{
	"targets":    "The targets are set; who, when and why is in the scorecard's history.",
	"scaled":     "The number of instances is changed; the state above follows.",
	"restarted":  "Restart asked for. New instances start before the old ones stop, so no request is lost.",
	"confirmed":  "Confirmed. It counts as said by a person from now on.",
	"overridden": "Override kept. It holds from the next release on.",
	"removed":    "Override removed. Detection decides again from the next release on.",
	"set":        "Setting kept; the instances are replaced one after another to take it up.",
	"unset":      "Setting removed; the instances are replaced one after another.",
	"asked":      "Asked. The team's owners decide; the request stands in the audit.",
	"signedout":  "You are signed out.",
}

// signIn shows the door. A code is only shown, never used up, by looking.
func (p *Portal) signIn(v *visit) error {
	if v.URL.Query().Get("code") == "" {
		if _, err := p.Auth.Authenticate(v.Request); err == nil {
			return v.go303(local(v.URL.Query().Get("next")))
		}
	}
	return p.render(v, http.StatusOK, page.SignInPage(page.SignIn{
		Frame: p.frame(v, "Sign in", ""), Code: v.URL.Query().Get("code"), Next: v.URL.Query().Get("next"),
	}))
}

// enter opens a session by password or code.
func (p *Portal) enter(v *visit) error {
	if err := auth.CheckOrigin(v.Request); err != nil {
		return err
	}
	var session auth.Session
	var err error
	if code := v.PostFormValue("code"); code != "" {
		session, err = p.Auth.Redeem(v.Context(), code)
	} else {
		session, err = p.Auth.Login(v.Context(), v.PostFormValue("name"), v.PostFormValue("password"), v.RemoteAddr)
	}
	if err != nil {
		told := p.told(v, err)
		f := page.SignIn{Frame: p.frame(v, "Sign in", ""), Name: v.PostFormValue("name"), Next: v.PostFormValue("next")}
		f.Problem = told
		return p.render(v, statuses[told.Kind], page.SignInPage(f))
	}
	if err := p.Auth.Enter(v.w, v.Request, session); err != nil {
		return err
	}
	return v.go303(local(v.PostFormValue("next")))
}

func (p *Portal) signOut(v *visit) error {
	if err := p.Auth.Logout(v.w, v.Request); err != nil {
		return err
	}
	return v.go303("/signin?done=signedout")
}

// themeCookie keeps the choice of light or dark.
const themeCookie = "stoa_theme"

func theme(r *http.Request) string {
	c, err := r.Cookie(themeCookie)
	if err != nil || c.Value != "light" && c.Value != "dark" {
		return ""
	}
	return c.Value
}

func (p *Portal) theme(v *visit) error {
	if err := auth.CheckOrigin(v.Request); err != nil {
		return err
	}
	to := "light"
	if v.PostFormValue("to") == "dark" {
		to = "dark"
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: themeCookie, Value: to, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()),
		HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return v.go303(local(v.PostFormValue("next")))
}
