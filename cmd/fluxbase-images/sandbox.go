//go:build vips && cgo

package main

// #include <stdlib.h>
// #include <unistd.h>
// int fluxbase_take_output(void);
// int fluxbase_enclose(unsigned long long memory);
// int fluxbase_bound_processor(unsigned int seconds);
import "C"

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// takeOutput keeps standard output for answers: what a library prints goes to the log.
func takeOutput() (*os.File, error) {
	fd := C.fluxbase_take_output()
	if fd < 0 {
		return nil, fmt.Errorf("standard output cannot be kept: %d", fd)
	}
	return os.NewFile(uintptr(fd), "answers"), nil
}

// enclose gives up for good what making images does not need: files, the network, other programs, more memory than is granted.
func enclose(memory int64) error {
	if step := C.fluxbase_enclose(C.ulonglong(memory)); step != 0 {
		return fmt.Errorf("step %d is refused by this system", step)
	}
	return nil
}

// enclosed tries what is to be impossible: to open a file, to make a socket, to start a program.
func enclosed() bool {
	_, open := os.Open(os.DevNull)
	_, socket := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	_, start := os.StartProcess("/bin/sh", []string{"sh", "-c", "exit"}, &os.ProcAttr{})
	return errors.Is(open, syscall.EPERM) && errors.Is(socket, syscall.EPERM) && errors.Is(start, syscall.EPERM)
}

// boundProcessor grants the next job its time.
func boundProcessor(each time.Duration) error {
	if each <= 0 {
		return nil
	}
	if C.fluxbase_bound_processor(C.uint((each+time.Second-1)/time.Second)) != 0 {
		return fmt.Errorf("the processor's time cannot be bounded")
	}
	return nil
}
