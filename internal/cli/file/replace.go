// Package file writes files that are whole or not there.
package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Replace writes a file readable by its owner only; it has its name when
// it is whole, and not before. What is no file, such as a device or a pipe, is
// written to as it is.
func Replace(path string, write func(*os.File) error) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		if err := errors.Join(write(f), f.Close()); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(f.Name()) // does nothing after the rename
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Checked writes a file and lets check read it back from its beginning. What cannot
// be read back, such as a device or a pipe, is checked as it goes by. A nil check
// wants nothing.
func Checked(f *os.File, write func(io.Writer) error, check func(io.Reader) error) error {
	if check == nil {
		return write(f)
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return Through(f, write, check)
	}
	if err := write(f); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return check(f)
}

// Through writes to w and lets check read the same as it goes by. It breaks off when
// either fails; what was written by then stays. A nil check wants nothing.
func Through(w io.Writer, write func(io.Writer) error, check func(io.Reader) error) error {
	if check == nil {
		return write(w)
	}
	r, pipe := io.Pipe()
	found := make(chan error, 1)
	go func() {
		err := check(r)
		if err == nil { // it may want less than comes
			_, err = io.Copy(io.Discard, r)
		}
		_ = r.CloseWithError(err) // which the writer then fails with
		found <- err
	}()
	err := write(io.MultiWriter(w, pipe))
	_ = pipe.CloseWithError(err)
	if told := <-found; err == nil {
		err = told
	}
	return err
}
