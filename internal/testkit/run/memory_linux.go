package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// What a folder in memory must have room for, and the machine memory: databases, caches, browsers' profiles, programs that are built.
const (
	roomNeeded   = 4 << 30
	memoryNeeded = 8 << 30
)

// inMemory is a folder that is kept in memory, or "" where there is none with room and with leave to run programs. Tests make and delete files by
// the hundred thousand, one for every table and index of every database: some file systems take longer for that than everything else does.
func inMemory() string {
	const dir = "/dev/shm"
	const tmpfs, noExec = 0x01021994, 0x8
	var is syscall.Statfs_t
	if err := syscall.Statfs(dir, &is); err != nil || is.Type != tmpfs || is.Flags&noExec != 0 {
		return ""
	}
	if int64(is.Bavail)*is.Bsize < roomNeeded || memoryAvailable() < memoryNeeded {
		return ""
	}
	return dir
}

// memoryAvailable is how many bytes programs may still take before the system swaps.
func memoryAvailable() int64 {
	told, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(told), "MemAvailable:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, err := strconv.ParseInt(kilobytes, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
