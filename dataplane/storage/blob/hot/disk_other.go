//go:build !linux

package hot

// onDisk is false where it is not known here how to ask for what is free.
const onDisk = false

func free(string) int64 { return 0 }

// InMemory reports whether a folder is in a file system that is memory.
func InMemory(string) bool { return false }
