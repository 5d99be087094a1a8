package object

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Limits of metadata; those of names and labels are Kubernetes' own, so that
// every Stoa name can be a name there.
const (
	MaxName        = 63
	MaxLabel       = 63
	MaxLabelPrefix = 253
	MaxAnnotations = 256 << 10 // bytes of all keys and values together
)

// ValidName tells whether name is a DNS-1123 label: 1 to 63 of a-z, 0-9 and
// '-', with neither end a '-'.
func ValidName(name string) bool {
	if name == "" || len(name) > MaxName || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !lowerAlnum(c) && c != '-' {
			return false
		}
	}
	return true
}

// SlugName makes a valid name of any text: "My Shop_API" becomes "my-shop-api",
// "Café №5" becomes "cafe-no5". It returns "" when nothing of the text can
// stand in a name; what is too long is cut, and what is a name already stays.
func SlugName(text string) string {
	if ValidName(text) {
		return text
	}
	var b strings.Builder
	dash := false
	for _, r := range norm.NFKD.String(text) {
		r = unicode.ToLower(r)
		switch {
		case unicode.Is(unicode.Mn, r): // the accent that was taken off its letter
		case r < unicode.MaxASCII && lowerAlnum(byte(r)):
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteRune(r)
		default:
			dash = true
		}
		if b.Len() >= MaxName {
			break
		}
	}
	slug := b.String()
	if len(slug) > MaxName {
		slug = slug[:MaxName]
	}
	return strings.TrimRight(slug, "-")
}

// ParseRef reads "service/shop". The kind is given in lower case, as written
// in references; Registry.ParseRef gives the kind's own name instead.
func ParseRef(s string) (Ref, error) {
	kind, name, ok := strings.Cut(strings.TrimSpace(s), "/")
	if !ok || kind == "" || name == "" {
		return Ref{}, problem.New(problem.Invalid, "%q is not a reference", s).
			Because("a reference is a kind and a name, such as service/shop")
	}
	for _, r := range kind {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) {
			return Ref{}, problem.New(problem.Invalid, "%q is not a kind in the reference %q", kind, s).
				Because("a kind is one word of letters, such as service or roadmapitem")
		}
	}
	if !ValidName(name) {
		return Ref{}, problem.New(problem.Invalid, "reference %q: %s", s, nameAdvice(name))
	}
	return Ref{Kind: lowerKind(kind), Name: name}, nil
}

// nameAdvice says what a name must look like and a name that would do.
func nameAdvice(name string) string {
	if name == "" {
		return "is missing; a name is lower-case letters, digits and '-', at most 63"
	}
	advice := fmt.Sprintf("%s is not a name: lower-case letters, digits and '-', at most %d, first and last a letter or digit", quote(name), MaxName)
	if slug := SlugName(name); slug != "" {
		advice += fmt.Sprintf("; try %q", slug)
	}
	return advice
}

// labelKeyAdvice returns "" for a valid key: an optional DNS subdomain with
// '/', then a label.
func labelKeyAdvice(key string) string {
	prefix, name, ok := strings.Cut(key, "/")
	if !ok {
		prefix, name = "", key
	}
	if ok && (len(prefix) > MaxLabelPrefix || !validSubdomain(prefix)) {
		return fmt.Sprintf("the part before '/' of %s is not a DNS name of at most %d characters", quote(key), MaxLabelPrefix)
	}
	if name == "" || !validLabel(name) {
		return fmt.Sprintf("%s is not a key: letters, digits, '-', '_' and '.', at most %d, first and last a letter or digit", quote(key), MaxLabel)
	}
	return ""
}

// labelValueAdvice returns "" for a valid value.
func labelValueAdvice(value string) string {
	if value == "" || validLabel(value) {
		return ""
	}
	return fmt.Sprintf("%s is not a label value: letters, digits, '-', '_' and '.', at most %d, first and last a letter or digit; longer text belongs in annotations", quote(value), MaxLabel)
}

func validLabel(s string) bool {
	if len(s) > MaxLabel || !alnum(s[0]) || !alnum(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alnum(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func validSubdomain(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if !ValidName(part) {
			return false
		}
	}
	return true
}

func lowerAlnum(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

func alnum(c byte) bool { return lowerAlnum(c) || c >= 'A' && c <= 'Z' }

// quote gives s in quotes, shortened to what a line of output can hold.
func quote(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return fmt.Sprintf("%q… (%d characters)", string(runes[:most]), len(runes))
	}
	return fmt.Sprintf("%q", s)
}
