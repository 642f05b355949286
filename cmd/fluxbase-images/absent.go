//go:build !vips || !cgo

package main

import (
	"errors"
	"io"
)

var errWithout = errors.New("this program was built without libvips; build it by \"make build\" where libvips and pkg-config are installed")

func serve(limits) error { return errWithout }

func report(io.Writer) error { return errWithout }

func reportInside(io.Writer) error { return errWithout }
