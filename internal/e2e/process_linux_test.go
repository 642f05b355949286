package e2e

import "syscall"

// dieWithParent has the kernel kill a process when the test that started it dies.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
