package simulate

import (
	"cmp"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
)

// stream puts events into the order in which they arrive, which is that of
// their times but for some that are late. It holds a few days of them, and the
// few that are very late.
type stream struct {
	model     Model
	start     ms
	end       ms
	namespace [16]byte
	sink      func(event []byte) error
	dice      dice

	made    uint64 // ids given
	next    int    // the first day that has not been handed on
	waiting map[int]*arrivals
	later   map[int]*arrivals // those of days that are far off, which are few
	spare   []*arrivals
	counted Counts
	id      [36]byte // the last id given
}

// Counts tells how many events there are.
type Counts struct {
	Lines      int64            `json:"lines"`      // all that was sent
	Events     int64            `json:"events"`     // those that differ
	Duplicates int64            `json:"duplicates"` // the very same once more
	Late       int64            `json:"late"`       // events, without duplicates, that were sent later than they happened
	Types      map[string]int64 `json:"types"`      // the events that differ, by type
}

// arrivals are the events that arrive on one day.
type arrivals struct {
	text  []byte
	lines []line
}

type line struct {
	at       ms
	n        uint64 // in the order of making, so that equal times have an order
	from, to int
}

// fact is one event before it is written. All texts are names that need no
// escaping.
type fact struct {
	at                                                                   ms
	source, kind, subject, actor, team, service, capability, environment string

	surface  string
	question string
	gate     string
	count    int
	bot      bool
	data     []byte // JSON
}

// newID gives the next id: a UUID of version 5 over the organisation and a
// counter.
func (s *stream) newID() string {
	s.number()
	return string(s.id[:])
}

func (s *stream) number() {
	s.made++
	var name [24]byte
	copy(name[:], s.namespace[:])
	binary.BigEndian.PutUint64(name[16:], s.made)
	sum := sha1.Sum(name[:])
	sum[6], sum[8] = sum[6]&0x0f|0x50, sum[8]&0x3f|0x80
	hex.Encode(s.id[0:8], sum[0:4])
	hex.Encode(s.id[9:13], sum[4:6])
	hex.Encode(s.id[14:18], sum[6:8])
	hex.Encode(s.id[19:23], sum[8:10])
	hex.Encode(s.id[24:36], sum[10:16])
	s.id[8], s.id[13], s.id[18], s.id[23] = '-', '-', '-', '-'
}

// commit gives the id of a commit that stands in no repository.
func (s *stream) commit() string {
	s.made++
	var name [24]byte
	copy(name[:], s.namespace[:])
	binary.BigEndian.PutUint64(name[16:], s.made)
	sum := sha1.Sum(append(name[:], "commit"...))
	return hex.EncodeToString(sum[:])
}

// put adds an event, under an id of newID or, for "", under a new one. What
// lies outside of the simulated time did not happen: it reports false.
func (s *stream) put(id string, f fact) bool {
	if f.at < s.start || f.at >= s.end {
		return false
	}
	if id == "" {
		s.number()
	} else {
		copy(s.id[:], id)
	}
	arrives := f.at
	switch roll := s.dice.Float64(); {
	case roll < s.model.MonthLateShare:
		arrives += 30 * day
	case roll < s.model.MonthLateShare+s.model.LateShare:
		arrives += min(s.dice.exponential(s.model.LateHours), 3*day)
	}
	arrives = max(arrives, s.start+ms(s.next)*day) // what has been handed on cannot be added to
	a := s.on(arrives)
	from := len(a.text)
	a.text = f.append(a.text, s.id[:])
	a.lines = append(a.lines, line{arrives, s.made, from, len(a.text)})
	s.counted.Lines++
	s.counted.Events++
	s.counted.Types[f.kind]++
	if arrives > f.at {
		s.counted.Late++
	}
	if s.dice.chance(s.model.DuplicateShare) {
		again := arrives + s.dice.between(minute, day)
		b := s.on(again)
		at := len(b.text)
		b.text = append(b.text, a.text[from:from+a.lines[len(a.lines)-1].to-from]...)
		b.lines = append(b.lines, line{again, s.made, at, len(b.text)})
		s.counted.Lines++
		s.counted.Duplicates++
	}
	return true
}

// farOff is how many days ahead an event must arrive to be kept apart: the large
// memory of a day is only for days that soon are full.
const farOff = 2

// on gives the arrivals of the day of a time.
func (s *stream) on(t ms) *arrivals {
	n := int((t - s.start) / day)
	if n > s.next+farOff {
		if s.later[n] == nil {
			s.later[n] = &arrivals{}
		}
		return s.later[n]
	}
	a := s.waiting[n]
	if a == nil {
		if last := len(s.spare) - 1; last >= 0 {
			a, s.spare = s.spare[last], s.spare[:last]
		} else {
			a = &arrivals{}
		}
		s.waiting[n] = a
	}
	return a
}

// flush hands on what arrives before a day; nothing that does may be put later.
func (s *stream) flush(before int) error {
	for ; s.next < before; s.next++ {
		a := s.waiting[s.next]
		if l := s.later[s.next]; l != nil {
			if a == nil {
				a = &arrivals{}
			}
			a.add(l)
			delete(s.later, s.next)
		}
		if a == nil {
			continue
		}
		slices.SortFunc(a.lines, func(x, y line) int {
			return cmp.Or(cmp.Compare(x.at, y.at), cmp.Compare(x.n, y.n), cmp.Compare(x.from, y.from))
		})
		for _, l := range a.lines {
			if err := s.sink(a.text[l.from:l.to]); err != nil {
				return err
			}
		}
		delete(s.waiting, s.next)
		a.text, a.lines = a.text[:0], a.lines[:0]
		s.spare = append(s.spare, a)
	}
	return nil
}

// add takes over other arrivals of the same day.
func (a *arrivals) add(other *arrivals) {
	for _, l := range other.lines {
		from := len(a.text)
		a.text = append(a.text, other.text[l.from:l.to]...)
		a.lines = append(a.lines, line{l.at, l.n, from, len(a.text)})
	}
}

// lineSize is the memory that one line takes.
const lineSize = 32

// append writes the event as JSON.
func (f *fact) append(b, id []byte) []byte {
	b = append(append(append(b, `{"specversion":"1.0","id":"`...), id...), `","time":"`...)
	b = f.at.time().AppendFormat(b, timeLayout)
	b = append(b, `","simulated":"true"`...)
	for _, a := range [...]struct{ name, value string }{
		{"source", f.source}, {"type", f.kind}, {"subject", f.subject}, {"actor", f.actor}, {"team", f.team}, {"service", f.service},
		{"capability", f.capability}, {"environment", f.environment}, {"surface", f.surface}, {"question", f.question}, {"gate", f.gate},
	} {
		if a.value != "" {
			b = append(append(append(append(append(b, `,"`...), a.name...), `":"`...), a.value...), '"')
		}
	}
	if f.count > 0 {
		b = append(strconv.AppendInt(append(b, `,"count":"`...), int64(f.count), 10), '"')
	}
	if f.bot {
		b = append(b, `,"bot":"true"`...)
	}
	if f.data != nil {
		b = append(append(b, `,"data":`...), f.data...)
	}
	return append(b, '}')
}

const timeLayout = "2006-01-02T15:04:05.000Z"

// stamp writes a time as events have it.
func (t ms) stamp() string { return t.time().Format(timeLayout) }

// lastArrival is after everything that can still be waiting.
const lastArrival = 40

// drain hands on all that is waiting.
func (s *stream) drain() error { return s.flush(int((s.end-s.start)/day) + lastArrival) }
