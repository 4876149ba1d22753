# SPDX-License-Identifier: Apache-2.0
"""A filter's answer to a call, worked out here: so that two programs can be compared without trusting stile's emulator."""
import struct

X86_64 = 0xC000003E


def instructions(code):
    return list(struct.iter_unpack("<HBBI", code))


def answer(program, number, arch=X86_64, args=()):
    """The SECCOMP_RET_* value."""
    words = [*args, *[0] * (6 - len(args))]
    data = struct.pack("<IIQ6Q", number & 0xFFFFFFFF, arch, 0, *words)
    a, x, memory, at = 0, 0, [0] * 16, 0
    while True:
        code, true, false, k = program[at]
        at += 1
        kind = code & 7
        if code == 0x20:  # ld [k]
            a = struct.unpack_from("<I", data, k)[0]
        elif kind == 0x06:  # ret
            return a if code & 0x18 == 0x10 else k
        elif kind == 0x05:  # jumps
            value = x if code & 0x08 else k
            op = code & 0xF0
            if op == 0x00:
                at += k
                continue
            holds = {0x10: a == value, 0x20: a > value, 0x30: a >= value, 0x40: bool(a & value)}[op]
            at += true if holds else false
        elif kind == 0x04:  # arithmetic
            value = x if code & 0x08 else k
            op = code & 0xF0
            a = {0x50: a & value, 0x40: a | value, 0xA0: a ^ value}[op] & 0xFFFFFFFF
        elif code == 0x60:
            a = memory[k]
        elif code == 0x61:
            x = memory[k]
        elif code == 0x02:
            memory[k] = a
        elif code == 0x03:
            memory[k] = x
        elif code == 0x07:
            x = a
        elif code == 0x87:
            a = x
        elif code == 0x00:
            a = k
        else:
            raise ValueError(f"instruction {code:#x}")
