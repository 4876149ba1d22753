# SPDX-License-Identifier: Apache-2.0
"""What trace and run share: the list of programs, their workloads, and running one."""
import fnmatch
import hashlib
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.environ.get("STILE_CORPUS") or os.path.expanduser("~/.cache/stile-corpus")


class Program:
    """One line of `list`."""

    def __init__(self, line):
        self.id, self.kind, self.source, self.workload, tags, self.path = line.split("\t")
        self.tags = set(tags.split(",")) - {"-"}
        self.real = os.path.realpath(self.path)
        # What is started: some programs go by the name they are called by (redis-server is a link to redis-check-rdb).
        self.start = os.readlink(self.path) if self.kind == "apt" and os.path.islink(self.path) else self.real
        self.truth_file = os.path.join(HERE, "truth", self.id + ".txt")

    @property
    def present(self):
        return os.access(self.real, os.X_OK)

    def sha256(self):
        with open(self.real, "rb") as f:
            return hashlib.file_digest(f, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else \
                hashlib.sha256(f.read()).hexdigest()


def programs(patterns):
    out = subprocess.run([os.path.join(HERE, "list")], check=True, stdout=subprocess.PIPE, text=True).stdout
    found = [Program(line) for line in out.splitlines()]
    return [p for p in found if not patterns or any(fnmatch.fnmatchcase(p.id, pat) for pat in patterns)]


def workloads(program):
    """[(name, tags)] of a program; empty if nobody wrote any."""
    done = subprocess.run([os.path.join(HERE, "workload"), program.workload], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    pairs = [line.split("\t") for line in done.stdout.splitlines()]
    return [(name, set(tags.split(",")) - {"-"}) for name, tags in pairs]


def run_workload(program, name, binary=None, env="", stderr=False):
    """Runs a workload with `binary` in the program's place. Gives (exit status, stdout bytes, stderr text)."""
    full = dict(os.environ, WORKLOAD_ENV=env)
    full.pop("WORKLOAD_STDERR", None)
    if stderr:
        full["WORKLOAD_STDERR"] = "1"
    done = subprocess.run([os.path.join(HERE, "workload"), program.workload, name, binary or program.start, program.start],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=full)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def wrapper(directory, name, command):
    """Writes a script that runs `command` (shell text) with the program's arguments in "$@"."""
    path = os.path.join(directory, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + command + "\n")
    os.chmod(path, 0o755)
    return path


def read_truth(path):
    """A truth file: (header dict, {syscall: runs seen in})."""
    header, counts = {}, {}
    with open(path) as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("#"):
                m = re.match(r"# ([a-z0-9 -]+): (.*)", line)
                if m:
                    header[m.group(1)] = m.group(2)
            elif line:
                name, runs = line.split("\t")
                counts[name] = int(runs)
    return header, counts
