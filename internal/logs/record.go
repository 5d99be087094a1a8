package logs

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A record is one line of text, so that a segment can be read with any tool:
//
//	2026-11-22T10:00:00.123456789Z 42 o 7 shop-7-1 listening on :8080
//
// time, sequence, stream (o, e, s for stdout, stderr, stoa; upper case when the
// line goes on), release, instance, line. Release and instance are escaped so
// that they hold no space; "~" is an empty one.
const (
	timeLayout = "2006-01-02T15:04:05.000000000Z"
	maxRecord  = MaxLine*3 + 4<<10 // each invalid byte becomes three
)

var streamLetters = map[string]byte{StreamStdout: 'o', StreamStderr: 'e', StreamStoa: 's'}

// line is one line on its way to the disk.
type line struct {
	source
	text    []byte
	partial bool
}

// source is where a line comes from, release and instance escaped.
type source struct {
	release, instance string
	letter            byte
}

// stamp writes times in timeLayout. It keeps the last second's text, which
// lines printed together share.
type stamp struct {
	second int64
	text   []byte // up to the point
}

func (s *stamp) append(dst []byte, at time.Time) []byte {
	if second := at.Unix(); second != s.second || s.text == nil {
		s.second, s.text = second, at.AppendFormat(s.text[:0], "2006-01-02T15:04:05.")
	}
	dst = append(dst, s.text...)
	for n, unit := at.Nanosecond(), 100_000_000; unit > 0; unit /= 10 {
		dst = append(dst, byte('0'+n/unit%10))
	}
	return append(dst, 'Z')
}

// appendRecord appends the encoded line.
func appendRecord(dst []byte, at time.Time, stamp *stamp, seq uint64, l line) []byte {
	dst = append(stamp.append(dst, at), ' ')
	dst = strconv.AppendUint(dst, seq, 10)
	letter := l.letter
	if l.partial {
		letter -= 'a' - 'A'
	}
	dst = append(dst, ' ', letter, ' ')
	dst = append(dst, l.release...)
	dst = append(dst, ' ')
	dst = append(dst, l.instance...)
	dst = append(dst, ' ')
	return append(appendText(dst, l.text), '\n')
}

// appendText appends the text as valid UTF-8 without NUL or line feed.
func appendText(dst, text []byte) []byte {
	if utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 && bytes.IndexByte(text, '\n') < 0 {
		return append(dst, text...)
	}
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		switch r {
		case 0:
			r = '␀'
		case '\n':
			r = '␊'
		}
		dst = utf8.AppendRune(dst, r) // U+FFFD for a byte that is no character
		text = text[n:]
	}
	return dst
}

// record is a decoded line; text is valid until the next one is read.
type record struct {
	at      time.Time
	seq     uint64
	source  source
	partial bool
	text    []byte
}

// parseRecord parses a line without its line feed.
func parseRecord(b []byte, intern *source) (r record, ok bool) {
	if len(b) < len(timeLayout)+1 || b[len(timeLayout)] != ' ' {
		return r, false
	}
	if r.at, ok = parseTime(b[:len(timeLayout)]); !ok {
		return r, false
	}
	field, rest, ok := bytes.Cut(b[len(timeLayout)+1:], space)
	if !ok || len(field) > 20 {
		return r, false
	}
	var err error
	if r.seq, err = strconv.ParseUint(string(field), 10, 64); err != nil {
		return r, false
	}
	if field, rest, ok = bytes.Cut(rest, space); !ok || len(field) != 1 {
		return r, false
	}
	r.partial = field[0] < 'a'
	letter := field[0] | 0x20
	if letter != 'o' && letter != 'e' && letter != 's' {
		return r, false
	}
	release, rest, ok := bytes.Cut(rest, space)
	if !ok {
		return r, false
	}
	instance, rest, ok := bytes.Cut(rest, space)
	if !ok {
		return r, false
	}
	// Neighbouring records mostly have the same source: no new strings then.
	if intern.release != string(release) || intern.instance != string(instance) {
		intern.release, intern.instance = string(release), string(instance)
	}
	r.source = source{intern.release, intern.instance, letter}
	r.text = rest
	return r, true
}

var space = []byte{' '}

// parseTime parses timeLayout; several times faster than time.Parse.
func parseTime(b []byte) (time.Time, bool) {
	number := func(from, to int) int {
		n := 0
		for _, c := range b[from:to] {
			if c < '0' || c > '9' {
				return -1
			}
			n = n*10 + int(c-'0')
		}
		return n
	}
	if b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[19] != '.' || b[29] != 'Z' {
		return time.Time{}, false
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second, nano := number(11, 13), number(14, 16), number(17, 19), number(20, 29)
	if year < 0 || month < 1 || month > 12 || day < 1 || day > 31 ||
		hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 || nano < 0 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nano, time.UTC), true
}

// decoder reads the records of a segment. What is no record is skipped: a
// torn end, bytes that the disk lost.
type decoder struct {
	r       *bufio.Reader
	intern  source
	offset  int64 // behind the last whole line, record or not
	skipped int   // lines that were no record
}

func newDecoder(r io.Reader) *decoder {
	return &decoder{r: bufio.NewReaderSize(r, maxRecord)}
}

// next returns the next record, or io.EOF after the last whole line.
func (d *decoder) next() (record, error) {
	for {
		b, err := d.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) { // longer than any record
			n := int64(len(b))
			for errors.Is(err, bufio.ErrBufferFull) {
				b, err = d.r.ReadSlice('\n')
				n += int64(len(b))
			}
			if err == nil {
				d.offset += n
				d.skipped++
				continue
			}
		}
		if err != nil {
			return record{}, err
		}
		d.offset += int64(len(b))
		if r, ok := parseRecord(b[:len(b)-1], &d.intern); ok {
			return r, nil
		}
		d.skipped++
	}
}

// entry makes the entry of the journal from its record.
func (j *journal) entry(r record) Entry {
	e := Entry{
		Time: r.at, Environment: j.environment,
		Line: string(r.text), Partial: r.partial, Seq: r.seq,
	}
	e.Service, e.Process, _ = strings.Cut(j.service, ":")
	// What escape made, unescape takes; anything else is shown as it is.
	e.Release, _ = unescape(r.source.release)
	e.Instance, _ = unescape(r.source.instance)
	switch r.source.letter {
	case 'o':
		e.Stream = StreamStdout
	case 'e':
		e.Stream = StreamStderr
	case 's':
		e.Stream = StreamStoa
	}
	return e
}

// escape makes a name fit for a record's field and for a file's name. Names
// of the usual letters are unchanged.
func escape(name string) string {
	if name == "" {
		return "~"
	}
	plain := name[0] != '.' && name[0] != '~'
	for i := 0; plain && i < len(name); i++ {
		c := name[i]
		plain = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '~'
	}
	if plain {
		return name
	}
	s := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	if s[0] == '.' {
		s = "%2E" + s[1:]
	}
	if s[0] == '~' {
		s = "%7E" + s[1:]
	}
	return s
}

func unescape(name string) (string, error) {
	if name == "~" {
		return "", nil
	}
	if strings.IndexByte(name, '%') < 0 {
		return name, nil
	}
	s, err := url.PathUnescape(name)
	if err != nil {
		return name, err
	}
	return s, nil
}
