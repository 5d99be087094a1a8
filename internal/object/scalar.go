package object

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// scalarKind is what a scalar is in JSON.
type scalarKind int

const (
	text scalarKind = iota
	number
	boolean
	null
	ambiguous // YAML's versions read it as different numbers
	notJSON   // infinity and not-a-number
)

// resolve reads a scalar by YAML 1.2's core schema and gives its JSON text.
// For what cannot be given it returns the kind and no text.
func resolve(n *yaml.Node) (scalarKind, string) {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if n.Style&quoted != 0 || n.Style&yaml.TaggedStyle != 0 && n.ShortTag() == "!!str" {
		return text, n.Value
	}
	return resolvePlain(n.Value)
}

func resolvePlain(s string) (scalarKind, string) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return null, "null"
	case "true", "True", "TRUE":
		return boolean, "true"
	case "false", "False", "FALSE":
		return boolean, "false"
	}
	unsigned := strings.TrimLeft(s[:1], "+-") + s[1:]
	switch unsigned {
	case ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN":
		return notJSON, ""
	}
	if unsigned == "" || unsigned[0] != '.' && (unsigned[0] < '0' || unsigned[0] > '9') {
		return text, s
	}
	if based := strings.TrimPrefix(unsigned, "0x"); based != unsigned && based != "" && strings.Trim(based, "0123456789abcdefABCDEF") == "" {
		return ambiguous, ""
	}
	if based := strings.TrimPrefix(unsigned, "0o"); based != unsigned && based != "" && strings.Trim(based, "01234567") == "" {
		return ambiguous, ""
	}
	plain := strings.TrimPrefix(s, "+")
	if jsonNumber(plain) {
		return number, plain
	}
	if len(unsigned) > 1 && unsigned[0] == '0' && isDigits(unsigned) {
		return ambiguous, ""
	}
	if number1_2(unsigned) {
		return ambiguous, ""
	}
	return text, s
}

// number1_2 tells whether s, without its sign, is a float that YAML 1.2 knows
// and JSON does not: ".5", "1.", "01.5".
func number1_2(s string) bool {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(s), "e")
	whole, fraction, point := strings.Cut(mantissa, ".")
	if scientific {
		exponent = strings.TrimLeft(exponent[:min(1, len(exponent))], "+-") + exponent[min(1, len(exponent)):]
		if exponent == "" || !isDigits(exponent) {
			return false
		}
	}
	return (point || scientific) && whole+fraction != "" && isDigits(whole) && isDigits(fraction)
}

// jsonNumber tells whether s is a number as JSON writes it.
func jsonNumber(s string) bool {
	c := s[len(s)-1]
	return c >= '0' && c <= '9' && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

// appendString appends s as a JSON string.
func appendString(to []byte, s string) []byte {
	plain := true
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			plain = false
			break
		}
	}
	if plain {
		to = append(to, '"')
		to = append(to, s...)
		return append(to, '"')
	}
	encoded, err := json.Marshal(s)
	if err != nil { // no string fails to encode
		return append(to, `""`...)
	}
	return append(to, encoded...)
}
