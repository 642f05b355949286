package wire

import (
	"net"
	"syscall"
)

// batch has the kernel wait for so many bytes before it says that there are any, so that a large object takes fewer turns.
func batch(socket *net.TCPConn, bytes int) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var refused error
	err = raw.Control(func(fd uintptr) {
		refused = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVLOWAT, bytes)
	})
	if err != nil {
		return err
	}
	return refused
}
