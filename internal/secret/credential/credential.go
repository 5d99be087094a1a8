// Package credential recognises what would give somebody access if it were kept
// or shown as plain text.
package credential

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Random is the reason that rests on nothing but how the value looks.
const Random = "a long random value"

// Looks says whether a setting would give a credential away if
// it were kept as plain text, by the format of its value, by its name, or by
// the value being random; reason completes "it looks like a credential: …" and
// never holds the value. It would rather let a weak password pass under an
// innocent name than refuse what everybody sets.
func Looks(key, value string) (reason string, ok bool) {
	value = strings.TrimSpace(value)
	if value == "" || isReference(value) {
		return "", false
	}
	for _, f := range formats {
		if f.pattern.MatchString(value) {
			return f.reason, true
		}
	}
	if hasPasswordInURL(value) {
		return "a URL with a password in it", true
	}
	words := nameWords(key)
	if word, ok := secretWord(words); ok && !harmless(words, value) {
		return "its name says " + strings.ToLower(word), true
	}
	if isRandom(words, value) {
		return Random, true
	}
	return "", false
}

// formats are values that their issuers made recognisable.
var formats = []struct {
	reason  string
	pattern *regexp.Regexp
}{
	{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----`)},
	{"an AWS access key", regexp.MustCompile(`\b(AKIA|ASIA)[A-Z2-7]{16}\b`)},
	{"a GitHub token", regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})`)},
	{"a GitLab token", regexp.MustCompile(`\bgl(pat|dt|rt|cbt|ptt|oas|ft|soat|agent)-[A-Za-z0-9_-]{20}`)},
	{"a Slack token", regexp.MustCompile(`\bxox[abeoprs]-[A-Za-z0-9-]{10}|\bxapp-\d-[A-Za-z0-9-]{10}`)},
	{"a Slack webhook", regexp.MustCompile(`hooks\.slack\.com/(services|workflows)/[A-Za-z0-9/]{20}`)},
	{"a Stripe key", regexp.MustCompile(`\b((sk|rk)_(live|test)_|whsec_)[A-Za-z0-9]{16}`)},
	{"an API key", regexp.MustCompile(`\bsk-[A-Za-z0-9_-]{20}`)},
	{"a Google API key", regexp.MustCompile(`\bAIza[A-Za-z0-9_-]{35}`)},
	{"a Google credential", regexp.MustCompile(`\b(ya29\.|GOCSPX-)[A-Za-z0-9_-]{20}`)},
	{"an npm token", regexp.MustCompile(`\bnpm_[A-Za-z0-9]{36}`)},
	{"a PyPI token", regexp.MustCompile(`\bpypi-AgE[A-Za-z0-9_-]{30}`)},
	{"a SendGrid key", regexp.MustCompile(`\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16}`)},
	{"a Hugging Face token", regexp.MustCompile(`\bhf_[A-Za-z0-9]{30}`)},
	{"a Docker token", regexp.MustCompile(`\bdckr_(pat|oat)_[A-Za-z0-9_-]{20}`)},
	{"a DigitalOcean token", regexp.MustCompile(`\bdo[opr]_v1_[a-f0-9]{64}`)},
	{"a Vault token", regexp.MustCompile(`\bhv[bs]\.[A-Za-z0-9_-]{20}`)},
	{"an Azure storage key", regexp.MustCompile(`AccountKey=[A-Za-z0-9+/]{40}`)},
	{"a token of Stoa", regexp.MustCompile(`\bstoa_[0-9a-z]{8}_[0-9a-z]{39}\b`)},
	{"a JSON web token", regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10}`)},
	{"an Authorization header", regexp.MustCompile(`(?i)^(bearer|basic) [A-Za-z0-9+/._~-]{16,}=*$`)},
	{"a connection string with a password", regexp.MustCompile(`(?i)(^|[;\s?&])(password|passwd|pwd)\s*=\s*[^;\s&$<{*]`)},
}

var userinfo = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@?#]*:([^/\s@]+)@`)

// hasPasswordInURL finds "postgres://u:p@host", not "postgres://u:${PASS}@host".
func hasPasswordInURL(value string) bool {
	for _, m := range userinfo.FindAllStringSubmatch(value, -1) {
		if !isReference(m[1]) && strings.Trim(m[1], "*xX") != "" {
			return true
		}
	}
	return false
}

var reference = regexp.MustCompile(`^(\$\{[^}]*\}|\$\([^)]*\)|\$[A-Za-z_]\w*|\{\{.*\}\}|<[^<>]*>|%[A-Za-z_]\w*%)$`)

// isReference says whether the value only names where the real one comes from.
func isReference(value string) bool { return reference.MatchString(value) }

// nameWords cuts "dbPassword", "DB_PASSWORD" and "db.password" into DB and PASSWORD.
func nameWords(key string) []string {
	var b strings.Builder
	lower := false
	for _, c := range key {
		switch {
		case !unicode.IsLetter(c) && !unicode.IsDigit(c):
			b.WriteByte(' ')
		case lower && unicode.IsUpper(c):
			b.WriteByte(' ')
			fallthrough
		default:
			b.WriteRune(unicode.ToUpper(c))
		}
		lower = unicode.IsLower(c) || unicode.IsDigit(c)
	}
	return strings.Fields(b.String())
}

var (
	secretWords = []string{"PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE", "PASSCODE", "PASS", "PW", "SECRET", "SECRETS",
		"TOKEN", "CREDENTIAL", "CREDENTIALS", "APIKEY", "AUTHKEY", "SECRETKEY", "PRIVATEKEY", "ACCESSKEY", "DBPASS", "PGPASSWORD"}
	// secretKeys make a name secret when KEY follows.
	secretKeys = []string{"API", "ACCESS", "SECRET", "PRIVATE", "ENCRYPTION", "SIGNING", "AUTH", "MASTER", "ACCOUNT", "LICENSE", "SESSION"}
	// aboutSecrets say that the setting is about a secret instead of being one,
	// as the last word of a name.
	aboutSecrets = []string{"TTL", "EXPIRY", "EXPIRES", "EXPIRATION", "LIFETIME", "AGE", "TIMEOUT", "LENGTH", "MIN", "MAX", "SIZE",
		"COUNT", "LIMIT", "FILE", "PATH", "DIR", "NAME", "NAMES", "URL", "URI", "ENDPOINT", "HOST", "ISSUER", "AUDIENCE", "TYPE",
		"ENABLED", "DISABLED", "REQUIRED", "POLICY", "HEADER", "FIELD", "ALGORITHM", "ALG", "HASHER", "DAYS", "HOURS", "MINUTES",
		"SECONDS", "INTERVAL", "PREFIX", "ID", "VERSION", "PROVIDER", "PROJECT", "REGION", "ROUTE", "COOKIE", "CACHE", "ROUNDS", "IN", "TIME", "MANAGER", "BACKEND", "STORE", "REF", "ARN", "RESET", "SCOPE", "SCOPES"}
)

// secretWord returns the word of a name that says it is a credential.
func secretWord(words []string) (string, bool) {
	if len(words) == 0 || slices.Contains(words, "PUBLIC") || slices.Contains(words, "PUBLISHABLE") {
		return "", false
	}
	last := words[len(words)-1]
	if slices.Contains(aboutSecrets, last) {
		return "", false
	}
	for i, word := range words {
		switch {
		case slices.Contains(secretWords, word):
			return word, true
		case word == "KEY" && i > 0 && slices.Contains(secretKeys, words[i-1]):
			return words[i-1] + " key", true
		case word == "PWD" && len(words) > 1 && words[0] != "OLD": // PWD and OLDPWD are folders
			return word, true
		}
	}
	return "", false
}

// harmless says that whatever the name, such a value opens nothing.
func harmless(words []string, value string) bool {
	switch strings.ToLower(value) {
	case "true", "false", "yes", "no", "on", "off", "none", "null", "enabled", "disabled", "required", "optional":
		return true
	}
	if strings.HasPrefix(value, "/") || strings.HasPrefix(value, "./") || strings.HasPrefix(value, "file:") {
		return true // where it lies
	}
	// A password may be a small number, what machines make for each other is none.
	return !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(passwords, w) }) && quantity.MatchString(value)
}

var (
	// quantity is a small number, or how long something is.
	quantity = regexp.MustCompile(`^\d{1,6}(\.\d+)? ?(ms|s|sec|m|min|h|d|w|y)?$`)
	// passwords are what people choose.
	passwords = []string{"PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE", "PASSCODE", "PASS", "PW", "PWD", "DBPASS", "PGPASSWORD"}
)

// notRandom are the words of names whose values are long and random, but known to all.
var notRandom = []string{"SHA", "SHA1", "SHA256", "SHA512", "COMMIT", "REV", "REVISION", "RELEASE", "GPG", "FEATURE", "FEATURES", "DIGEST", "HASH", "CHECKSUM", "INTEGRITY", "ETAG",
	"ID", "UUID", "GUID", "FINGERPRINT", "BUILD", "VERSION", "TRACE", "TRACEPARENT", "PUBLIC", "PUBLISHABLE", "CERT", "CERTIFICATE", "TAG", "IMAGE"}

// isRandom says whether the value is one word of random letters, as generated
// credentials are. Letters that people chose change their class (upper case,
// lower case, digit) seldom, random ones at every second place or more.
func isRandom(words []string, value string) bool {
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(notRandom, w) }) {
		return false
	}
	if len(value) < 20 || len(value) > 1024 || strings.HasPrefix(value, "/") || strings.HasPrefix(value, "./") || isText(value) {
		return false
	}
	var upper, lower, digit, changes int
	before := 0
	for i := range len(value) {
		class := 0
		switch c := value[i]; {
		case c >= 'A' && c <= 'Z':
			class, upper = 1, upper+1
		case c >= 'a' && c <= 'z':
			class, lower = 2, lower+1
		case c >= '0' && c <= '9':
			class, digit = 3, digit+1
		case strings.IndexByte("+/=_-", c) >= 0:
			class = 4
		default:
			return false
		}
		if i > 0 && class != before {
			changes++
		}
		before = class
	}
	if isHex(value) {
		return len(value) >= 32 && digit > 0 && digit < len(value) && entropy(value) >= 3
	}
	return upper > 1 && lower > 1 && digit > 1 && entropy(value) >= 3.5 && float64(changes) >= 0.38*float64(len(value))
}

func isHex(value string) bool {
	_, err := hex.DecodeString(value)
	return err == nil
}

// isText says whether the value is base64 of readable text, such as a
// configuration that was encoded to fit into a variable.
func isText(value string) bool {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		raw, err = base64.RawURLEncoding.DecodeString(value)
	}
	if err != nil || !utf8.Valid(raw) {
		return false
	}
	return !strings.ContainsFunc(string(raw), func(c rune) bool { return !unicode.IsPrint(c) && !unicode.IsSpace(c) })
}

// entropy is Shannon's, in bits a byte, of the bytes' frequencies.
func entropy(s string) float64 {
	var counts [256]int
	for i := range len(s) {
		counts[s[i]]++
	}
	var h float64
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(len(s))
			h -= p * math.Log2(p)
		}
	}
	return h
}
