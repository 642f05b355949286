//go:build !linux

package wire

import (
	"errors"
	"net"
)

// batch is Linux's.
func batch(*net.TCPConn, int) error { return errors.ErrUnsupported }
