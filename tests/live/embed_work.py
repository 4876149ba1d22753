# SPDX-License-Identifier: Apache-2.0
"""Rows `work.*` of tests/live/embed: the corpus's programs do real work with their filter inside."""
import glob
import json
import os
import shutil
import signal
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../corpus"))
import corpuslib  # noqa: E402  (it lives with the corpus)

SIGSYS = 31
SOME = 4  # workloads of each program, without --all
LARGEST = 16 << 10  # bytes that embedding may add, besides what pages force
PAGE = 4096
OUTPUT_CALLS = "write,writev,pwrite64,pwritev,sendto,sendmsg,exit_group"
# Made by any thread or child when its turn comes, so that a truth may lack them.
TIMING = {"clock_nanosleep", "exit", "exit_group", "futex", "getpid", "gettid", "madvise", "munmap", "nanosleep", "restart_syscall", "rt_sigreturn",
          "sched_yield", "tgkill"}
# Without --all: some of each kind of program, link and language. All of them are in tests/corpus/programs.tsv.
CHOSEN = ("docker-28 kubectl-1.32 terraform-1.11 esbuild-0.3.0 esbuild-0.12.29 esbuild-0.17.0 esbuild-0.24.2 esbuild-0.28.2 lefthook-2.2.2 "
          "tsgo-7.0.0-dev.20260707.2 turbo-1.0.0 turbo-1.8.0 lf-deb age-deb micro-deb go-1.23-gofmt restic-deb rclone-deb caddy-deb runc-deb hugo-deb "
          "sqlite3-deb nginx-deb redis-server-deb curl-deb git-deb bash-deb jq-deb sshd-deb python3-deb busybox-deb ripgrep-deb fdfind-deb bat-deb cp-deb "
          "cxx-glibc cxx-glibc-static ckitchen-musl-static").split()


def link_kind(path):
    """static, static PIE, dynamic or dynamic PIE, as the program headers have it."""
    with open(path, "rb") as f:
        head = f.read(64)
        f.seek(int.from_bytes(head[32:40], "little"))
        count = int.from_bytes(head[56:58], "little")
        table = f.read(56 * count)
    dynamic = any(table[56 * i:56 * i + 4] == b"\x03\0\0\0" for i in range(count))
    return ("dynamic" if dynamic else "static") + (" PIE" if head[16] == 3 else "")


def placement_of(said):
    return said.split("placed by '")[1].split("'")[0]


def also_of(program):
    """The options for what a program of the corpus loads while it runs."""
    patterns = [tag[len("also="):] for tag in program.tags if tag.startswith("also=")]
    return [word for pattern in patterns for path in sorted(glob.glob(pattern)) for word in ("--also", path)]


def forced_by_pages(before, said):
    """Bytes that the part's place in the file asks for: to the next page, and the hole of a moved table."""
    hole = [int(line.split("hole of ")[1].split()[0]) for line in said.splitlines() if "hole of " in line]
    return hole[0] if hole else -before % PAGE


def rows(run, want, Skip, stile, read):
    def embed(*words, status=0):
        got = run([stile, "embed", "--no-cache", *words])
        want(got[0] == status, f"stile embed {' '.join(words)}: exit {got[0]}: {(got[2] or got[1]).decode(errors='replace').strip()[-300:]}")
        return got

    class Work:
        """A program's workloads in turn with one binary or another in its place."""

        def __init__(self, lab, program):
            self.lab, self.program = lab, program
            # Under the name it goes by: programs say it, and busybox is what it is called.
            self.place = os.path.join(lab.directory, "work", program.id, os.path.basename(program.start))
            self.log, self.script = lab.path("watch.log"), lab.path("watched")
            os.makedirs(os.path.dirname(self.place), exist_ok=True)
            with open(self.script, "w", encoding="utf-8") as f:
                f.write(f'#!/bin/sh\nexec "{lab.helpers["watch"]}" "{self.log}" "{self.place}" "$@"\n')
            os.chmod(self.script, 0o755)

        def plain(self, name, binary):
            return self.once(name, binary, self.place)

        def watched(self, name, binary):
            """(status and output, [(name, filter mode, no_new_privs, wait status)] of each thread that ended)."""
            if os.path.exists(self.log):
                os.unlink(self.log)
            got = self.once(name, binary, self.script)
            if not os.path.exists(self.log):
                return got, []
            lines = [line.rsplit(" ", 3) for line in read(self.log).decode(errors="replace").splitlines()]
            return got, [(name, int(mode), int(privileges), int(status, 16)) for name, mode, privileges, status in lines]

        def once(self, name, binary, start):
            shutil.copy2(binary, self.place)
            try:
                return run([os.path.join(corpuslib.HERE, "workload"), self.program.workload, name, start, self.program.start])[:2]
            finally:
                os.unlink(self.place)

    def end_servers(directory):
        """What a workload's program left running, as lf does with its server, ends with the row."""
        for exe in glob.glob("/proc/[0-9]*/exe"):
            try:
                if os.readlink(exe).startswith(directory + "/"):
                    os.kill(int(exe.split("/")[2]), signal.SIGKILL)
            except OSError:
                pass  # gone, or somebody else's

    def confined(ended, what):
        want(ended, f"{what}: no thread was seen to end")
        # -1: gone before it could be looked at, after a SIGKILL.
        bad = [thread for thread in ended if thread[1] not in (2, -1) or thread[2] not in (1, -1)]
        want(not bad and any(thread[1] == 2 for thread in ended), f"{what}: {len(bad)} of {len(ended)} threads not under a filter: {bad[:4]}")
        return len(ended)

    def stripped(work, outputs, plain, copy, said, placement):
        """What strip and objcopy make of it works, and is confined."""
        if placement == "move" or "use neither" in said:
            return []
        lab, good = work.lab, []
        for tool in (["strip"], ["objcopy"]):
            words = [["-o"] if tool[0] == "strip" else [], lab.path("work.plain-stripped"), lab.path("work.stripped")]
            # What a tool does to the plain program it may do to this one.
            if run([*tool, plain, *words[0], words[1]])[0] != 0:
                continue
            got = run([*tool, copy, *words[0], words[2]])
            want(got[0] == 0, f"{tool[0]}: {got[2].decode(errors='replace')[-200:]}")
            for name, wanted in outputs:
                got, ended = work.watched(name, words[2])
                if got != wanted:
                    wanted = work.plain(name, words[1])  # perhaps the tool's doing, or time's
                want(got == wanted, f"after {tool[0]}: {name}: exit {got[0]} for {wanted[0]}: {got[1][-200:]!r} for {wanted[1][-200:]!r}")
                confined(ended, f"after {tool[0]}: {name}")
            embed("--show", words[2])
            good.append(tool[0])
        return good

    def one(lab, program, everything):
        try:
            return tried(lab, program, everything)
        finally:
            end_servers(os.path.join(lab.directory, "work", program.id))

    def tried(lab, program, everything):
        if not program.present:
            raise Skip(f"not here: {program.path}")
        loads = corpuslib.workloads(program)
        want(loads, "has no workloads")
        if not everything:
            own = [load for load in loads if "exec" not in load[1]] or loads
            loads = own[::max(1, len(own) // SOME)][:SOME]
        plain = lab.path("work.plain")
        shutil.copy2(program.real, plain)
        also = also_of(program)
        work, copy = Work(lab, program), lab.path("work.copy")
        said = embed(plain, "-o", copy, *also)[2].decode()
        placement = placement_of(said)
        growth = os.path.getsize(copy) - os.path.getsize(plain)
        forced = forced_by_pages(os.path.getsize(plain), said)
        want(growth - forced <= LARGEST, f"grew by {growth} bytes, of which pages force {forced}")

        # What it starts inherits the filter, and its needs with it.
        others, below = copy, set()
        if os.path.exists(program.truth_file):
            below = {call[len("child:"):] for call in corpuslib.read_truth(program.truth_file)[1] if call.startswith("child:")}
        if any("exec" in tags for _, tags in loads):
            others = lab.path("work.others")
            embed(plain, "-o", others, "-q", *also, "--allow", ",".join(sorted(below | TIMING)))

        threads, unsteady, early, steady = 0, [], [], []
        for name, tags in loads:
            wanted = work.plain(name, plain)
            got, ended = work.watched(name, others if "exec" in tags else copy)
            if got == wanted and not ended:
                got, ended = work.watched(name, others if "exec" in tags else copy)
            if got == wanted and not ended:
                early.append(name)  # a signal after a moment, on a busy machine
                continue
            if got != wanted and work.plain(name, plain) != wanted:
                unsteady.append(name)  # by itself
                continue
            want(got == wanted, f"{name}: exit {got[0]} for {wanted[0]}: {got[1][-200:]!r} for {wanted[1][-200:]!r}")
            threads += confined(ended, name)
            steady.append((name, wanted, others if "exec" in tags else copy))
        want(steady, f"nothing to go by: not the same twice {unsteady}, ended before it began {early}")
        want(len(unsteady) * 4 <= len(loads) or len(loads) < 4, f"not the same twice without a filter: {unsteady}")

        count = len(steady)
        # Of programs that do nothing without others, those with the others' needs.
        binary = copy if any(one[2] == copy for one in steady) else others
        steady = [(name, wanted) for name, wanted, which in steady if which == binary]
        _, ended = work.watched(steady[0][0], plain)
        want(ended and not any(mode == 2 for _, mode, _, _ in ended), f"without a filter: {ended[:4]}")
        # Outside the profile: the calls by which anything is said, and the last one.
        inside, strict = lab.path("work.json"), lab.path("work.strict")
        with open(inside, "wb") as f:
            f.write(json.dumps(json.loads(embed("--show", "--json", binary)[1])["profile"]).encode())
        embed(plain, "-o", strict, "-q", "-p", inside, "--drop", OUTPUT_CALLS, "--default-action", "kill-process")
        _, ended = work.watched(steady[0][0], strict)
        want(any(status & 0x7F == SIGSYS for _, _, _, status in ended), f"{steady[0][0]}, without {OUTPUT_CALLS}: nothing was killed: {ended[:4]}")
        notes = stripped(work, steady if everything else steady[:1], plain, binary, said, placement)
        embed("--verify", copy, *also)
        embed("--remove", copy, "-o", lab.path("work.removed"))
        want(read(lab.path("work.removed")) == read(plain), "--remove does not give back the original")
        note = f"{link_kind(plain)}, {placement}, +{growth} bytes ({forced} for pages), {count} workloads, {threads} threads; " \
               f"after {' '.join(notes) or 'nothing'}"
        return note + (f"; not comparable: {' '.join(unsteady)}" if unsteady else "") + (f"; ended before it began: {' '.join(early)}" if early else "")

    def jobs(everything):
        programs = [p for p in corpuslib.programs([]) if p.kind != "gap" and (everything or p.id in CHOSEN)]
        return [(f"work.{p.id}", one, (p, everything)) for p in programs]

    return jobs
