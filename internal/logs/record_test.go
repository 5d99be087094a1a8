package logs

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func FuzzDecoder(f *testing.F) {
	good := appendRecord(nil, time.Date(2026, 11, 22, 10, 0, 0, 1, time.UTC), &stamp{}, 42,
		line{source{"7", "shop-7-1", 'o'}, []byte("listening on :8080"), false})
	f.Add(good)
	f.Add(append(good, good[:20]...))
	f.Add(bytes.Replace(good, []byte(" o "), []byte(" X "), 1))
	f.Add([]byte("\x00\x00\n\n2026-13-99T99:99:99.999999999Z 1 o a b c\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := newDecoder(bytes.NewReader(b))
		j := &journal{service: "s", environment: "e"}
		for {
			r, err := d.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			// What decodes, encodes to what decodes the same.
			again, ok := parseRecord(bytes.TrimSuffix(appendRecord(nil, r.at, &stamp{}, r.seq, line{r.source, r.text, r.partial}), []byte("\n")), &source{})
			if !ok || again.seq != r.seq || !again.at.Equal(r.at) || again.source != r.source || again.partial != r.partial {
				t.Fatalf("%+v became %+v", r, again)
			}
			j.entry(r)
		}
		if d.offset > int64(len(b)) || d.offset > 0 && b[d.offset-1] != '\n' {
			t.Fatalf("offset %d of %d is not behind a line", d.offset, len(b))
		}
	})
}

func FuzzRecord(f *testing.F) {
	f.Add("r", "i", []byte("text"), true, int64(0))
	f.Add("", "~", []byte("\x00\xff\r\x1b[1m"), false, int64(1)<<60)
	f.Fuzz(func(t *testing.T, release, instance string, text []byte, partial bool, nanos int64) {
		text = bytes.ReplaceAll(text, []byte("\n"), nil)
		at := time.Unix(0, nanos).UTC()
		if at.Year() < 1 {
			return
		}
		b := appendRecord(nil, at, &stamp{}, 1, line{source{escape(release), escape(instance), 'e'}, text, partial})
		d := newDecoder(bytes.NewReader(b))
		r, err := d.next()
		if err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		e := (&journal{}).entry(r)
		if !e.Time.Equal(at) || e.Release != release || e.Instance != instance || e.Partial != partial || e.Stream != StreamStderr {
			t.Fatalf("%q decoded to %+v", b, e)
		}
		if !utf8.ValidString(e.Line) || strings.ContainsAny(e.Line, "\x00\n") {
			t.Fatalf("line %q", e.Line)
		}
		if utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 && e.Line != string(text) {
			t.Fatalf("line %q, want %q", e.Line, text)
		}
	})
}

func FuzzSegmentName(f *testing.F) {
	f.Add("0000000000000001.log")
	f.Add("0000000000000001-0000000000000009-1-2.zst")
	f.Fuzz(func(t *testing.T, name string) {
		s, ok := parseName(name)
		if ok && !s.plain {
			if again, ok := parseName(s.compressedName()); !ok || *again != *s {
				t.Errorf("%q: %+v became %+v", name, s, again)
			}
		}
	})
}
