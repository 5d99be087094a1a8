package auth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/stoa-platform/stoa/internal/problem"
)

// Admin is the principal that the first start makes; Members must know it as
// PlatformAdmin.
const Admin = "user/admin"

// AdminTokenFile is the file of the data folder that holds the admin's token.
const AdminTokenFile = "admin.token"

// Bootstrap makes sure that there is the account user/admin (without a
// password until one is set) and that <dataDir>/admin.token, readable by its
// owner only, holds a token of it that is valid. Who can read the data folder
// can do everything anyway; the token lets the CLI of the same host do it
// properly. A lost or damaged file is made again, which revokes the token that
// was in it. The token is never logged. Bootstrap returns the file's path.
func (s *Service) Bootstrap(ctx context.Context, dataDir string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dataDir, AdminTokenFile))
	if err != nil {
		return "", fmt.Errorf("find data folder: %w", err)
	}
	a := Account{Principal: Admin, Display: "Administrator", Created: s.now()}
	err = s.store.CreateAccount(ctx, a, accountFact("stoa/auth", "created", Admin))
	if err != nil && !problem.Is(err, problem.Conflict) {
		return "", fmt.Errorf("create %s: %w", Admin, err)
	}
	if valid, err := s.adminTokenValid(ctx, path); valid || err != nil {
		return path, err
	}
	return path, s.renewAdminToken(ctx, path)
}

// adminTokenValid says whether the file holds a token that works.
func (s *Service) adminTokenValid(ctx context.Context, path string) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read admin token: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || info.Size() > 1024 {
		// Others could read it: it counts as leaked, not as something to chmod.
		s.log.WarnContext(ctx, "admin token renewed: others could read its file", slog.String("file", path))
		return false, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("read admin token: %w", err)
	}
	token := strings.TrimSpace(string(content))
	id, ok := parseToken(token)
	if !ok {
		return false, nil
	}
	t, err := s.store.Token(ctx, id)
	if problem.Is(err, problem.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return t.Hash == hashOf(token) && t.Principal == Admin && t.Revoked.IsZero() && !ended(t.Expires, s.now()), nil
}

// renewAdminToken stores a new token, then writes the file, then revokes the
// tokens that this file held before. A crash in between leaves a token that
// nobody holds, and the next start's is written and revokes it.
func (s *Service) renewAdminToken(ctx context.Context, path string) error {
	name := adminTokenName(path)
	old, err := s.store.Tokens(ctx, Admin)
	if err != nil {
		return err
	}
	id, secret := newToken()
	t := Token{ID: id, Name: name, Principal: Admin, CreatedBy: "stoa/auth", Created: s.now(), Hash: hashOf(secret)}
	if err := s.store.CreateToken(ctx, t, nil, tokenFact("stoa/auth", "created", t)); err != nil {
		return fmt.Errorf("create admin token: %w", err)
	}
	if err := writePrivate(path, secret+"\n"); err != nil {
		return fmt.Errorf("write admin token: %w", err)
	}
	for _, o := range old {
		if o.Name == name && o.Revoked.IsZero() {
			if err := s.store.RevokeToken(ctx, o.ID, s.now(), tokenFact("stoa/auth", "revoked", o)); err != nil {
				return fmt.Errorf("revoke former admin token: %w", err)
			}
			s.cache.dropToken(o.ID)
		}
	}
	return nil
}

// adminTokenName tells the token of this folder on this host from those of
// other replicas, which have their own.
func adminTokenName(path string) string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	return host + ":" + path
}

// writePrivate replaces a file at once: a reader sees the old one or the whole
// new one, and nobody but the owner ever sees either.
func writePrivate(path, content string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600 by its contract
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(content)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
