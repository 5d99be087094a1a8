package process

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// watch sees which TCP sockets a process group listens on. It costs one look
// at the kernel's table as long as nothing new listens on this machine.
type watch struct {
	group int
	ours  map[uint64]bool // by inode: whether the group has it open
	asked time.Time       // when foreign sockets were last looked at
}

// newWatch is called before the group starts: what listens already is not its.
func newWatch() *watch {
	w := &watch{ours: make(map[uint64]bool), asked: time.Now()}
	sockets, _ := listening()
	for _, s := range sockets {
		w.ours[s.inode] = false
	}
	return w
}

// recheck is how long a socket that was found with nobody is taken for
// another's: its owner may have been between two processes.
const recheck = time.Second

// poll returns the addresses that the group listens on now.
func (w *watch) poll() ([]netip.AddrPort, error) {
	sockets, err := listening()
	if err != nil {
		return nil, err
	}
	again := time.Since(w.asked) > recheck
	unknown := make(map[uint64]bool)
	for _, s := range sockets {
		if ours, known := w.ours[s.inode]; !known || (again && !ours) {
			unknown[s.inode] = true
		}
	}
	if len(unknown) > 0 {
		if again {
			w.asked = time.Now()
		}
		w.claim(unknown)
	}
	var found []netip.AddrPort
	for _, s := range sockets {
		if w.ours[s.inode] {
			found = append(found, s.addr)
		}
	}
	return found, nil
}

// claim finds out which of the sockets the group has open.
func (w *watch) claim(unknown map[uint64]bool) {
	for inode := range unknown {
		w.ours[inode] = false
	}
	take := func(pid int) {
		for inode := range socketsOf(pid) {
			if unknown[inode] {
				w.ours[inode] = true
				delete(unknown, inode)
			}
		}
	}
	take(w.group) // nearly always the one
	if len(unknown) == 0 {
		return
	}
	for _, pid := range members(w.group) {
		if take(pid); len(unknown) == 0 {
			return
		}
	}
}

// socketsOf lists the inodes of the sockets that a process has open; none if
// we may not see them.
func socketsOf(pid int) map[uint64]bool {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	inodes := make(map[uint64]bool)
	for _, name := range names {
		target, err := os.Readlink(dir + name)
		if err != nil {
			continue
		}
		if number, ok := strings.CutPrefix(target, "socket:["); ok {
			if inode, err := strconv.ParseUint(strings.TrimSuffix(number, "]"), 10, 64); err == nil {
				inodes[inode] = true
			}
		}
	}
	return inodes
}

// owner finds who listens on the port: pid 0 if it cannot be seen who it is.
func owner(port int) (pid int, taken bool) {
	sockets, _ := listening()
	wanted := make(map[uint64]bool)
	for _, s := range sockets {
		if int(s.addr.Port()) == port {
			wanted[s.inode] = true
		}
	}
	if len(wanted) == 0 {
		return 0, false
	}
	holders := processes(func(name string, _ stat) bool {
		n, _ := strconv.Atoi(name)
		for inode := range socketsOf(n) {
			if wanted[inode] {
				return true
			}
		}
		return false
	})
	if len(holders) == 0 {
		return 0, true
	}
	return holders[0], true
}

type socket struct {
	inode uint64
	addr  netip.AddrPort
}

// listening lists the listening TCP sockets of this network namespace.
func listening() ([]socket, error) {
	if sockets, err := dumpListening(); err == nil {
		return sockets, nil
	}
	return readTables() // some sandboxes have no socket diagnosis
}

// readTables is the slow way: the kernel walks all connections as well.
func readTables() ([]socket, error) {
	var all []socket
	for _, path := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(path, "6") {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("read listening sockets: %w", err)
		}
		sockets, err := parseTable(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("read listening sockets: %s: %w", path, err)
		}
		all = append(all, sockets...)
	}
	return all, nil
}

// parseTable reads the format of /proc/net/tcp, in which listening sockets come
// first: reading ends at the first that does not listen.
func parseTable(r io.Reader) ([]socket, error) {
	var sockets []socket
	lines := bufio.NewScanner(r)
	lines.Scan() // heading
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 10 {
			return nil, fmt.Errorf("unexpected line %.80q", lines.Text())
		}
		const listen = "0A"
		if fields[3] != listen {
			break
		}
		addr, err := parseAddr(fields[1])
		if err != nil {
			return nil, err
		}
		inode, err := strconv.ParseUint(fields[9], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("inode: %w", err)
		}
		sockets = append(sockets, socket{inode: inode, addr: addr})
	}
	return sockets, lines.Err()
}

// parseAddr reads "0100007F:1F90": 32-bit words in the byte order of the
// machine, and the port as a number.
func parseAddr(s string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw) != 4 && len(raw) != 16 {
		return netip.AddrPort{}, fmt.Errorf("unexpected address %.80q", s)
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, _ := netip.AddrFromSlice(raw)
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("unexpected address %.80q", s)
	}
	return netip.AddrPortFrom(ip, uint16(n)), nil
}
