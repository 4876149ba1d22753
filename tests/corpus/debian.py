# SPDX-License-Identifier: Apache-2.0
"""Which executables of installed Debian packages there are. Used by sweep and bench/closure/table."""
import os
import subprocess

BIN = ("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/")


def packages(path):
    """The names in a file of packages: one a line, # begins a comment."""
    with open(path) as f:
        return [line.strip() for line in f if line.strip() and not line.startswith("#")]


def is_program(path):
    """Whether a file is an x86-64 ELF file (ELF64, EM_X86_64 = 62) that is executable."""
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        return False
    with open(path, "rb") as f:
        head = f.read(20)
    return head[:5] == b"\x7fELF\x02" and head[18:20] == b"\x3e\x00"


def executables(names):
    """({real path: package} of the packages' programs, [packages that are not installed]). Several names of a file count once."""
    found, absent = {}, []
    for name in names:
        done = subprocess.run(["dpkg", "-L", name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if done.returncode != 0:
            absent.append(name)
            continue
        for path in done.stdout.splitlines():
            real = os.path.realpath(path)
            if path.startswith(BIN) and is_program(real):
                found.setdefault(real, name)
    return found, absent
