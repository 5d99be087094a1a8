package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
	"github.com/stoa-platform/stoa/internal/store/words"
)

// Limits of what is stored; admission has stricter ones for names.
const (
	maxDocument = 1 << 20 // bytes of a whole object
	maxName     = 253     // bytes of a kind, a name or an owner
)

// stored is an object as it lies in the database.
type stored struct {
	doc        object.Document
	generation int64
	created    time.Time
}

// revision is what storing an object makes of it.
type revision struct {
	object     object.Object
	doc        object.Document
	generation int64
	created    time.Time
	changed    bool // false: doc is the stored one, nothing is to be written
	spec       bool // spec changed
	removed    bool // deletion was asked and the last finalizer went

	was   index // what the indexes hold of the stored version
	index index // and of this one
}

// index is what is kept of an object to find it by.
type index struct {
	labels map[string]string
	fields map[string]string
	kind   string
	text   string // not cut into words yet; "" only of an object that is gone
}

// check refuses what the databases or a list could not cope with.
func check(o object.Object) error {
	for _, part := range []struct{ path, value string }{
		{"kind", o.Kind}, {"metadata.name", o.Metadata.Name}, {"metadata.owner", o.Metadata.Owner},
	} {
		message := ""
		switch {
		case part.value == "" && part.path != "metadata.owner":
			message = "is missing"
		case len(part.value) > maxName:
			message = fmt.Sprintf("has %d bytes, at most %d are possible", len(part.value), maxName)
		case !words.Storable(part.value):
			message = "must be valid UTF-8 without NUL"
		}
		if message != "" {
			return problem.New(problem.Invalid, "the object cannot be stored").
				WithFields(problem.Field{Path: part.path, Message: message})
		}
	}
	for k, v := range o.Metadata.Labels {
		if !words.Storable(k) || !words.Storable(v) || len(k) > maxName {
			return problem.New(problem.Invalid, "the object cannot be stored").
				WithFields(problem.Field{Path: "metadata.labels", Message: fmt.Sprintf("label %q must be valid UTF-8 without NUL and its key at most %d bytes long", k, maxName)})
		}
	}
	return nil
}

// create makes the first version of an object. Its version goes on after last,
// the highest one that its name ever had.
func (tx *Tx) create(o object.Object, last int64) (revision, error) {
	if o.Metadata.Version != 0 {
		return revision{}, problem.New(problem.Conflict, "%s version %d is gone: it was deleted", o.Ref(), o.Metadata.Version).
			Do("leave out metadata.version to make it anew")
	}
	uid := tx.store.uids.next(tx.now)
	r := revision{generation: 1, created: tx.now, changed: true, spec: true}
	o.Metadata.Deleted = nil
	r.object = stamp(o, uid, last+1, 1, tx.now, tx.now)
	return r, tx.finish(&r)
}

// replace makes the next version of a stored object.
func (tx *Tx) replace(o object.Object, old stored) (revision, error) {
	if v := o.Metadata.Version; v != 0 && v != old.doc.Version {
		return revision{}, problem.New(problem.Conflict, "%s has version %d by now, not %d", o.Ref(), old.doc.Version, v).
			Do("read it again and repeat the change")
	}
	r := revision{doc: old.doc, generation: old.generation, created: old.created}
	var deleted *time.Time
	if at := gjson.GetBytes(old.doc.Bytes, "metadata.deleted"); at.Exists() {
		t := at.Time()
		deleted = &t
	}
	// The very same object gives the very same bytes: the quick way to see that
	// nothing changed.
	o.Metadata.Deleted = deleted
	r.object = stamp(o, old.doc.UID, old.doc.Version, old.generation, old.created, old.doc.Updated)
	same, err := encode(r.object)
	if err != nil {
		return revision{}, err
	}
	if bytes.Equal(same, old.doc.Bytes) {
		return r, nil
	}
	before, err := old.doc.Object()
	if err != nil {
		return revision{}, err
	}
	if deleted != nil {
		if err := onlyFewer(before.Metadata.Finalizers, o); err != nil {
			return revision{}, err
		}
	}
	given, err := object.Document{Kind: o.Kind, Name: o.Metadata.Name, Bytes: same}.Object()
	if err != nil {
		return revision{}, err
	}
	r.spec = !sameJSON(given.Spec, before.Spec)
	r.changed = r.spec || !sameJSON(given.Status, before.Status) ||
		given.APIVersion != before.APIVersion || !reflect.DeepEqual(given.Metadata, before.Metadata)
	if !r.changed {
		return r, nil
	}
	if r.spec {
		r.generation++
	}
	r.removed = deleted != nil && len(o.Metadata.Finalizers) == 0
	r.was = tx.store.indexOf(before, old.doc.Bytes)
	r.object = stamp(o, old.doc.UID, old.doc.Version+1, r.generation, old.created, tx.now)
	return r, tx.finish(&r)
}

// remove makes the version of a stored object that asks for its deletion, or is it.
func (tx *Tx) remove(old stored) (revision, error) {
	o, err := old.doc.Object()
	if err != nil {
		return revision{}, err
	}
	r := revision{object: o, doc: old.doc, generation: old.generation, created: old.created}
	r.removed = len(o.Metadata.Finalizers) == 0
	if o.Metadata.Deleted != nil && !r.removed {
		return r, nil // asked already
	}
	r.changed = true
	r.was = tx.store.indexOf(o, old.doc.Bytes)
	if o.Metadata.Deleted == nil {
		o.Metadata.Deleted = &tx.now
	}
	r.object = stamp(o, old.doc.UID, old.doc.Version+1, old.generation, old.created, tx.now)
	return r, tx.finish(&r)
}

// finish encodes the revision's object.
func (tx *Tx) finish(r *revision) error {
	o := r.object
	doc, err := encode(o)
	if err != nil {
		return err
	}
	if len(doc) > maxDocument {
		return problem.New(problem.TooLarge, "%s has %d bytes, at most %d are possible", o.Ref(), len(doc), maxDocument)
	}
	uid, err := strconv.ParseInt(o.Metadata.UID, 10, 64)
	if err != nil {
		return fmt.Errorf("uid of %s: %w", o.Ref(), err)
	}
	r.doc = object.Document{
		UID: uid, Kind: o.Kind, Name: o.Metadata.Name, Owner: o.Metadata.Owner,
		Version: o.Metadata.Version, Updated: tx.now, Bytes: doc,
	}
	r.index = tx.store.indexOf(o, doc)
	return nil
}

// stamp sets what the store decides.
func stamp(o object.Object, uid, version, generation int64, created, updated time.Time) object.Object {
	if o.APIVersion == "" {
		o.APIVersion = object.APIVersion
	}
	m := &o.Metadata
	m.UID, m.Version, m.Generation = strconv.FormatInt(uid, 10), version, generation
	m.Created, m.Updated = &created, &updated
	return o
}

// onlyFewer refuses new finalizers on an object that is going.
func onlyFewer(before []string, o object.Object) error {
	for _, f := range o.Metadata.Finalizers {
		if !slices.Contains(before, f) {
			return problem.New(problem.Conflict, "%s is being deleted: finalizer %q cannot be added", o.Ref(), f)
		}
	}
	return nil
}

// encode gives the bytes that are stored and served.
func encode(o object.Object) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(o); err != nil {
		return nil, problem.New(problem.Invalid, "%s holds no valid JSON: %w", o.Ref(), err)
	}
	doc := bytes.TrimRight(b.Bytes(), "\n")
	if !words.Storable(string(doc)) {
		return nil, problem.New(problem.Invalid, "%s holds text that is not valid UTF-8", o.Ref())
	}
	return doc, nil
}

// sameJSON says whether two values mean the same, however they are written.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, xErr := decodeJSON(a)
	y, yErr := decodeJSON(b)
	return xErr == nil && yErr == nil && reflect.DeepEqual(x, y)
}

func decodeJSON(raw []byte) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	err := decoder.Decode(&v)
	return v, err
}

// indexOf gives what the indexes hold of an object whose bytes are doc.
func (s *Store) indexOf(o object.Object, doc []byte) index {
	return index{
		labels: o.Metadata.Labels,
		fields: fieldTexts(doc, s.fields(o.Kind)),
		kind:   o.Kind,
		text:   searchText(o),
	}
}

// searchText is all that a search looks at.
func searchText(o object.Object) string {
	m := o.Metadata
	return strings.Join([]string{m.Name, m.Title, m.Description, m.Owner}, " ")
}

// fieldTexts gives the filterable fields that the document has. A field that is
// a list has an entry for each of its values, under the path and the value; see
// fieldPath.
func fieldTexts(doc []byte, paths []string) map[string]string {
	texts := make(map[string]string, len(paths))
	for _, path := range paths {
		found := gjson.GetBytes(doc, path)
		if !found.IsArray() {
			if value, ok := fieldText(found); ok {
				texts[path] = value
			}
			continue
		}
		for _, element := range found.Array() {
			if value, ok := fieldText(element); ok {
				texts[path+"\x00"+value] = value
			}
		}
	}
	return texts
}

// fieldPath gives the path of a key of fieldTexts.
func fieldPath(key string) string {
	path, _, _ := strings.Cut(key, "\x00")
	return path
}

// fieldText is a value as filters name it: a string as it is, a number as in
// JSON, true or false. Other values have none.
func fieldText(v gjson.Result) (string, bool) {
	switch v.Type {
	case gjson.String:
		return v.Str, true
	case gjson.Number, gjson.True, gjson.False:
		return v.Raw, true
	}
	return "", false
}
