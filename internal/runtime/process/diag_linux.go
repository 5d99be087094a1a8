package process

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The kernel's interface of socket diagnosis, see sock_diag(7).
const (
	sockDiagByFamily = 20
	listenState      = 10 // TCP_LISTEN

	diagRequestLen = unix.SizeofNlMsghdr + 56 // header and inet_diag_req_v2
	diagMessageLen = 72                       // inet_diag_msg
)

// dumpListening asks the kernel for the listening TCP sockets of both families
// alone, which costs the same however many connections there are.
func dumpListening() ([]socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("diagnose sockets: %w", err)
	}
	defer unix.Close(fd)
	timeout := unix.NsecToTimeval(1e9)
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout); err != nil {
		return nil, fmt.Errorf("diagnose sockets: %w", err)
	}
	var sockets []socket
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		found, err := dumpFamily(fd, family)
		if err != nil {
			return nil, fmt.Errorf("diagnose sockets: %w", err)
		}
		sockets = append(sockets, found...)
	}
	return sockets, nil
}

func dumpFamily(fd int, family byte) ([]socket, error) {
	request := make([]byte, diagRequestLen)
	binary.NativeEndian.PutUint32(request[0:], diagRequestLen)
	binary.NativeEndian.PutUint16(request[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := request[unix.SizeofNlMsghdr:]
	body[0], body[1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(body[4:], 1<<listenState)
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	var sockets []socket
	buf := make([]byte, 32<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		found, done, err := parseDiag(buf[:n])
		if err != nil {
			return nil, err
		}
		if sockets = append(sockets, found...); done {
			return sockets, nil
		}
	}
}

// parseDiag reads one datagram of a dump; done tells that it was the last.
func parseDiag(p []byte) (sockets []socket, done bool, err error) {
	for len(p) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(p))
		if size < unix.SizeofNlMsghdr || size > len(p) {
			return nil, false, fmt.Errorf("message of %d bytes in %d", size, len(p))
		}
		message := p[unix.SizeofNlMsghdr:size]
		switch kind := binary.NativeEndian.Uint16(p[4:]); kind {
		case unix.NLMSG_DONE:
			return sockets, true, nil
		case sockDiagByFamily:
			if len(message) < diagMessageLen {
				return nil, false, fmt.Errorf("socket of %d bytes", len(message))
			}
			sockets = append(sockets, diagSocket(message))
		case unix.NLMSG_ERROR:
			if len(message) < 4 {
				return nil, false, fmt.Errorf("error of %d bytes", len(message))
			}
			return nil, false, unix.Errno(-int32(binary.NativeEndian.Uint32(message)))
		default:
			return nil, false, fmt.Errorf("message of unknown type %d", kind)
		}
		p = p[min(len(p), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return sockets, false, nil
}

func diagSocket(message []byte) socket {
	ip, _ := netip.AddrFromSlice(message[8:24])
	if message[0] == unix.AF_INET {
		ip, _ = netip.AddrFromSlice(message[8:12])
	}
	return socket{
		inode: uint64(binary.NativeEndian.Uint32(message[68:])),
		addr:  netip.AddrPortFrom(ip, binary.BigEndian.Uint16(message[4:])),
	}
}
