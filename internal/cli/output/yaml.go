package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/stoa-platform/stoa/internal/detect"
)

// YAML writes JSON as YAML.
func YAML(raw []byte) (string, error) {
	plain, err := decode(raw)
	if err != nil {
		return "", err
	}
	return write(plain)
}

// longest is how many bytes a text may have that BriefYAML writes whole.
const longest = 300

// BriefYAML is YAML with the beginnings of long texts, such as scripts, and where
// there is one says how to see the whole.
func BriefYAML(raw []byte) (string, error) {
	plain, err := decode(raw)
	if err != nil {
		return "", err
	}
	cut := false
	plain = each(plain, func(v any) any {
		if s, ok := v.(string); ok && len(s) > longest {
			v, cut = detect.Brief(s), true
		}
		return v
	})
	text, err := write(plain)
	if cut {
		text += "# … stands for more of a long text: -o json shows the whole\n"
	}
	return text, err
}

func decode(raw []byte) (any, error) {
	var plain any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&plain); err != nil {
		return nil, fmt.Errorf("decode answer: %w", err)
	}
	return each(plain, number), nil
}

func write(plain any) (string, error) {
	var out strings.Builder
	encode := yaml.NewEncoder(&out)
	encode.SetIndent(2)
	if err := encode.Encode(plain); err != nil {
		return "", fmt.Errorf("encode answer: %w", err)
	}
	return out.String(), encode.Close()
}

// number turns JSON's numbers into what YAML writes without quotes.
func number(v any) any {
	n, ok := v.(json.Number)
	if !ok {
		return v
	}
	if n, err := n.Int64(); err == nil {
		return n
	}
	f, _ := n.Float64() // JSON has checked that it is a number
	return f
}

// each replaces all that is neither a map nor a list.
func each(v any, by func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = each(v[k], by)
		}
	case []any:
		for i := range v {
			v[i] = each(v[i], by)
		}
	default:
		return by(v)
	}
	return v
}
