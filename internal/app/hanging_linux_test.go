package app_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
)

// Services that hang when they start, after a restart or in a release, more than
// begin at once, keep the others waiting for seconds and not until they are given up.
func TestHangingServicesHinderNobody(t *testing.T) {
	t.Parallel()
	p := open(t, "")
	digest := p.upload(t, "good")
	p.succeeded(t, p.admit(t, digest, "well", nil).Metadata.Name)
	var all sync.WaitGroup
	for n := range 20 { // more than are brought up at once
		all.Go(func() {
			name := fmt.Sprint("hangs-", n)
			p.succeeded(t, p.admit(t, digest, name, map[string]string{"MODE": "hangs-again"}).Metadata.Name)
		})
	}
	all.Wait()
	p.stop()
	p.reopen(t)
	restarted := time.Now()
	for n := range max(4, runtime.NumCPU()) + 1 { // more than are built at once
		p.admit(t, digest, fmt.Sprint("unbound-", n), map[string]string{"MODE": "never-binds"})
	}
	p.succeeded(t, p.admit(t, digest, "new", nil).Metadata.Name)
	p.answers(t, "well", "good")
	p.answers(t, "new", "good")
	// An application is given a minute to start.
	if took := time.Since(restarted); took > 45*time.Second {
		t.Errorf("those that are well waited %v for those that hang", took)
	}
}
