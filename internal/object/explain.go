package object

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	validate "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/stoa-platform/stoa/internal/problem"
)

// check validates a decoded spec and says of each wrong field what is wrong
// and what would be right. Missing fields come apart from wrong ones, because
// defaults may yet fill them.
func (s *schema) check(spec any) (wrong, missing []problem.Field) {
	err := s.spec.Validate(spec)
	if err == nil {
		return nil, nil
	}
	var invalid *validate.ValidationError
	if !errors.As(err, &invalid) {
		return []problem.Field{{Path: "spec", Message: err.Error()}}, nil
	}
	e := explanation{schema: s, spec: spec}
	e.add(invalid)
	return e.wrong, e.missing
}

type explanation struct {
	schema         *schema
	spec           any
	wrong, missing []problem.Field
}

// add walks to the leaves of the tree of errors, which are the fields.
func (e *explanation) add(err *validate.ValidationError) {
	at := append([]string{"spec"}, err.InstanceLocation...)
	say := func(format string, args ...any) {
		e.wrong = append(e.wrong, problem.Field{Path: joinPath(at), Message: fmt.Sprintf(format, args...)})
	}
	switch k := err.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		known := e.known(err.SchemaURL)
		for _, name := range k.Properties {
			e.wrong = append(e.wrong, problem.Field{Path: joinPath(append(at, name)), Message: "unknown field; " + Suggest(name, known)})
		}
	case *kind.Required:
		for _, name := range k.Missing {
			e.missing = append(e.missing, problem.Field{Path: joinPath(append(at, name)), Message: "is required" + e.describe(err.SchemaURL, name)})
		}
	case *kind.Type:
		say("%s", typeAdvice(k.Want, e.value(err.InstanceLocation)))
	case *kind.Enum:
		say("%s", enumAdvice(k))
	case *kind.Const:
		say("must be %v", k.Want)
	case *kind.Pattern:
		say("%s does not match the pattern %s%s", quote(k.Got), k.Want, e.example(err.SchemaURL))
	case *kind.Format:
		say("%s is not a valid %s", quote(fmt.Sprint(k.Got)), k.Want)
	case *kind.Minimum:
		say("is %s, must be at least %s", k.Got.RatString(), k.Want.RatString())
	case *kind.Maximum:
		say("is %s, must be at most %s", k.Got.RatString(), k.Want.RatString())
	case *kind.ExclusiveMinimum:
		say("is %s, must be more than %s", k.Got.RatString(), k.Want.RatString())
	case *kind.ExclusiveMaximum:
		say("is %s, must be less than %s", k.Got.RatString(), k.Want.RatString())
	case *kind.MinLength:
		if k.Got == 0 {
			say("must not be empty")
			return
		}
		say("has %d characters, must have at least %d", k.Got, k.Want)
	case *kind.MaxLength:
		say("has %d characters, must have at most %d", k.Got, k.Want)
	case *kind.MinItems:
		say("has %d entries, must have at least %d", k.Got, k.Want)
	case *kind.MaxItems:
		say("has %d entries, must have at most %d", k.Got, k.Want)
	case *kind.UniqueItems:
		say("entries %d and %d are the same", k.Duplicates[0]+1, k.Duplicates[1]+1)
	case *kind.AnyOf, *kind.OneOf:
		say("%s", e.alternatives(err))
	default:
		if len(err.Causes) == 0 {
			say("%s", err.ErrorKind.LocalizedString(message.NewPrinter(language.English)))
		}
		for _, cause := range err.Causes {
			e.add(cause)
		}
	}
}

// alternatives tells what each of several allowed shapes wants.
func (e *explanation) alternatives(err *validate.ValidationError) string {
	var reasons []string
	for _, cause := range err.Causes {
		branch := explanation{schema: e.schema, spec: e.spec}
		branch.add(cause)
		for _, f := range slices.Concat(branch.wrong, branch.missing) {
			reasons = append(reasons, f.Path+" "+f.Message)
		}
	}
	if len(reasons) == 0 {
		return "fits more than one of the shapes allowed here"
	}
	return "fits none of the shapes allowed here: " + strings.Join(slices.Compact(reasons), "; or ")
}

// known lists the fields allowed at a place of the schema.
func (e *explanation) known(location string) []string {
	properties, _ := e.schema.at(location)["properties"].(map[string]any)
	return slices.Collect(maps.Keys(properties))
}

func (e *explanation) describe(location, name string) string {
	properties, _ := e.schema.at(location)["properties"].(map[string]any)
	field, _ := properties[name].(map[string]any)
	if text, _ := field["description"].(string); text != "" {
		return ": " + text
	}
	return ""
}

func (e *explanation) example(location string) string {
	examples, _ := e.schema.at(location)["examples"].([]any)
	if len(examples) == 0 {
		return ""
	}
	return fmt.Sprintf(", such as %v", examples[0])
}

// value finds what stands at a place of the spec.
func (e *explanation) value(location []string) any {
	v := e.spec
	for _, part := range location {
		switch node := v.(type) {
		case map[string]any:
			v = node[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(node) {
				return nil
			}
			v = node[i]
		}
	}
	return v
}

// typeAdvice says which type is wanted and, for the usual slips of YAML, what
// to write.
func typeAdvice(want []string, got any) string {
	wanted := make([]string, len(want))
	for i, w := range want {
		wanted[i] = typeName(w)
	}
	text := "must be " + strings.Join(wanted, " or ")
	switch v := got.(type) {
	case json.Number:
		if slices.Contains(want, "string") {
			return fmt.Sprintf("%s, and %s reads as a number: write \"%s\" in quotes", text, v, v)
		}
		return fmt.Sprintf("%s, not %s", text, v)
	case bool:
		if slices.Contains(want, "string") {
			return fmt.Sprintf("%s, and %v reads as a boolean: write \"%v\" in quotes", text, v, v)
		}
		return fmt.Sprintf("%s, not %v", text, v)
	case string:
		if slices.Contains(want, "boolean") {
			switch strings.ToLower(v) {
			case "yes", "y", "on", "true":
				return fmt.Sprintf("%s, and %q is text: write true", text, v)
			case "no", "n", "off", "false":
				return fmt.Sprintf("%s, and %q is text: write false", text, v)
			}
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil && (slices.Contains(want, "integer") || slices.Contains(want, "number")) {
			return fmt.Sprintf("%s, and \"%s\" in quotes is text: write %s", text, v, v)
		}
		return fmt.Sprintf("%s, not the text %s", text, quote(v))
	case map[string]any:
		return text + ", not a map of fields"
	case []any:
		return text + ", not a list"
	}
	return text + ", not null"
}

func typeName(jsonType string) string {
	switch jsonType {
	case "string":
		return "text"
	case "integer":
		return "a whole number"
	case "number":
		return "a number"
	case "boolean":
		return "true or false"
	case "array":
		return "a list"
	case "object":
		return "a map of fields"
	}
	return jsonType
}

func enumAdvice(k *kind.Enum) string {
	words := make([]string, len(k.Want))
	for i, w := range k.Want {
		words[i] = fmt.Sprint(w)
	}
	got := quote(fmt.Sprint(k.Got))
	advice := fmt.Sprintf("%s is not one of %s", got, strings.Join(words, ", "))
	if near := nearest(fmt.Sprint(k.Got), words); len(near) > 0 {
		advice += fmt.Sprintf("; did you mean %s?", near[0])
	}
	return advice
}
