package object

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strconv"
)

// Change is one field that differs between two versions of an object.
type Change struct {
	Path string          // such as "spec.ports[0].port"
	Old  json.RawMessage // nil when the field is new
	New  json.RawMessage // nil when the field is gone
}

// Diff compares two objects, each the JSON of an envelope or nil for none, in
// what a person declares: status and what the store sets in metadata are left
// out. Changes come in the order of their paths; a field that is new or gone is
// one change, whatever it holds. Bytes that are no object differ as a whole.
func Diff(before, after []byte) []Change {
	a, errA := declared(before)
	b, errB := declared(after)
	if errA != nil || errB != nil {
		if bytes.Equal(before, after) {
			return nil
		}
		return []Change{{Old: before, New: after}}
	}
	var d differ
	d.compareMaps(a, b)
	return d.changes
}

// declared decodes an envelope and drops what nobody declares.
func declared(doc []byte) (map[string]any, error) {
	if len(doc) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		return nil, err
	}
	delete(o, "status")
	if metadata, ok := o["metadata"].(map[string]any); ok {
		for _, set := range []string{"uid", "version", "generation", "created", "updated", "deleted"} {
			delete(metadata, set)
		}
	}
	return o, nil
}

type differ struct {
	path    []string
	changes []Change
}

func (d *differ) compareMaps(a, b map[string]any) {
	keys := slices.Collect(maps.Keys(a))
	for key := range b {
		if _, both := a[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		old, inOld := a[key]
		now, inNew := b[key]
		d.path = append(d.path, key)
		d.compare(old, now, inOld, inNew)
		d.path = d.path[:len(d.path)-1]
	}
}

func (d *differ) compare(old, now any, inOld, inNew bool) {
	if inOld && inNew {
		switch o := old.(type) {
		case map[string]any:
			if n, ok := now.(map[string]any); ok {
				d.compareMaps(o, n)
				return
			}
		case []any:
			if n, ok := now.([]any); ok {
				d.compareLists(o, n)
				return
			}
		case json.Number:
			if n, ok := now.(json.Number); ok && sameNumber(o, n) {
				return
			}
		default:
			if old == now {
				return
			}
		}
	}
	c := Change{Path: joinPath(d.path)}
	if inOld {
		c.Old = encode(old)
	}
	if inNew {
		c.New = encode(now)
	}
	d.changes = append(d.changes, c)
}

// compareLists compares entries by place, after what both lists end with is
// set aside: so an entry put in front of others is one change.
func (d *differ) compareLists(old, now []any) {
	same := 0
	for same < min(len(old), len(now)) && equal(old[len(old)-1-same], now[len(now)-1-same]) {
		same++
	}
	if len(old) == len(now) {
		same = 0
	}
	old, now = old[:len(old)-same], now[:len(now)-same]
	for i := range max(len(old), len(now)) {
		var a, b any
		if i < len(old) {
			a = old[i]
		}
		if i < len(now) {
			b = now[i]
		}
		d.path = append(d.path, strconv.Itoa(i))
		d.compare(a, b, i < len(old), i < len(now))
		d.path = d.path[:len(d.path)-1]
	}
}

func equal(a, b any) bool {
	var inner differ
	inner.compare(a, b, true, true)
	return len(inner.changes) == 0
}

// encode gives the JSON of a value that was decoded from JSON, so it cannot fail.
func encode(v any) json.RawMessage {
	raw, _ := json.Marshal(v)
	return raw
}

// sameNumber compares values, so that 1, 1.0 and 1e0 are the same.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	const longest = 64 // beyond it the text decides; exact values would cost too much
	if len(a) > longest || len(b) > longest {
		return false
	}
	x, okX := new(big.Rat).SetString(string(a))
	y, okY := new(big.Rat).SetString(string(b))
	return okX && okY && x.Cmp(y) == 0
}
