package wire

import (
	"crypto/tls"
	"errors"
	"sync"
	"syscall"
	"time"
)

// Bounds of the connections that wait for their next use.
const (
	maxIdle  = 256
	idleTime = 30 * time.Second
)

// idle are connections that wait, the latest on top.
type idle struct {
	mu    sync.Mutex
	conns []*conn
	timer *time.Timer
}

// take returns a connection to a host that the store has not closed, or nil.
func (i *idle) take(host string) *conn {
	for {
		k := i.pop(host)
		if k == nil || k.alive() {
			return k
		}
		_ = k.Close()
	}
}

func (i *idle) pop(host string) *conn {
	i.mu.Lock()
	defer i.mu.Unlock()
	for at := len(i.conns) - 1; at >= 0; at-- {
		if k := i.conns[at]; k.host == host {
			i.conns = append(i.conns[:at], i.conns[at+1:]...)
			return k
		}
	}
	return nil
}

// alive reports whether nothing has come from the store since the connection came free: neither its end nor anything else.
func (k *conn) alive() bool {
	raw := k.Conn
	if secured, ok := raw.(*tls.Conn); ok {
		raw = secured.NetConn()
	}
	socket, ok := raw.(syscall.Conn)
	if !ok {
		return false
	}
	control, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	var peeked error
	err = control.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, peeked = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return err == nil && (errors.Is(peeked, syscall.EAGAIN) || errors.Is(peeked, syscall.EWOULDBLOCK))
}

// put keeps a connection for its next use.
func (i *idle) put(k *conn) {
	k.since = time.Now()
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(i.conns) >= maxIdle {
		_ = k.Close()
		return
	}
	i.conns = append(i.conns, k)
	if i.timer == nil {
		i.timer = time.AfterFunc(idleTime, i.sweep)
	}
}

// sweep closes what has waited for too long, and comes again while anything waits.
func (i *idle) sweep() {
	i.mu.Lock()
	defer i.mu.Unlock()
	kept := i.conns[:0]
	for _, k := range i.conns {
		if time.Since(k.since) < idleTime {
			kept = append(kept, k)
		} else {
			_ = k.Close()
		}
	}
	clear(i.conns[len(kept):])
	i.conns = kept
	i.timer = nil
	if len(kept) > 0 {
		i.timer = time.AfterFunc(idleTime, i.sweep)
	}
}
