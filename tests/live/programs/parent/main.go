// SPDX-License-Identifier: Apache-2.0

// Parent runs /child, which inherits the filter, and prints what it printed.
package main

import (
	"fmt"
	"os"
	"os/exec"
)

func main() {
	out, err := exec.Command("/child").CombinedOutput()
	if err != nil {
		fmt.Println("child:", err)
		os.Exit(1)
	}
	fmt.Printf("the child printed %d bytes:\n%s", len(out), out)
}
