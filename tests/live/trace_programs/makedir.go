// SPDX-License-Identifier: Apache-2.0

// The program of the first tutorial in docs/trace.md: makes a directory; with a second argument it also says where it is.
package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	if err := syscall.Mkdir(os.Args[1], 0700); err != nil {
		fmt.Printf("%s was not made: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	fmt.Printf("made %s\n", os.Args[1])
	if len(os.Args) < 3 {
		return
	}
	directory, err := syscall.Getwd()
	if err != nil {
		fmt.Printf("where that is: %v\n", err)
		os.Exit(1)
	}
	fmt.Printf("in %s\n", directory)
}
