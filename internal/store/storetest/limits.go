package storetest

import (
	"context"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store"
)

func testLimits(t *testing.T, open Open) {
	s := opened(t, open)
	long := strings.Repeat("n", 253)
	put(t, s, Widget(long, long, 1))
	many := Widget("many", "", strings.Repeat("x", 900_000))
	many.Metadata.Labels = map[string]string{}
	for i := range 500 {
		many.Metadata.Labels[numbered(i)] = numbered(i)
	}
	put(t, s, many)
	equal(t, "by one of many labels", names(t, s, object.Query{Kind: "Widget", Labels: map[string]string{"w00499": "w00499"}}), []string{"many"})

	for what, bad := range map[string]struct {
		object object.Object
		want   problem.Kind
	}{
		"no name":       {Widget("", "", 1), problem.Invalid},
		"long name":     {Widget(long+"n", "", 1), problem.Invalid},
		"long owner":    {Widget("a", long+"n", 1), problem.Invalid},
		"NUL in name":   {Widget("a\x00", "", 1), problem.Invalid},
		"bad UTF-8":     {Widget("a\xff", "", 1), problem.Invalid},
		"NUL in owner":  {Widget("a", "\x00", 1), problem.Invalid},
		"NUL in label":  {object.Object{Kind: "Widget", Metadata: object.Metadata{Name: "a", Labels: map[string]string{"k": "\x00"}}}, problem.Invalid},
		"no kind":       {object.Object{Metadata: object.Metadata{Name: "a"}}, problem.Invalid},
		"broken spec":   {object.Object{Kind: "Widget", Metadata: object.Metadata{Name: "a"}, Spec: []byte("{")}, problem.Invalid},
		"spec not text": {object.Object{Kind: "Widget", Metadata: object.Metadata{Name: "a"}, Spec: []byte("\"\xff\"")}, problem.Invalid},
		"too large":     {Widget("a", "", strings.Repeat("x", 1<<20)), problem.TooLarge},
	} {
		err := s.Write(t.Context(), "user/ann", func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Put(ctx, bad.object)
			return err
		})
		if !problem.Is(err, bad.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n, err := s.Count(t.Context(), object.Query{Kind: "Widget"}); err != nil || n != 2 {
		t.Fatalf("%d objects, %v", n, err)
	}
	if err := s.Write(t.Context(), "", func(context.Context, *store.Tx) error { return nil }); err == nil {
		t.Error("a write by nobody passed")
	}
}
