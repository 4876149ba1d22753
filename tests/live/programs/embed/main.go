// SPDX-License-Identifier: Apache-2.0

// A Go program with the filter that stile embed --source wrote for policy.json: all but chown, on all threads, from the start.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"example.com/app/late"
	_ "example.com/app/seccompfilter"
)

func refused() bool {
	return errors.Is(os.Chown("/dev/null", os.Getuid(), os.Getgid()), syscall.EPERM)
}

func main() {
	if !late.Refused {
		fmt.Println("an initialiser ran before the filter")
		os.Exit(1)
	}
	var group sync.WaitGroup
	for i := 0; i < 20; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			runtime.LockOSThread()
			if !refused() {
				fmt.Println("a thread without the filter")
				os.Exit(1)
			}
		}()
	}
	group.Wait()
	tasks, _ := os.ReadDir("/proc/self/task")
	for _, task := range tasks {
		status, err := os.ReadFile("/proc/self/task/" + task.Name() + "/status")
		if err == nil && !strings.Contains(string(status), "Seccomp:\t2\n") {
			fmt.Println("a thread without the filter")
			os.Exit(1)
		}
	}
	fmt.Println("chown refused")
}
