package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errLocked says that another process holds a lock.
var errLocked = errors.New("locked")

// tryLock takes a lock that ends with this process, or returns errLocked. The file holds the process's number.
func tryLock(name string) (unlock func(), holder string, err error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, "", fmt.Errorf("open the lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		text, _ := os.ReadFile(name)
		_ = file.Close()
		return nil, strings.TrimSpace(string(text)), errLocked
	}
	if err != nil {
		_ = file.Close()
		return nil, "", fmt.Errorf("lock %s: %w", name, err)
	}
	_ = file.Truncate(0)
	_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return func() { _ = file.Close() }, "", nil
}

// lockFile waits for a lock.
func lockFile(ctx context.Context, name string) (unlock func(), err error) {
	for {
		unlock, _, err := tryLock(name)
		if !errors.Is(err, errLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
