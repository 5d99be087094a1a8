// Package cdevents reads of the payloads of CDEvents where they belong.
package cdevents

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Said is where a CDEvent's payload says that it belongs: the subject's
// id, and the ids of the service and the environment in its content and in what
// the sender added.
type Said struct {
	ID, Service, Environment         string
	CustomService, CustomEnvironment string
}

// Read reads a payload, alike in 0.3, 0.4 and 0.5. What is not there,
// or not as it should be, is "".
func Read(data []byte) (said Said) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	places := func(service, environment *string) error {
		return members(dec, func(name string) (err error) {
			switch name {
			case "service":
				*service, err = referenceOf(dec)
			case "environment":
				*environment, err = referenceOf(dec)
			default:
				err = dec.SkipValue()
			}
			return err
		})
	}
	_ = members(dec, func(name string) error {
		switch name {
		case "customData":
			return places(&said.CustomService, &said.CustomEnvironment)
		case "subject":
			return members(dec, func(name string) (err error) {
				switch name {
				case "id":
					said.ID, err = textOf(dec)
				case "content":
					err = places(&said.Service, &said.Environment)
				default:
					err = dec.SkipValue()
				}
				return err
			})
		}
		return dec.SkipValue()
	})
	return said
}

// members calls each for the members of the object that comes next, which must
// take the value; any other value is skipped.
func members(dec *jsontext.Decoder, each func(name string) error) error {
	if dec.PeekKind() != '{' {
		return dec.SkipValue()
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err == nil {
			err = each(name.String())
		}
		if err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// textOf takes the next value, which is "" when it is no string.
func textOf(dec *jsontext.Decoder) (string, error) {
	if dec.PeekKind() != '"' {
		return "", dec.SkipValue()
	}
	token, err := dec.ReadToken()
	return token.String(), err
}

// referenceOf takes a reference: an object with an id, in old events its id alone.
func referenceOf(dec *jsontext.Decoder) (id string, err error) {
	if dec.PeekKind() == '"' {
		return textOf(dec)
	}
	err = members(dec, func(name string) (err error) {
		if name != "id" {
			return dec.SkipValue()
		}
		id, err = textOf(dec)
		return err
	})
	return id, err
}
