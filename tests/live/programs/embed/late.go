// SPDX-License-Identifier: Apache-2.0

// Package late has an initialiser that looks whether the filter is in force.
package late

import (
	"errors"
	"os"
	"syscall"

	_ "example.com/app/seccompfilter"
)

// Refused is what the initialiser saw.
var Refused = errors.Is(os.Chown("/dev/null", os.Getuid(), os.Getgid()), syscall.EPERM)
