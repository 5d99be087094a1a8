package backstage

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stoa-platform/stoa/internal/object"
)

// cpu gives the time that this process has spent on processors, which other
// work on the machine does not lengthen as it does a clock's.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func TestTenThousand(t *testing.T) {
	files := map[string]string{}
	for i := range 1000 {
		var text strings.Builder
		for k := range 10 {
			text.WriteString(component(fmt.Sprintf("s%d-%d", i, k), fmt.Sprintf("type: service, lifecycle: production, owner: team-%d, system: sys-%d, consumesApis: [api-%d]", i%50, i%200, k)))
		}
		files[fmt.Sprintf("r%d/catalog-info.yaml", i)] = text.String()
	}
	for k := range 10 {
		files["r0/catalog-info.yaml"] += entity("API", fmt.Sprintf("api-%d", k), "type: grpc, owner: team-1, definition: x")
	}
	dir := write(t, files)
	began, seen := cpu(t), 0
	read, err := Read(t.Context(), []string{dir}, func(n int) { seen = n })
	if err != nil {
		t.Fatal(err)
	}
	first, _, err := Merge(nil, read, false)
	if err != nil {
		t.Fatal(err)
	}
	platform := make([]object.Object, len(first))
	for i, w := range first {
		platform[i] = w.Object
	}
	again, _, err := Merge(platform, read, false)
	if err != nil {
		t.Fatal(err)
	}
	docs, _, err := Export(platform)
	if err != nil {
		t.Fatal(err)
	}
	took := cpu(t) - began
	t.Logf("read, imported twice and exported in %s of the processors", took)
	if seen != 1000 || len(first) != 10060 || len(again) != 10010 || len(docs) != 10010 {
		t.Errorf("%d files, %d objects, %d again, %d exported", seen, len(first), len(again), len(docs))
	}
	if took > 20*time.Second { // several times what it takes
		t.Errorf("it takes %s", took)
	}
}
