package source

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/stoa-platform/stoa/internal/problem"
)

// MediaType is the type of what WriteTar writes and Unpack reads: a tar
// archive compressed by Zstandard, which packs source at several hundred
// megabytes a second, so that compressing costs less than sending.
const MediaType = "application/x-tar+zstd"

// windowSize is the encoder's window, and so the most that a decoder has to
// hold in memory for an archive of ours.
const windowSize = 8 << 20

// WriteTar writes the snapshot's content. The same snapshot gives the same
// bytes. A file that changed since the scan is a problem.Problem (Conflict).
func (s Snapshot) WriteTar(w io.Writer) error {
	compressed, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(windowSize))
	if err != nil {
		return fmt.Errorf("write source archive: %w", err)
	}
	archive := tar.NewWriter(compressed)
	buf := make([]byte, 64<<10)
	for _, file := range s.Files {
		if err := s.writeFile(archive, file, buf); err != nil {
			return fmt.Errorf("write source archive: %w", err)
		}
	}
	if err := errors.Join(archive.Close(), compressed.Close()); err != nil {
		return fmt.Errorf("write source archive: %w", err)
	}
	return nil
}

func (s Snapshot) writeFile(archive *tar.Writer, file File, buf []byte) error {
	header := &tar.Header{Name: file.Path, ModTime: time.Unix(0, 0), Mode: int64(file.mode())}
	if file.Link != "" {
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, file.Link, 0o777
		return archive.WriteHeader(header)
	}
	header.Typeflag, header.Size = tar.TypeReg, file.Size
	if err := archive.WriteHeader(header); err != nil {
		return err
	}
	changed := func() error {
		return problem.New(problem.Conflict, "file %q changed while the source was being read", file.Path).Do("run the same command again")
	}
	f, err := os.Open(filepath.Join(s.dir, filepath.FromSlash(file.Path)))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return changed()
		}
		return err
	}
	defer f.Close()
	sha := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(archive, sha), struct{ io.Reader }{f}, buf)
	switch {
	case errors.Is(err, tar.ErrWriteTooLong):
		return changed()
	case err != nil:
		return err
	case n != file.Size || !bytes.Equal(sha.Sum(nil), file.Sum[:]):
		return changed()
	}
	return nil
}

// Unpack reads an archive as WriteTar writes it, from anyone, into dir, which
// must be empty or missing, and returns the digest of what was written.
//
// It writes nothing outside of dir, and refuses with a problem.Problem
// whatever a snapshot cannot hold: absolute paths and those with "..",
// links that leave, hard links, devices, duplicate entries, more than the
// limits. Entries for folders are skipped: a snapshot has none. After an error
// dir is empty again.
func Unpack(ctx context.Context, r io.Reader, dir string, limits Limits) (Digest, error) {
	snapshot, err := unpack(ctx, r, dir, limits)
	return snapshot.Digest, err
}

func unpack(ctx context.Context, r io.Reader, dir string, limits Limits) (Snapshot, error) {
	limits = limits.withDefaults()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Snapshot{}, fmt.Errorf("unpack source: %w", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		return Snapshot{}, fmt.Errorf("unpack source: folder %s is not empty (%d entries): %w", dir, len(entries), fs.ErrExist)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Snapshot{}, fmt.Errorf("unpack source: %w", err)
	}
	defer root.Close()

	plain, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(windowSize), zstd.WithDecoderMaxMemory(windowSize))
	if err != nil {
		return Snapshot{}, fmt.Errorf("unpack source: %w", err)
	}
	defer plain.Close()

	u := &unpacker{root: root, limits: limits, entries: map[string]bool{}, buf: make([]byte, 64<<10)}
	// Headers and padding come on top of the content: without a bound of its
	// own an archive of nothing but headers would never end.
	overhead := int64(limits.Files)*4<<10 + 1<<20
	err = u.archive(ctx, &boundedReader{r: plain, left: limits.Bytes + overhead})
	if err == nil {
		err = checkLinks(u.files)
	}
	if err == nil {
		err = u.link()
	}
	if err != nil {
		return Snapshot{}, errors.Join(fmt.Errorf("unpack source: %w", err), u.empty())
	}
	return Snapshot{Digest: digestFiles(u.files), Files: u.files, Size: u.size, dir: dir}, nil
}

// unpacker writes one archive. It creates links last, so that no file is ever
// written through one, and works below an os.Root, so that it could not.
type unpacker struct {
	root    *os.Root
	limits  Limits
	files   []File
	size    int64
	entries map[string]bool // path → whether it is a folder
	buf     []byte
}

func (u *unpacker) archive(ctx context.Context, r io.Reader) error {
	archive := tar.NewReader(r)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return drain(r)
		}
		if err != nil {
			return badArchive(err)
		}
		switch header.Typeflag {
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		case tar.TypeReg, tar.TypeSymlink:
		default:
			return problem.New(problem.Invalid, "source archive: entry %.200q is a hard link, device or pipe (type %q)", header.Name, header.Typeflag)
		}
		if err := u.claim(header.Name); err != nil {
			return err
		}
		file := File{Path: header.Name}
		if header.Typeflag == tar.TypeSymlink {
			if header.Linkname == "" || len(header.Linkname) > maxPath || strings.ContainsRune(header.Linkname, 0) {
				return problem.New(problem.Invalid, "source archive: link %.200q has no valid target", header.Name)
			}
			file.Link = header.Linkname
		} else {
			file.Executable = header.Mode&0o100 != 0
			if err := u.write(&file, archive); err != nil {
				return err
			}
		}
		u.files = append(u.files, file)
	}
}

// drain reads to the end, so that a damaged tail does not pass unseen.
func drain(r io.Reader) error {
	if _, err := io.Copy(io.Discard, r); err != nil {
		return badArchive(err)
	}
	return nil
}

const maxPath = 4096 // bytes, as Linux has it

// claim checks an entry's path, and takes it and its folders.
func (u *unpacker) claim(name string) error {
	if !fs.ValidPath(name) || name == "." || !filepath.IsLocal(filepath.FromSlash(name)) ||
		strings.ContainsRune(name, 0) || len(name) > maxPath {
		return problem.New(problem.Invalid, "source archive: path %.200q is not a clean relative path", name)
	}
	if _, taken := u.entries[name]; taken {
		return problem.New(problem.Invalid, "source archive: %.200q is there twice", name)
	}
	u.entries[name] = false
	if len(u.files) == u.limits.Files {
		return problem.New(problem.TooLarge, "source archive: more than the %d files allowed", u.limits.Files).
			Do("list what is not source in " + IgnoreFile)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		isDir, taken := u.entries[dir]
		if taken && !isDir {
			return problem.New(problem.Invalid, "source archive: %.200q is both a file and a folder", dir)
		}
		if taken {
			break
		}
		u.entries[dir] = true
	}
	// Long chains of folders cost inodes that the count of files does not see.
	if len(u.entries) > 4*u.limits.Files+maxPath {
		return problem.New(problem.TooLarge, "source archive: more than %d folders", 3*u.limits.Files)
	}
	if dir := path.Dir(name); dir != "." {
		return u.root.MkdirAll(filepath.FromSlash(dir), 0o755)
	}
	return nil
}

// write creates a regular file and takes its size and sum.
func (u *unpacker) write(file *File, content io.Reader) error {
	f, err := u.root.OpenFile(filepath.FromSlash(file.Path), os.O_CREATE|os.O_EXCL|os.O_WRONLY, file.mode())
	if err != nil {
		return err
	}
	sha := sha256.New()
	left := u.limits.Bytes - u.size
	file.Size, err = io.CopyBuffer(io.MultiWriter(f, sha), io.LimitReader(content, left+1), u.buf)
	sha.Sum(file.Sum[:0])
	u.size += file.Size
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return badArchive(err)
	}
	if file.Size > left {
		return problem.New(problem.TooLarge, "source archive: more than the %s allowed, at %.200q", byteSize(u.limits.Bytes), file.Path).
			Do("list what is not source in " + IgnoreFile)
	}
	return nil
}

func (u *unpacker) link() error {
	for _, file := range u.files {
		if file.Link == "" {
			continue
		}
		if err := u.root.Symlink(filepath.FromSlash(file.Link), filepath.FromSlash(file.Path)); err != nil {
			return err
		}
	}
	return nil
}

// empty removes whatever was written.
func (u *unpacker) empty() error {
	tops := map[string]bool{}
	for name := range u.entries {
		top, _, _ := strings.Cut(name, "/")
		tops[top] = true
	}
	var errs []error
	for top := range tops {
		errs = append(errs, u.root.RemoveAll(filepath.FromSlash(top)))
	}
	return errors.Join(errs...)
}

// badArchive says that the bytes are at fault, unless the disk or the sender is.
func badArchive(err error) error {
	var onDisk *fs.PathError
	if errors.As(err, &onDisk) || problem.Is(err, problem.TooLarge) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return problem.New(problem.Invalid, "source archive is damaged, cut short or not %s: %w", MediaType, err)
}

// boundedReader fails, rather than ends, at its limit.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, problem.New(problem.TooLarge, "source archive: it goes on far beyond its allowed size")
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
