package store

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/stoa-platform/stoa/internal/object"
	"github.com/stoa-platform/stoa/internal/problem"
)

// Traces says where a person stands outside the ledger, for ErasePerson.
type Traces struct {
	// Own is the object that is the person. It must be deleted; its history goes.
	Own object.Ref
	// Names is what the person is called in the fields, beside the principal.
	Names []string
	// Fields are, by kind, the paths of fields that hold names of people, each a
	// text or a list of texts.
	Fields map[string][]string
	// Forget takes the person out of what other tools have left in an object; it
	// is asked about those that hold Mark. May be nil.
	Forget func(o object.Object) (_ object.Object, changed bool, err error)
	Mark   string
}

// eraseOwn forgets every version of the object that is the person, and says how
// many there were. It returns problem.Conflict while the object is there.
func (tx *Tx) eraseOwn(ctx context.Context, own object.Ref) (int64, error) {
	if own.Kind == "" {
		return 0, nil
	}
	_, err := tx.Get(ctx, own.Kind, own.Name)
	if err == nil {
		return 0, problem.New(problem.Conflict, "%s is still there: delete it first", own)
	}
	if !problem.Is(err, problem.NotFound) {
		return 0, err
	}
	result, err := tx.Exec(ctx, "DELETE FROM object_history WHERE kind = $1 AND name = $2", own.Kind, own.Name)
	if err != nil {
		return 0, fmt.Errorf("erase history of %s: %w", own, err)
	}
	return result.RowsAffected()
}

// renaming puts a pseudonym in the place of a person in stored documents: of
// their names in the fields that hold names, of the principal wherever it stands.
type renaming struct {
	Traces
	principal, pseudonym string
}

const renamedAtOnce = 200 // documents in memory

// everywhere renames in all objects and all their versions. These stay the
// versions that they are: what a person is called is not what they say.
func (r renaming) everywhere(ctx context.Context, tx *Tx) error {
	marks := []string{r.principal}
	if r.Forget != nil {
		marks = append(marks, r.Mark)
	}
	for _, mark := range marks {
		if err := r.inHistory(ctx, tx, "%"+pattern(mark)+"%", ""); err != nil {
			return err
		}
		if err := r.inObjects(ctx, tx, "%"+pattern(mark)+"%", ""); err != nil {
			return err
		}
	}
	for kind := range r.Fields {
		for _, name := range r.Names {
			if err := r.inHistory(ctx, tx, "%"+pattern(quoted(name))+"%", kind); err != nil {
				return err
			}
			if err := r.inObjects(ctx, tx, "%"+pattern(quoted(name))+"%", kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func quoted(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // as documents are stored
	_ = encoder.Encode(text)     // a text always can be
	return strings.TrimSpace(b.String())
}

// pattern makes a text part of a LIKE that finds it, and may find more: what
// the databases treat differently stands for any character.
func pattern(text string) string {
	return strings.NewReplacer(`\`, "_", "%", "_").Replace(text)
}

func (r renaming) inHistory(ctx context.Context, tx *Tx, like, kind string) error {
	type version struct {
		kind, name string
		number     int64
		doc        []byte
	}
	var last version
	for {
		rows, err := tx.Query(ctx, `SELECT kind, name, version, doc FROM object_history
			WHERE doc LIKE $1 AND ($2 = '' OR kind = $3) AND (kind, name, version) > ($4, $5, $6)
			ORDER BY kind, name, version LIMIT $7`, like, kind, kind, last.kind, last.name, last.number, renamedAtOnce)
		if err != nil {
			return fmt.Errorf("find names in history: %w", err)
		}
		var found []version
		for rows.Next() {
			var v version
			if err := rows.Scan(&v.kind, &v.name, &v.number, &v.doc); err != nil {
				_ = rows.Close()
				return err
			}
			found = append(found, v)
		}
		if err := rows.Close(); err != nil || len(found) == 0 {
			return err
		}
		for _, v := range found {
			doc, err := r.rewrite(object.Document{Kind: v.kind, Name: v.name, Bytes: v.doc})
			if err != nil {
				return err
			}
			if bytes.Equal(doc, v.doc) {
				continue
			}
			if _, err := tx.Exec(ctx, "UPDATE object_history SET doc = $1 WHERE kind = $2 AND name = $3 AND version = $4",
				string(doc), v.kind, v.name, v.number); err != nil {
				return fmt.Errorf("erase a name in version %d of %s %s: %w", v.number, v.kind, v.name, err)
			}
		}
		last = found[len(found)-1]
	}
}

func (r renaming) inObjects(ctx context.Context, tx *Tx, like, kind string) error {
	for after := int64(0); ; {
		rows, err := tx.Query(ctx, "SELECT "+documentColumns+` FROM objects o
			WHERE o.doc LIKE $1 AND ($2 = '' OR o.kind = $3) AND o.uid > $4 ORDER BY o.uid LIMIT $5`, like, kind, kind, after, renamedAtOnce)
		if err != nil {
			return fmt.Errorf("find names in objects: %w", err)
		}
		found, err := scanDocuments(rows, renamedAtOnce)
		if err != nil || len(found) == 0 {
			return err
		}
		var changed []revision
		for _, before := range found {
			now := before
			if now.Bytes, err = r.rewrite(before); err != nil {
				return err
			}
			if bytes.Equal(now.Bytes, before.Bytes) {
				continue
			}
			was, err := before.Object()
			if err != nil {
				return err
			}
			is, err := now.Object()
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "UPDATE objects SET doc = $1 WHERE uid = $2", string(now.Bytes), now.UID); err != nil {
				return fmt.Errorf("erase a name in %s %s: %w", now.Kind, now.Name, err)
			}
			changed = append(changed, revision{doc: now, was: tx.store.indexOf(was, before.Bytes), index: tx.store.indexOf(is, now.Bytes)})
		}
		if err := tx.reindex(ctx, planReindex(changed)); err != nil {
			return err
		}
		after = found[len(found)-1].UID
	}
}

// rewrite gives the document with the pseudonym in the place of the person.
func (r renaming) rewrite(d object.Document) ([]byte, error) {
	if r.Forget != nil && bytes.Contains(d.Bytes, []byte(r.Mark)) {
		o, err := d.Object()
		if err != nil {
			return nil, err
		}
		o, changed, err := r.Forget(o)
		if err != nil {
			return nil, err
		}
		if changed {
			if d.Bytes, err = encode(o); err != nil {
				return nil, err
			}
		}
	}
	doc := replaceWord(d.Bytes, r.principal, r.pseudonym)
	for _, path := range r.Fields[d.Kind] {
		field := gjson.GetBytes(doc, path)
		if field.Index == 0 {
			continue
		}
		var values []string
		for _, v := range field.Array() { // a text is a list of one
			raw := v.Raw
			if v.Type == gjson.String && slices.Contains(r.Names, v.Str) {
				raw = quoted(r.pseudonym)
			}
			values = append(values, raw)
		}
		now := strings.Join(values, ",")
		if field.IsArray() {
			now = "[" + now + "]"
		}
		doc = slices.Concat(doc[:field.Index], []byte(now), doc[field.Index+len(field.Raw):])
	}
	return doc, nil
}

// replaceWord replaces a principal where it is not a part of a longer word or path.
func replaceWord(doc []byte, word, by string) []byte {
	inName := func(c byte) bool { return c == '-' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' }
	var out []byte
	rest := doc
	for {
		i := bytes.Index(rest, []byte(word))
		if i < 0 {
			if out == nil {
				return doc
			}
			return append(out, rest...)
		}
		end := i + len(word)
		whole := (i == 0 || !inName(rest[i-1]) && rest[i-1] != '/') && (end == len(rest) || !inName(rest[end]))
		out = append(out, rest[:i]...)
		if whole {
			out = append(out, by...)
		} else {
			out = append(out, word...)
		}
		rest = rest[end:]
	}
}
