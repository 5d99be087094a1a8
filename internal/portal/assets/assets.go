// Package assets holds the portal's style sheets, scripts and fonts inside the
// binary and serves them under addresses that name their content, so that a
// browser asks for each only once.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// dist holds the built files of other projects (see vendor.sh), own the portal's.
//
//go:embed dist/*
var dist embed.FS

//go:embed own/*
var own embed.FS

// Prefix begins the path of every asset.
const Prefix = "/assets/"

// Files serves the assets.
type Files struct {
	urls   map[string]string // name → path
	served map[string]file   // path → what is served there
}

type file struct {
	kind string // media type
	raw  []byte // nil when only packed is kept
	gzip []byte // nil for what is compressed already
}

// Load reads the assets and gives each its address.
func Load() (*Files, error) {
	f := &Files{urls: map[string]string{}, served: map[string]file{}}
	if err := f.each(dist, "dist", func(name string, data []byte) error {
		if plain, ok := strings.CutSuffix(name, ".gz"); ok {
			f.add(plain, file{gzip: data}, data)
			return nil
		}
		f.add(name, file{raw: data}, data)
		return nil
	}); err != nil {
		return nil, err
	}
	return f, f.each(own, "own", func(name string, data []byte) error {
		data, err := f.link(name, data)
		if err != nil {
			return err
		}
		packed, err := compress(data)
		f.add(name, file{raw: data, gzip: packed}, data)
		return err
	})
}

func (f *Files) each(from embed.FS, dir string, add func(name string, data []byte) error) error {
	entries, err := fs.ReadDir(from, dir)
	if err != nil {
		return fmt.Errorf("read assets: %w", err)
	}
	for _, entry := range entries {
		data, err := from.ReadFile(dir + "/" + entry.Name())
		if err != nil {
			return fmt.Errorf("read asset: %w", err)
		}
		if err := add(entry.Name(), data); err != nil {
			return fmt.Errorf("asset %s: %w", entry.Name(), err)
		}
	}
	return nil
}

func (f *Files) add(name string, what file, hashed []byte) {
	sum := sha256.Sum256(hashed)
	what.kind = mediaType(name)
	at := Prefix + hex.EncodeToString(sum[:6]) + "/" + name
	f.urls[name], f.served[at] = at, what
}

func mediaType(name string) string {
	if strings.HasSuffix(name, ".woff2") {
		return "font/woff2"
	}
	return mime.TypeByExtension(path.Ext(name))
}

// reference is how our style sheets name another asset: url(asset:inter.woff2).
var reference = regexp.MustCompile(`asset:([a-z0-9.-]+)`)

// link puts the addresses of other assets into a style sheet.
func (f *Files) link(name string, data []byte) ([]byte, error) {
	if path.Ext(name) != ".css" {
		return data, nil
	}
	var missing error
	linked := reference.ReplaceAllFunc(data, func(match []byte) []byte {
		at, ok := f.urls[string(match[len("asset:"):])]
		if !ok {
			missing = fmt.Errorf("there is no %s", match)
		}
		return []byte(at)
	})
	return linked, missing
}

func compress(data []byte) ([]byte, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// URL gives the path of an asset by its name, such as "stoa.css"; "" when there
// is none.
func (f *Files) URL(name string) string { return f.urls[name] }

// ServeHTTP serves an asset, compressed where the client takes it.
func (f *Files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found, ok := f.served[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", found.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	body := found.raw
	if found.gzip != nil {
		h.Set("Vary", "Accept-Encoding")
		switch {
		case Accepts(r, "gzip"):
			h.Set("Content-Encoding", "gzip")
			body = found.gzip
		case body == nil:
			unpacked, err := unpack(found.gzip)
			if err != nil {
				http.Error(w, "asset is damaged", http.StatusInternalServerError)
				return
			}
			body = unpacked
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone when this fails
	}
}

func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// Accepts reports whether the client takes a content coding: it is listed and
// not refused by a weight of 0.
func Accepts(r *http.Request, coding string) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		value, weighted := strings.CutPrefix(strings.ReplaceAll(weight, " ", ""), "q=")
		q, err := strconv.ParseFloat(value, 64)
		return !weighted || err == nil && q > 0
	}
	return false
}
