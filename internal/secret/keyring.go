package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/stoa-platform/stoa/internal/problem"
)

// KeysetFile is where the key-encryption keys lie in a data folder.
const KeysetFile = "keys/secrets.json"

// Keyring holds the key-encryption keys: a Tink keyset of AES256-GCM keys, of
// which the primary one seals and every one opens. Its file is all that
// protects the values in a copy of the database: it is readable by its owner
// only, in no backup of the database, and belongs into a safe place of its own.
type Keyring struct {
	path string

	mu     sync.RWMutex
	handle *keyset.Handle
	sealer *aead.KMSEnvelopeAEAD
	file   []byte // as it was read, to see whether it changed
}

// OpenKeyring reads the keyset of the file. If there is none and create is
// true, it makes one with a new key; otherwise that is problem.Failed.
func OpenKeyring(path string, create bool) (*Keyring, error) {
	k := &Keyring{path: path}
	err := k.load()
	if errors.Is(err, fs.ErrNotExist) && create {
		err = k.create()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.New(problem.Failed, "there is no keyset for secrets at %s", path).
			Because("the database may hold values that only the keyset opens that they were encrypted under").
			Do("copy keys/ of the data folder where they were set, or name the keyset's file by STOA_KEYSET").Cause(err)
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// create writes a new keyset, unless another process did so meanwhile: then it
// takes that one.
func (k *Keyring) create() error {
	manager := keyset.NewManager()
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("make keyset: %w", err)
	}
	if err := write(k.path, handle, os.Link); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return k.load()
}

// load reads the file.
func (k *Keyring) load() error {
	info, err := os.Stat(k.path)
	if err != nil {
		return fmt.Errorf("read keyset: %w", err)
	}
	if info.Mode().Perm()&0o007 != 0 {
		return problem.New(problem.Failed, "the keyset %s can be read by everybody on this host (mode %04o)", k.path, info.Mode().Perm()).
			Because("who has it can read every secret in a copy of the database").
			Do("chmod 600 "+k.path, "then rotate the key, if somebody else may have read it")
	}
	content, err := os.ReadFile(k.path)
	if err != nil {
		return fmt.Errorf("read keyset: %w", err)
	}
	// "Insecure cleartext" is Tink's word for a keyset that no other key
	// protects: here the file's mode does, or whatever mounts it.
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(content)))
	if err != nil {
		return problem.New(problem.Failed, "the keyset %s cannot be read", k.path).
			Do("restore it from where you keep a copy; without it the stored secrets cannot be opened").Cause(err)
	}
	return k.use(handle, content)
}

func (k *Keyring) use(handle *keyset.Handle, content []byte) error {
	kek, err := aead.New(handle)
	if err != nil {
		return problem.New(problem.Failed, "the keyset %s is not one of AEAD keys", k.path).Cause(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.handle, k.file = handle, content
	k.sealer = aead.NewKMSEnvelopeAEAD2(aead.AES256GCMKeyTemplate(), kek)
	return nil
}

// reload reads the file again and reports whether it changed: another replica
// or the operator may have rotated the key.
func (k *Keyring) reload() (changed bool, err error) {
	content, err := os.ReadFile(k.path)
	if err != nil {
		return false, fmt.Errorf("read keyset: %w", err)
	}
	k.mu.RLock()
	same := bytes.Equal(content, k.file)
	k.mu.RUnlock()
	if same {
		return false, nil
	}
	return true, k.load()
}

// seal encrypts a value for its place: a data key made for it alone encrypts
// the value, the primary key encrypts the data key. The place is authenticated
// with it, so that a ciphertext opens nowhere else. kek is the primary key's id.
func (k *Keyring) seal(secret, key string, value []byte) (ciphertext []byte, kek uint32, err error) {
	k.mu.RLock()
	handle, sealer := k.handle, k.sealer
	k.mu.RUnlock()
	if kek, err = primaryOf(handle); err != nil {
		return nil, 0, err
	}
	if ciphertext, err = sealer.Encrypt(value, place(secret, key)); err != nil {
		return nil, 0, fmt.Errorf("seal secret: %w", err)
	}
	return ciphertext, kek, nil
}

// primary is the id of the key that seals.
func (k *Keyring) primary() (uint32, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return primaryOf(k.handle)
}

func primaryOf(handle *keyset.Handle) (uint32, error) {
	primary, err := handle.Primary()
	if err != nil {
		return 0, fmt.Errorf("find primary key: %w", err)
	}
	return primary.KeyID(), nil
}

// open decrypts what seal made for the same place under the key kek.
func (k *Keyring) open(secret, key string, ciphertext []byte, kek uint32) ([]byte, error) {
	if !k.holds(kek) {
		if _, err := k.reload(); err != nil {
			return nil, err
		}
		if !k.holds(kek) {
			return nil, k.missing(kek)
		}
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	value, err := k.sealer.Decrypt(ciphertext, place(secret, key))
	if err != nil {
		return nil, problem.New(problem.Failed, "the value %s of secret %s cannot be opened: it was damaged or moved", key, secret).
			Do("set it again: stoa secret set " + secret + " " + key).Cause(err)
	}
	return value, nil
}

func (k *Keyring) holds(id uint32) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for i := range k.handle.Len() {
		if e, err := k.handle.Entry(i); err == nil && e.KeyID() == id && e.KeyStatus() == keyset.Enabled {
			return true
		}
	}
	return false
}

func (k *Keyring) missing(kek uint32) error {
	return problem.New(problem.Failed, "secrets were encrypted by key %d, which %s does not hold", kek, k.path).
		Because("each data folder makes a keyset of its own; replicas on one database, and a restored backup, need the one that encrypted").
		Do("copy that keyset here, or name its file by STOA_KEYSET on every replica")
}

// place is the associated data of a value. Neither name can hold a NUL.
func place(secret, key string) []byte { return []byte("stoa/secret\x00" + secret + "\x00" + key) }

// Rotate adds a new key and makes it the one that seals. The older keys stay,
// so that values sealed by them, and backups, still open; see Vault.Reseal.
func (k *Keyring) Rotate() error {
	if _, err := k.reload(); err != nil {
		return err
	}
	k.mu.RLock()
	manager := keyset.NewManagerFromHandle(k.handle)
	k.mu.RUnlock()
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	if err := manager.SetPrimary(id); err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	return k.replace(manager)
}

// prune removes every key but those in use and the primary one; it returns how many went.
func (k *Keyring) prune(used map[uint32]bool) (int, error) {
	if _, err := k.reload(); err != nil {
		return 0, err
	}
	k.mu.RLock()
	handle := k.handle
	k.mu.RUnlock()
	manager := keyset.NewManagerFromHandle(handle)
	removed := 0
	for i := range handle.Len() {
		e, err := handle.Entry(i)
		if err != nil {
			return 0, fmt.Errorf("read keyset: %w", err)
		}
		if e.IsPrimary() || used[e.KeyID()] {
			continue
		}
		if err := manager.Delete(e.KeyID()); err != nil {
			return 0, fmt.Errorf("remove key: %w", err)
		}
		removed++
	}
	if removed == 0 {
		return 0, nil
	}
	return removed, k.replace(manager)
}

func (k *Keyring) replace(manager *keyset.Manager) error {
	handle, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("make keyset: %w", err)
	}
	if err := write(k.path, handle, os.Rename); err != nil {
		return err
	}
	return k.load()
}

// write puts the keyset beside its place, readable by its owner only, and then
// there at once: by os.Rename over the one before, by os.Link only if there is none.
func write(path string, handle *keyset.Handle, place func(from, to string) error) (err error) {
	var content bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&content)); err != nil {
		return fmt.Errorf("encode keyset: %w", err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	f, err := os.CreateTemp(dir, ".keyset-*") // 0600 by its contract
	if err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already after a rename
	_, err = f.Write(content.Bytes())
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = place(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	return syncDir(dir)
}

// syncDir makes the new name durable: a key that seals must not be lost.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("write keyset: %w", err)
	}
	return nil
}
