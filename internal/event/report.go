package event

import "fmt"

// Report is what a verification found.
type Report struct {
	Origin string `json:"origin"`
	// PublicKey is the key that checkpoints were checked with. KeyGiven is false
	// when it came from the export itself: then nobody vouches for it.
	PublicKey string `json:"publicKey"`
	KeyGiven  bool   `json:"keyGiven"`
	// PinnedSize is the size of the checkpoint that was kept elsewhere and held, 0
	// when none was given: only it proves that history was not rewritten and
	// signed anew.
	PinnedSize  int64 `json:"pinnedSize"`
	Events      int64 `json:"events"`
	Sealed      int64 `json:"sealed"`   // events that a checkpoint covers
	Unsealed    int64 `json:"unsealed"` // events after the latest checkpoint: not provable yet
	Erased      int64 `json:"erased"`   // payloads erased, each with its record
	Checkpoints int64 `json:"checkpoints"`
	// Latest is the latest checkpoint: what to pin.
	Latest   Checkpoint `json:"latest,omitzero"`
	Findings []Finding  `json:"findings"`
	// More is the number of findings beyond the first maxFindings.
	More int64 `json:"more,omitempty"`
}

// OK reports whether nothing was found.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// Fault is what is wrong at a place.
type Fault string

// The faults that a verification tells apart.
const (
	FaultChanged   Fault = "changed"   // a row's envelope or payload is not what was sealed
	FaultColumn    Fault = "column"    // a column differs from the envelope it repeats
	FaultMissing   Fault = "missing"   // rows, payloads, tiles or checkpoints are not there
	FaultDuplicate Fault = "duplicate" // a row stands twice, or more rows are there than belong
	FaultOrder     Fault = "reordered" // a row does not stand where its sequence says
	FaultTruncated Fault = "truncated" // the end is missing
	FaultForked    Fault = "forked"    // another history than the one that was signed or pinned
	FaultSignature Fault = "signature" // a checkpoint is not signed by the key
	FaultTile      Fault = "tile"      // a stored node of the tree is wrong; the events are right
	FaultKey       Fault = "key"       // the table of keys does not lead to the event
	FaultSource    Fault = "source"    // the table of sources does not agree with the events
	FaultFormat    Fault = "format"    // the export itself is malformed
)

// Finding is one fault and its place: the events Seq to To, both included; 0
// when the place is not among the events.
type Finding struct {
	Fault   Fault  `json:"fault"`
	Seq     int64  `json:"seq,omitempty"`
	To      int64  `json:"to,omitempty"`
	Message string `json:"message"`
}

// String gives "event 7: changed: …".
func (f Finding) String() string {
	switch {
	case f.Seq == 0:
		return fmt.Sprintf("%s: %s", f.Fault, f.Message)
	case f.To > f.Seq:
		return fmt.Sprintf("events %d to %d: %s: %s", f.Seq, f.To, f.Fault, f.Message)
	}
	return fmt.Sprintf("event %d: %s: %s", f.Seq, f.Fault, f.Message)
}

// maxFindings bounds a report.
const maxFindings = 1000

// find notes a fault; one that goes on with the event after the last one's is
// the same fault.
func (r *Report) find(fault Fault, from, to int64, format string, args ...any) {
	f := Finding{Fault: fault, Seq: from, To: to, Message: fmt.Sprintf(format, args...)}
	if n := len(r.Findings); n > 0 && from > 0 {
		if last := &r.Findings[n-1]; last.Fault == f.Fault && last.Message == f.Message && last.To+1 == from {
			last.To = to
			return
		}
	}
	if len(r.Findings) >= maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, f)
}
