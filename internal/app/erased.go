package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/stoa-platform/stoa/internal/auth"
	"github.com/stoa-platform/stoa/internal/event"
	"github.com/stoa-platform/stoa/internal/problem"
)

// erasedFile, in the data folder, lists the pseudonyms of the people who were
// erased, one a line. It lies outside the database so that it outlives it: an old
// backup knows nothing of what was erased since. A pseudonym is random and leads
// to nobody but in such a backup.
const erasedFile = "erased"

const erasedHead = `# The pseudonyms of people who were erased from this platform. Keep a copy with
# your backups: an older one still has the names, and a platform that is restored
# from it forgets them again by this list (stoa restore FILE --forget THIS).
`

var pseudonymLine = regexp.MustCompile(`^p-[a-z2-7]{16}$`)

// ParseErased reads a list of pseudonyms: one a line, "#" begins a remark.
func ParseErased(r io.Reader) ([]string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, 64<<20))
	if err != nil {
		return nil, fmt.Errorf("read the list of erased people: %w", err)
	}
	var all []string
	n := 0
	for line := range strings.Lines(string(raw)) {
		n++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if !pseudonymLine.MatchString(line) {
			return nil, problem.New(problem.Invalid, "line %d of the list of erased people is no pseudonym", n).
				Because("a line looks like p-abcdefghijklmnop").Do("give the file " + erasedFile + " of the data folder of the platform that made the backup")
		}
		all = append(all, line)
	}
	return all, nil
}

// readErased gives the list of a data folder, empty when there is none.
func readErased(data string) ([]string, error) {
	f, err := os.Open(filepath.Join(data, erasedFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the list of erased people: %w", err)
	}
	defer f.Close()
	return ParseErased(f)
}

// addErased adds pseudonyms to the list of a data folder, whole or not at all.
func addErased(data string, pseudonyms []string) error {
	had, err := readErased(data)
	if err != nil {
		return err
	}
	all := map[string]bool{}
	for _, p := range slices.Concat(had, pseudonyms) {
		all[p] = true
	}
	if len(all) == len(had) {
		return nil
	}
	var text bytes.Buffer
	text.WriteString(erasedHead)
	for _, p := range slices.Sorted(maps.Keys(all)) {
		text.WriteString(p + "\n")
	}
	path := filepath.Join(data, erasedFile)
	f, err := os.CreateTemp(data, erasedFile+".*")
	if err != nil {
		return fmt.Errorf("write the list of erased people: %w", err)
	}
	_, err = f.Write(text.Bytes())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // it may have its name already
		return fmt.Errorf("write the list of erased people: %w", err)
	}
	return nil
}

// noteErased brings the list up to date with the ledger.
func (p *Platform) noteErased(ctx context.Context) error {
	var pseudonyms []string
	for after := int64(0); ; {
		found, err := p.store.Events(ctx, event.Filter{Types: []string{event.TypePersonErased}, AfterSeq: after, Limit: 1000})
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return addErased(p.config.Data, pseudonyms)
		}
		for _, r := range found {
			pseudonyms = append(pseudonyms, strings.TrimPrefix(r.Subject, event.PersonPrefix))
		}
		after = found[len(found)-1].Seq
	}
}

// forgetErased erases again whom an older database, put back since, still names.
func (p *Platform) forgetErased(ctx context.Context) error {
	listed, err := readErased(p.config.Data)
	if err != nil {
		return err
	}
	back, err := p.store.Persons(ctx, listed...)
	if err != nil {
		return err
	}
	by := auth.Principal{Name: "stoa/restore", Platform: auth.PlatformAdmin, Bot: true}
	for pseudonym, principal := range back {
		if err := (administration{p}).ErasePerson(ctx, by, principal); err != nil {
			return fmt.Errorf("forget %s again, who was erased: %w", pseudonym, err)
		}
		p.log.Info("forgot again who was erased", "pseudonym", pseudonym)
	}
	return p.noteErased(ctx)
}
