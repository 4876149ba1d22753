#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""measure_firejail_groups: what the installed firejail means by its system call groups.

usage: measure_firejail_groups.py > src/format/firejail_groups.inc

firejail names its groups as systemd does but fills them otherwise, so they are measured: its own compiler, fseccomp, turns
"drop GROUP" into filters for x86-64 and for i386, and the numbers these refuse are the group. Needs firejail.
"""
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
FSECCOMP = "/usr/lib/x86_64-linux-gnu/firejail/fseccomp"
BPF_JEQ = 0x15


def names(table):
    """number -> name of a column of data/syscalls.tsv."""
    found, column = {}, None
    with open(os.path.join(HERE, "../data/syscalls.tsv")) as file:
        for line in file:
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if column is None:
                column = cells.index(table)
                continue
            number = re.match(r"\d+", cells[column])
            if number:
                found.setdefault(int(number.group()), cells[0])
    return found


def members(verb, group, table, directory):
    first, second = os.path.join(directory, "a"), os.path.join(directory, "b")
    subprocess.run([FSECCOMP, verb, first, second, group], check=True, stdout=subprocess.DEVNULL)
    numbers = []
    for path in (first, second):  # what it needs itself before it starts the program is refused by the second
        if not os.path.exists(path):
            continue
        with open(path, "rb") as file:
            code = file.read()
        numbers += [k for op, _, _, k in struct.iter_unpack("<HBBI", code) if op == BPF_JEQ and k < 0x40000000]
        os.unlink(path)
    return {table[n] for n in numbers if n in table}


def main():
    version = re.search(r"version (\S+)", subprocess.run(["firejail", "--version"], capture_output=True, text=True).stdout).group(1)
    with open("/usr/share/doc/firejail/syscalls.txt") as file:
        groups = sorted(set(re.findall(r"^@[a-z-]+", file.read(), re.M)))
    if not groups:
        sys.exit("no groups found")
    native, other = names("x86_64"), names("i386")
    print("// SPDX-License-Identifier: Apache-2.0")
    print(f"// firejail {version}'s groups of system calls on x86-64 and i386, as its fseccomp fills them:")
    print("// tools/measure_firejail_groups.py writes this file.")
    with tempfile.TemporaryDirectory() as directory:
        for group in groups:
            found = members("drop", group, native, directory) | members("drop32", group, other, directory)
            line = "".join("\n     \" " + name + "\"" for name in sorted(found))
            print(f"    {{\"{group}\",{line}}},")


if __name__ == "__main__":
    main()
