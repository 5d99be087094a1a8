// Package source turns a folder of code into a content-addressed snapshot and
// back: Scan decides which files belong to the source and names them by one
// digest, WriteTar sends them, Unpack receives them from anyone, and Store
// keeps them.
//
// A snapshot holds regular files, their executable bit and symbolic links that
// stay inside. It holds no empty folders, owners or times: as in Git, two
// folders that differ only there are the same source.
package source

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Digest names a snapshot by its content: "sha256:" and 64 hexadecimal digits.
type Digest string

const digestPrefix = "sha256:"

// ParseDigest checks that s is a digest.
func ParseDigest(s string) (Digest, error) {
	digits, ok := strings.CutPrefix(s, digestPrefix)
	if !ok || len(digits) != 2*sha256.Size || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("parse digest %.80q: want sha256: and %d hexadecimal digits", s, 2*sha256.Size)
	}
	return Digest(s), nil
}

// hex is the digest without its prefix, fit for a file name.
func (d Digest) hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

// File is one entry of a snapshot.
type File struct {
	// Path is relative to the root, slash-separated and valid by fs.ValidPath.
	Path string
	// Executable says whether a regular file may be run.
	Executable bool
	// Link is the target of a symbolic link, empty for a regular file.
	Link string
	// Size in bytes and Sum of the content; both zero for a link.
	Size int64
	Sum  [sha256.Size]byte
}

// Snapshot is the content of a source at one moment.
type Snapshot struct {
	Digest Digest
	Files  []File // by path
	Size   int64  // bytes of all regular files
	dir    string // where the content was read
}

// Limits bound a snapshot; a zero field means its default.
type Limits struct {
	Files int   // default DefaultFiles
	Bytes int64 // of all regular files together; default DefaultBytes
}

// Default limits. They are far above sources written by hand: what exceeds
// them is nearly always build output or data that should have been ignored.
const (
	DefaultFiles = 20_000
	DefaultBytes = 200 << 20
)

func (l Limits) withDefaults() Limits {
	return Limits{Files: cmp.Or(l.Files, DefaultFiles), Bytes: cmp.Or(l.Bytes, DefaultBytes)}
}

// digestFiles sorts the files by path and hashes them. Every field ends in a
// NUL byte, which none can contain, so that no two lists read alike.
func digestFiles(files []File) Digest {
	slices.SortFunc(files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	h := sha256.New()
	h.Write([]byte("stoa source 1\x00"))
	var line []byte
	for _, file := range files {
		line = line[:0]
		switch {
		case file.Link != "":
			line = append(line, 'l')
		case file.Executable:
			line = append(line, 'x')
		default:
			line = append(line, 'f')
		}
		line = append(append(line, file.Path...), 0)
		if file.Link != "" {
			line = append(line, file.Link...)
		} else {
			line = hex.AppendEncode(line, file.Sum[:])
		}
		h.Write(append(line, 0))
	}
	return Digest(digestPrefix + hex.EncodeToString(h.Sum(nil)))
}

// mode gives the permissions a regular file is written with.
func (f File) mode() fs.FileMode {
	if f.Executable {
		return 0o755
	}
	return 0o644
}

// Sub is the digest of the files below a folder of the snapshot, as if the
// folder were a source of its own; "." is the whole. It names one component
// of several, so that a change elsewhere does not rebuild it. A link that
// leaves the folder still counts by its target's name.
func (s Snapshot) Sub(dir string) Digest {
	if dir == "" || dir == "." {
		return s.Digest
	}
	var below []File
	for _, file := range s.Files {
		if name, ok := strings.CutPrefix(file.Path, strings.TrimSuffix(dir, "/")+"/"); ok {
			file.Path = name
			below = append(below, file)
		}
	}
	return digestFiles(below)
}
