package hot

import "syscall"

// onDisk reports whether files can be held on disk.
const onDisk = true

// free is how many bytes are free in a folder's file system, or nothing where that cannot be told.
func free(dir string) int64 {
	var is syscall.Statfs_t
	if err := syscall.Statfs(dir, &is); err != nil {
		return 0
	}
	return int64(is.Bavail) * is.Bsize
}

// InMemory reports whether a folder is in a file system that is memory (tmpfs, ramfs), so that holding files there would be no gain.
func InMemory(dir string) bool {
	const tmpfs, ramfs = 0x01021994, 0x858458f6
	var is syscall.Statfs_t
	return syscall.Statfs(dir, &is) == nil && (uint32(is.Type) == tmpfs || uint32(is.Type) == ramfs)
}
