//go:build !linux

package e2e

import "syscall"

// dieWithParent does nothing here: a test that is killed may leave its processes behind.
func dieWithParent() *syscall.SysProcAttr { return nil }
