package webhook_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// signingToken is a webhook's secret as GitLab makes it to sign with.
const signingToken = "whsec_bW9ybmluZy1saWdodC1vbi1hLXF1aWV0LXdhdGVy"

// standard is a request of GitLab's as it signs it at a time.
func standard(r request, token string, at time.Time) request {
	r.header = r.header.Clone()
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(token, "whsec_"))
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "msg_1.%d.%s", at.Unix(), r.body)
	r.header.Set("webhook-id", "msg_1")
	r.header.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
	r.header.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return r
}

// What GitLab signs is taken only if it is signed by the token, over these
// bytes, lately; the token itself, sent as it is, proves nothing then.
func TestGitLabSigns(t *testing.T) {
	d := openDoor(t, filepath.Join(t.TempDir(), "stoa.db"))
	d.values["webhooks/VALUE"] = signingToken
	now := d.clock.Now()
	deployment := gitlabDeployment("success")
	with := func(r request, name, value string) request {
		r.header = r.header.Clone()
		r.header.Set(name, value)
		return r
	}
	good := standard(deployment, signingToken, now)
	signature := good.header.Get("webhook-signature")
	longer := good
	longer.body += " "
	for name, c := range map[string]struct {
		request request
		taken   bool
	}{
		"signed":                           {good, true},
		"signed by an old key too":         {with(good, "webhook-signature", "v1,AAAA v2,zz "+signature), true},
		"four minutes on its way":          {standard(deployment, signingToken, now.Add(-4*time.Minute)), true},
		"with a clock that is fast":        {standard(deployment, signingToken, now.Add(4*time.Minute)), true},
		"sent again an hour later":         {standard(deployment, signingToken, now.Add(-time.Hour)), false},
		"from the future":                  {standard(deployment, signingToken, now.Add(time.Hour)), false},
		"by another token":                 {standard(deployment, "whsec_YW5vdGhlcg==", now), false},
		"by no key":                        {standard(deployment, "whsec_", now), false},
		"over other bytes":                 {longer, false},
		"of another id":                    {with(good, "webhook-id", "msg_2"), false},
		"of another time":                  {with(good, "webhook-timestamp", fmt.Sprint(now.Unix()+1)), false},
		"of no time":                       {with(good, "webhook-timestamp", "today"), false},
		"of another version":               {with(good, "webhook-signature", strings.Replace(signature, "v1,", "v1a,", 1)), false},
		"with no base64":                   {with(good, "webhook-signature", "v1,???"), false},
		"not at all":                       {deployment, false},
		"not, but with the token as it is": {with(deployment, "X-Gitlab-Token", signingToken), false},
	} {
		got, err := d.send(t, c.request)
		if c.taken && (err != nil || got.Status != "accepted") || !c.taken && !problem.Is(err, problem.Unauthenticated) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if err != nil && strings.Contains(err.Error(), signingToken) {
			t.Errorf("%s: the token is told: %v", name, err)
		}
	}
	if n := len(d.events(t, event.Filter{Types: []string{"dev.cdevents.service.deployed."}})); n != 1 {
		t.Errorf("%d deployments", n)
	}
	d.values["webhooks/VALUE"] = "whsec_no base64"
	if _, err := d.send(t, good); !problem.Is(err, problem.Unauthenticated) {
		t.Errorf("a token that is none: %v", err)
	}
	// The example of the specification's own libraries: it is told apart from what is forged.
	d.values["webhooks/VALUE"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	d.clock.Move(time.Unix(1614265330, 0).Sub(now))
	example := gitlab("x", `{"test": 2432232314}`)
	example.header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	example.header.Set("webhook-timestamp", "1614265330")
	example.header.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	if _, err := d.send(t, example); !problem.Is(err, problem.Invalid) {
		t.Errorf("the example: %v", err)
	}
}
