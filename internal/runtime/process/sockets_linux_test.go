package process

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var looks = map[string]func() ([]socket, error){"diagnosis": dumpListening, "tables": readTables}

func TestListening(t *testing.T) {
	var want []netip.AddrPort
	for network, host := range map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"} {
		l, err := net.Listen(network, net.JoinHostPort(host, "0"))
		if err != nil {
			t.Logf("without %s: %v", network, err)
			continue
		}
		defer l.Close()
		want = append(want, l.Addr().(*net.TCPAddr).AddrPort())
	}
	for name, look := range looks {
		sockets, err := look()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		mine := socketsOf(os.Getpid())
		for _, addr := range want {
			if !slices.ContainsFunc(sockets, func(s socket) bool { return s.addr == addr && mine[s.inode] }) {
				t.Errorf("%s does not see %v among %v", name, addr, sockets)
			}
			if pid, taken := owner(int(addr.Port())); !taken || pid != os.Getpid() {
				t.Errorf("owner of %v is %d, %v", addr, pid, taken)
			}
		}
	}
}

func TestParseTable(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return // the sample is of a little-endian machine
	}
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0 100 0 0 10 0
   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4343 1
   2: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 4444 1 0 20 4 30 10 -1
`
	got, err := parseTable(strings.NewReader(table))
	want := []socket{
		{4242, netip.MustParseAddrPort("127.0.0.1:8080")},
		{4343, netip.MustParseAddrPort("[::1]:80")},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func FuzzParseTable(f *testing.F) {
	f.Add("heading\n 0: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 1000 0 4242 1\n")
	f.Add("\n0: :: 0A 0A 1 2 3 4 5 6")
	f.Fuzz(func(_ *testing.T, table string) { _, _ = parseTable(strings.NewReader(table)) })
}

func FuzzParseDiag(f *testing.F) {
	message := make([]byte, unix.SizeofNlMsghdr+diagMessageLen)
	binary.NativeEndian.PutUint32(message, uint32(len(message)))
	binary.NativeEndian.PutUint16(message[4:], sockDiagByFamily)
	f.Add(message)
	f.Add(message[:unix.SizeofNlMsghdr])
	f.Fuzz(func(_ *testing.T, p []byte) { _, _, _ = parseDiag(p) })
}

// BenchmarkListening is one look for bound sockets.
func BenchmarkListening(b *testing.B) {
	for name, look := range looks {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := look(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
