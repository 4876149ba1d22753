# SPDX-License-Identifier: Apache-2.0
"""What libseccomp, which runc and crun read profiles with, calls the system calls."""
import ctypes
import os

X86_64 = 0xC000003E  # AUDIT_ARCH_X86_64, which SCMP_ARCH_X86_64 is
UNKNOWN = -1         # __NR_SCMP_ERROR
TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../data/syscalls.tsv")


class Version(ctypes.Structure):
    _fields_ = [("major", ctypes.c_uint), ("minor", ctypes.c_uint), ("micro", ctypes.c_uint)]


def table():
    """{name: x86-64 number} of data/syscalls.tsv."""
    numbers, column = {}, None
    with open(TABLE) as f:
        for line in f:
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if column is None:
                column = cells.index("x86_64")
            elif cells[column] != "-":
                numbers[cells[0]] = int(cells[column].split("@")[0].lstrip("="), 0)
    return numbers


def check(profiles):
    """Compares the table, and the names in OCI profiles, with libseccomp. Gives (note, [what is wrong]); OSError without libseccomp."""
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_version.restype = ctypes.POINTER(Version)
    lib.seccomp_syscall_resolve_name_arch.argtypes = [ctypes.c_uint32, ctypes.c_char_p]
    v = lib.seccomp_version().contents
    numbers = table()

    def number(name):
        return lib.seccomp_syscall_resolve_name_arch(X86_64, name.encode())

    wrong = [f"{n} is {nr} here and {number(n)} to libseccomp" for n, nr in numbers.items() if number(n) not in (nr, UNKNOWN)]
    used = {n for p in profiles for r in p["syscalls"] for n in r["names"]}
    wrong += [f"{n} is in a profile, but is no x86-64 call" for n in sorted(used) if n not in numbers and number(n) < 0]
    unknown = sorted(n for n in numbers if number(n) == UNKNOWN)
    in_profiles = sorted(n for n in used if number(n) == UNKNOWN)
    note = (f"libseccomp {v.major}.{v.minor}.{v.micro} knows {len(numbers) - len(unknown)} of {len(numbers)} x86-64 names, and all of "
            f"the {len(used)} in these profiles" + (" but " + " ".join(in_profiles) if in_profiles else "") +
            "; unknown to it: " + (" ".join(unknown) or "none"))
    return note, wrong
