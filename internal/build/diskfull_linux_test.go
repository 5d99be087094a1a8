package build

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stoa-platform/stoa/internal/testenv"
)

func TestBuildOnAFullDisk(t *testing.T) {
	dir, inside := testenv.SmallDisk(t, "1m")
	if !inside {
		return
	}
	b, err := NewBuilder(Options{Dir: filepath.Join(dir, "builds")})
	must(t, err)
	for name, req := range map[string]Request{
		"the copy of the source": request(t, map[string]string{"big": strings.Repeat("x", 2<<20)}, shellPlan("true")),
		"a tool":                 request(t, map[string]string{"a": ""}, shellPlan("head -c 3000000 /dev/zero > big")),
	} {
		_, err := b.Build(t.Context(), req, io.Discard)
		var failed *Error
		if !errors.As(err, &failed) || failed.Cause != "disk-full" || len(failed.Next) == 0 {
			t.Errorf("%s: err = %v", name, err)
		}
		isEmpty(t, b)
	}
	_, err = b.Build(t.Context(), request(t, map[string]string{"a": ""}, shellPlan("echo fits > b")), io.Discard)
	must(t, err)
}
