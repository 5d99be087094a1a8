package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// YAML writes JSON as YAML.
func YAML(raw []byte) (string, error) {
	var plain any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&plain); err != nil {
		return "", fmt.Errorf("decode answer: %w", err)
	}
	var out strings.Builder
	encode := yaml.NewEncoder(&out)
	encode.SetIndent(2)
	if err := encode.Encode(numbers(plain)); err != nil {
		return "", fmt.Errorf("encode answer: %w", err)
	}
	return out.String(), encode.Close()
}

// numbers turns JSON's numbers into what YAML writes without quotes.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // JSON has checked that it is a number
		return f
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	}
	return v
}
