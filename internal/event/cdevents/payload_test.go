package cdevents_test

import (
	"testing"

	"github.com/stoa-platform/stoa/internal/event/cdevents"
)

func TestRead(t *testing.T) {
	for data, want := range map[string]cdevents.Said{
		`{"context":{},"subject":{"id":"a/shop","content":{"service":{"id":"shop"},"environment":{"id":"prod"}}}}`:    {ID: "a/shop", Service: "shop", Environment: "prod"},
		`{"subject":{"content":{"service":"shop","environment":{"source":"x"}},"id":"run"}}`:                          {ID: "run", Service: "shop"},
		`{"customData":{"environment":"prod","x":[{"service":"no"}],"service":{"id":"shop"}},"subject":{"id":"run"}}`: {ID: "run", CustomService: "shop", CustomEnvironment: "prod"},
		`{"customData":"c2hvcA==","subject":7}`: {},
		`{"subject":{"id":7,"content":{"service":{"id":null},"environment":[]}},"customData":{"service":false}}`: {},
		`{"customData":{"service":"shop"}`: {CustomService: "shop"},
		`["subject"]`:                      {},
		``:                                 {},
	} {
		if got := cdevents.Read([]byte(data)); got != want {
			t.Errorf("%s: %+v, want %+v", data, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"subject":{"id":"a","content":{"service":{"id":"shop"}}},"customData":{"environment":"prod"}}`))
	f.Add([]byte(`{"subject":{"content":{"service":`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got := cdevents.Read(data); got != cdevents.Read(data) {
			t.Errorf("%q is read in two ways", data)
		}
	})
}
