package event

import (
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// ErasedPayloads is the data of TypePayloadErased: ranges of sequences, both
// ends included.
type ErasedPayloads struct {
	Ranges [][2]int64 `json:"ranges"`
}

// SourceBinding is the data of TypeSourceBound and TypeSourceReleased.
type SourceBinding struct {
	Source string `json:"source"`
	Owner  string `json:"owner"`          // a pseudonym
	Kind   string `json:"kind,omitempty"` // what the owner is: "user", "token", or KindPlatform
}

// ConflictData is the data of TypeConflict.
type ConflictData struct {
	Seq   int64 `json:"seq"`   // the event that came first
	Event Event `json:"event"` // what came later under its id
}

// Conflict makes the entry that records e as other bytes under the id of the
// event with sequence seq.
func (e *Entry) Conflict(seq int64) (Entry, error) {
	data, err := json.Marshal(ConflictData{Seq: seq, Event: e.Event})
	if err != nil {
		return Entry{}, fmt.Errorf("encode conflict: %w", err)
	}
	return Prepare(Event{
		Source: LedgerSource, Type: TypeConflict, Subject: fmt.Sprintf("event/%d", seq),
		Actor: e.Actor, Names: e.Names, Data: data,
	}, e.Poster, e.Received)
}

// KeptForProof reports whether an event's payload must stay because a verifier
// reads it: what was erased, and who could speak for which source.
func KeptForProof(ev Event) bool {
	if ev.Source != LedgerSource {
		return false
	}
	switch ev.Type {
	case TypePayloadErased, TypeSourceBound, TypeSourceReleased:
		return true
	}
	return false
}

// StoredLeafHash is LeafHash over stored columns, where the payload's hash is
// empty for an event without payload.
func StoredLeafHash(envelope, payloadHash []byte) tlog.Hash {
	var hash [32]byte
	if len(payloadHash) != 0 && len(payloadHash) != len(hash) {
		// No writer stores this: give it a hash of its own, so that it is told.
		return tlog.RecordHash(append([]byte("damaged payload hash "), payloadHash...))
	}
	copy(hash[:], payloadHash)
	return LeafHash(envelope, hash)
}
