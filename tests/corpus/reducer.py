# SPDX-License-Identifier: Apache-2.0
"""What strace wrote, reduced to which calls the program's own image made. Used by trace and sweep."""
import os
import re

CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\((.*)$")
RESUMED = re.compile(r"<\.\.\. ([A-Za-z0-9_]+) resumed>(.*)$")
RESULT = re.compile(r"\)\s+= (-?\d+|0x[0-9a-f]+|\?)(?: .*)?$")
MODE = re.compile(r"\[ Process PID=(\d+) runs in (.+) mode\. \]")
SPAWN = {"clone", "clone3", "fork", "vfork"}


class Reducer:
    """Follows one strace output. A process shares its image with its threads, and hands it to its forks."""

    def __init__(self, real):
        self.real = real
        self.own, self.child = set(), set()
        self.tgid = {}      # thread -> process
        self.image = {}     # process -> True while it runs the program itself
        self.mode = {}      # thread -> personality, 64 bit if absent
        self.pending = {}   # thread -> (call name, its text so far)
        self.parents = {}   # thread -> [(thread that made it, whether in the same process)], again if its number is used again

    def is_own(self, text):
        m = re.match(r'(?:[^"]*, )?"((?:[^"\\]|\\.)*)"', text)
        path = m.group(1) if m else ""
        if path == "/proc/self/exe" or not path.startswith("/"):
            return path == "/proc/self/exe"
        return os.path.realpath(path) == self.real

    def prepare(self, lines):
        """A new thread's first lines may come before the line that says who made it."""
        open_calls = {}
        for pid, rest in lines:
            m = CALL.match(rest)
            text = rest
            name = m.group(1) if m else None
            if m and "<unfinished ...>" in rest:
                open_calls[pid] = rest
                continue
            r = RESUMED.match(rest)
            if r:
                name, text = r.group(1), open_calls.pop(pid, "") + rest
            if name in SPAWN:
                res = RESULT.search(text)
                if res and res.group(1).isdigit() and int(res.group(1)) > 0:
                    self.parents.setdefault(int(res.group(1)), []).append((pid, "CLONE_THREAD" in text))

    def know(self, pid):
        if pid in self.tgid:
            return
        made = self.parents.get(pid)
        parent, same = made[0] if made else (None, False)
        if parent is None or parent == pid:
            self.tgid[pid] = pid
            self.image[pid] = True
            return
        self.know(parent)
        if same:
            self.tgid[pid] = self.tgid[parent]
        else:
            self.tgid[pid] = pid
            self.image[pid] = self.image[self.tgid[parent]]
        self.mode[pid] = self.mode.get(parent, "64 bit")

    def count(self, pid, name):
        mode = self.mode.get(pid, "64 bit")
        if mode != "64 bit":
            name = ("i386:" if mode == "32 bit" else mode + ":") + name
        (self.own if self.image[self.tgid[pid]] else self.child).add(name)

    def executed(self, pid, text):
        self.image[self.tgid[pid]] = self.is_own(text)

    def feed(self, path):
        lines = []
        with open(path, errors="replace") as f:
            for line in f:
                pid, _, rest = line.rstrip("\n").partition(" ")
                if pid.isdigit():
                    lines.append((int(pid), rest.lstrip()))
                else:
                    lines.append((0, line.rstrip("\n")))
        self.prepare(lines)
        first = True
        for pid, rest in lines:
            mode = MODE.search(rest)
            if mode:
                self.mode[int(mode.group(1)) if not pid else pid] = mode.group(2)
                continue
            if not pid:
                continue
            if rest.startswith("+++"):
                # The number is free now; whoever gets it next is somebody else.
                if self.parents.get(pid):
                    self.parents[pid].pop(0)
                    self.tgid.pop(pid, None)
                    self.mode.pop(pid, None)
                continue
            self.know(pid)
            if first:
                # The execve that starts the program is its starter's, not its own.
                first = False
                if rest.startswith("execve("):
                    continue
            call = CALL.match(rest)
            resumed = RESUMED.match(rest)
            if call:
                name, text = call.groups()
                self.count(pid, name)
                if "<unfinished ...>" in text:
                    self.pending[pid] = text
                elif name in ("execve", "execveat") and text.endswith("= 0"):
                    self.executed(pid, text)
            elif resumed:
                name, text = resumed.groups()
                if name in ("execve", "execveat") and text.endswith("= 0"):
                    self.executed(pid, self.pending.get(pid, ""))
                self.pending.pop(pid, None)
            elif "superseded by execve in pid" in rest:
                other = int(rest.split("in pid ")[1].split()[0])
                self.pending[pid] = self.pending.pop(other, "")


def reduce_files(paths, real):
    own, child = set(), set()
    for path in paths:
        r = Reducer(real)
        r.feed(path)
        own |= r.own
        child |= r.child
    return own, child
