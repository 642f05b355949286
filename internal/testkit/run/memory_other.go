//go:build !linux

package main

// inMemory is a folder that is kept in memory: "", for none.
func inMemory() string { return "" }
