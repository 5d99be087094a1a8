package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers by which the senders prove who they are.
const (
	headerGitHubSignature = "X-Hub-Signature-256"
	headerGitLabToken     = "X-Gitlab-Token"
	headerPagerDuty       = "X-Pagerduty-Signature"
	headerAuthorization   = "Authorization"
	// Those of Standard Webhooks, which GitLab sends to a webhook with a signing token.
	headerWebhookID        = "Webhook-Id"
	headerWebhookTime      = "Webhook-Timestamp"
	headerWebhookSignature = "Webhook-Signature"
)

// signingPrefix begins a signing token of Standard Webhooks; the key follows in
// base64. A secret of that form is never taken as a token that is sent as it is.
const signingPrefix = "whsec_"

// signedWithin is how old, or how far ahead, a signature's time may be: what was
// read on its way cannot be sent again later.
const signedWithin = 5 * time.Minute

// authentic reports whether the request is the sender's, by the way in which
// the sender proves it; why says what is missing or wrong, and never more.
func authentic(sender string, secret []byte, header http.Header, body []byte, now time.Time) (why string, ok bool) {
	if len(secret) == 0 {
		return "the webhook has no secret", false
	}
	switch sender {
	case GitHub:
		given := header.Get(headerGitHubSignature)
		if given == "" {
			return "header " + headerGitHubSignature + " is missing: give the webhook its secret in GitHub's settings", false
		}
		digest, isSHA := strings.CutPrefix(given, "sha256=")
		return "the signature is not that of this body by this webhook's secret", isSHA && signed(secret, body, digest)
	case PagerDuty:
		given := header.Get(headerPagerDuty)
		if given == "" {
			return "header " + headerPagerDuty + " is missing", false
		}
		// While a secret is changed, there is one signature for each.
		for one := range strings.SplitSeq(given, ",") {
			if digest, is := strings.CutPrefix(strings.TrimSpace(one), "v1="); is && signed(secret, body, digest) {
				return "", true
			}
		}
		return "no signature is that of this body by this webhook's secret", false
	case GitLab:
		if bytes.HasPrefix(secret, []byte(signingPrefix)) {
			return standard(secret, header, body, now)
		}
		given := header.Get(headerGitLabToken)
		if given == "" {
			return "header " + headerGitLabToken + " is missing: give the webhook its secret token in GitLab's settings", false
		}
		return "the token is not this webhook's secret", same(secret, given)
	case Alertmanager, ArgoCD:
		return bearing(secret, header)
	}
	return "there is no sender " + sender, false
}

// bearing takes the secret as a bearer token or as the password of basic
// authentication, whatever the user is called.
func bearing(secret []byte, header http.Header) (why string, ok bool) {
	given := header.Get(headerAuthorization)
	scheme, credentials, _ := strings.Cut(given, " ")
	switch {
	case given == "":
		return "header " + headerAuthorization + " is missing", false
	case strings.EqualFold(scheme, "Bearer"):
		return "the token is not this webhook's secret", same(secret, strings.TrimSpace(credentials))
	}
	_, password, isBasic := (&http.Request{Header: header}).BasicAuth()
	if !isBasic {
		return "header " + headerAuthorization + " is neither a bearer token nor basic authentication", false
	}
	return "the password is not this webhook's secret", same(secret, password)
}

// standard takes a request that is signed as https://www.standardwebhooks.com
// says: HMAC-SHA-256 over its id, time and body.
func standard(secret []byte, header http.Header, body []byte, now time.Time) (why string, ok bool) {
	key, err := base64.StdEncoding.DecodeString(string(secret[len(signingPrefix):]))
	if err != nil || len(key) == 0 {
		return "the webhook's secret begins as a signing token and is none", false
	}
	id, stamp, given := header.Get(headerWebhookID), header.Get(headerWebhookTime), header.Get(headerWebhookSignature)
	if given == "" {
		return "header " + headerWebhookSignature + " is missing: give the webhook its signing token in GitLab's settings", false
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if at := time.Unix(seconds, 0); err != nil || at.Before(now.Add(-signedWithin)) || at.After(now.Add(signedWithin)) {
		return "header " + headerWebhookTime + " is not of the last five minutes", false
	}
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "%s.%s.", id, stamp)
	mac.Write(body)
	want := mac.Sum(nil)
	for one := range strings.FieldsSeq(given) { // one for each key while it is changed
		digest, is := strings.CutPrefix(one, "v1,")
		if got, err := base64.StdEncoding.DecodeString(digest); is && err == nil && hmac.Equal(want, got) {
			return "", true
		}
	}
	return "no signature is that of this body by this webhook's signing token", false
}

// signed reports whether digest, in hexadecimal, is the HMAC-SHA-256 of body.
func signed(secret, body []byte, digest string) bool {
	given, err := hex.DecodeString(digest)
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(body)
	return hmac.Equal(mac.Sum(nil), given)
}

// same compares in a time that tells neither the secret nor its length.
func same(secret []byte, given string) bool {
	want, got := sha256.Sum256(secret), sha256.Sum256([]byte(given))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
