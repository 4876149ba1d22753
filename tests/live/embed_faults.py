# SPDX-License-Identifier: Apache-2.0
"""Rows of tests/live/embed for what goes wrong: a write that fails or is never finished, files that are not what they say, old kernels, limits."""
import os
import random
import re
import resource
import shutil
import struct
import subprocess

# What writing a program's file is made of. rename(2) has three names, and stat(2) and open(2) more than one.
STEPS = ("openat", "ftruncate", "pwrite64", "fchown", "fchmod", "flistxattr", "fgetxattr", "fsetxattr", "fsync", "fstat", "newfstatat", "access",
         "rename", "close")
PERMISSIVE = struct.pack("=HBBI", 0x20, 0, 0, 0) + struct.pack("=HBBI", 0x15, 0, 1, 170) + struct.pack("=HBBI", 6, 0, 0, 0x50001) + \
    struct.pack("=HBBI", 6, 0, 0, 0x7FFF0000)  # all but sethostname


def rows(run, want, Skip, stile, directory):
    def read(path):
        with open(path, "rb") as f:
            return f.read()

    def policy(lab):
        path = lab.path("all-but-sethostname.bpf")
        with open(path, "wb") as f:
            f.write(PERMISSIVE)
        return path

    def stand(lab):
        """A directory with a program that has all there is to be kept, its bytes, and the command that embeds."""
        place = lab.path("faults")
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(place)
        program = shutil.copy2(lab.helpers["outside"], os.path.join(place, "program"))
        os.setxattr(program, "user.test", b"kept")
        if os.geteuid() == 0:
            os.chown(program, 1234, 2345)
        return place, program, [stile, "embed", "-q", program, "-p", policy(lab)]

    def traced(words, *options):
        log = words[3] + ".strace"
        done = subprocess.run(["strace", "-f", "-o", log, *options, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                              env=dict(os.environ, SOURCE_DATE_EPOCH="1700000000"), check=False)
        with open(log, encoding="utf-8", errors="replace") as f:
            lines = f.read().splitlines()
        os.unlink(log)
        return done, lines

    def steps(lines):
        """(name, how many calls of that name came before and with it) from the moment the new file is made, and the lines themselves."""
        counts, found, from_now = {}, [], False
        for line in lines:
            match = re.match(r"\d+ +(\w+)\(", line)
            if not match:
                continue
            name = match.group(1)
            counts[name] = counts.get(name, 0) + 1
            from_now = from_now or (name == "openat" and "O_EXCL" in line)
            if from_now and name in STEPS:
                found.append((name, counts[name], line))
        return found

    def power_loss(lab):
        """At each call: the process killed before it, and the call refused. The file is the old one or the new one, nothing else."""
        if not shutil.which("strace"):
            raise Skip("no strace")
        place, program, words = stand(lab)
        old = read(program)
        done, lines = traced(words)
        if b"ptrace" in done.stderr and done.returncode != 0:
            raise Skip("nothing can be traced here")
        want(done.returncode == 0, f"exit {done.returncode}: {done.stderr[-200:]!r}")
        new, calls = read(program), steps(lines)
        want(old != new and len(calls) > 8, f"only {len(calls)} calls were seen")
        # The order on which it all rests: all is written, then on disk, then there under its name, then the name is on disk.
        names = [name for name, _, _ in calls]
        want("pwrite64" in names and "rename" in names and "fsync" in names, f"{names}")
        renamed = names.index("rename")
        synced = renamed - 1 - names[:renamed][::-1].index("fsync")
        want(not set(names[synced + 1:renamed]) & {"pwrite64", "ftruncate", "fchmod", "fchown", "fsetxattr"}, f"changed between fsync and rename: {names}")
        want("fsync" in names[renamed:], f"the directory is not brought to disk: {names}")
        descriptor = re.search(r"fsync\((\d+)", calls[synced][2]).group(1)
        want(f"pwrite64({descriptor}," in calls[names.index("pwrite64")][2], "another file is brought to disk than is written")

        seen = {"old": 0, "new": 0}
        for name, nth, _ in calls:
            for what in ("signal=KILL", "error=EIO", "error=ENOSPC"):
                if what != "signal=KILL" and name in ("close", "fstat"):
                    continue
                place, program, words = stand(lab)
                before = os.stat(program)
                # A killed process does not make the call: strace lets it return an error.
                done, lines = traced(words, f"--inject={name}:{what}:when={nth}")
                where = f"{what} at {name} number {nth}"
                data, after = read(program), os.stat(program)
                want(data in (old, new), f"{where}: {len(data)} bytes, neither the old nor the new file")
                want((before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid), f"{where}: mode or owner is another")
                want(os.getxattr(program, "user.test") == b"kept", f"{where}: its attribute is lost")
                seen["old" if data == old else "new"] += 1
                if what == "signal=KILL":
                    continue
                want(os.listdir(place) == ["program"], f"{where}: left behind: {os.listdir(place)}")
                errors = done.stderr.decode().strip().splitlines()
                if data == old:
                    want(done.returncode == 2 and len(errors) == 1, f"{where}: exit {done.returncode}, {errors}")
                else:
                    want(done.returncode == 0, f"{where}: exit {done.returncode}, but the file is the new one: {errors}")
        return f"{len(calls)} calls: {seen['old']} times the old file, {seen['new']} times the new; fsync, rename, fsync"

    def mutated(lab):
        """Programs whose headers were changed at random: what the tool takes, and the kernel starts, runs under the filter."""
        rng = random.Random(6)
        sources = [lab.helpers[name] for name in ("outside-static", "musl-static", "musl-pie", "outside-static-pie") if name in lab.helpers]
        counts = {"refused": 0, "not started": 0, "filtered": 0}
        path, out, bpf = lab.path("mutated"), lab.path("mutated.out"), policy(lab)
        for _ in range(250):
            data = bytearray(read(rng.choice(sources)))
            table, number = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
            for _ in range(rng.randint(1, 3)):
                # A field of a program header, or of the file header from e_type on; sometimes with a value that means something there.
                if rng.random() < 0.8:
                    at = table + 56 * rng.randrange(number) + rng.choice((0, 4, 8, 16, 32, 40, 48))
                else:
                    at = rng.choice((16, 18, 24, 32, 40, 52, 54, 56, 58, 60, 62))
                value = rng.choice((0, 1, 4, 5, 7, 0x1000, 0xFFF, 0x400000, 1 << 46, (1 << 64) - 1, rng.getrandbits(64), struct.unpack_from("<Q", data, at)[0] + rng.choice((-0x1000, -1, 1, 0x1000))))
                struct.pack_into("<I" if rng.random() < 0.3 else "<Q", data, at, value % (1 << 32))
            with open(path, "wb") as f:
                f.write(data)
            os.chmod(path, 0o755)
            got = run([stile, "embed", "-q", path, "-o", out, "-p", bpf])
            want(got[0] in (0, 2), f"exit {got[0]}: {got[2][-200:]!r}")
            if got[0] == 2:
                want(got[2].count(b"\n") == 1 and not os.path.exists(out), f"{got[2]!r}")
                counts["refused"] += 1
                continue
            try:
                done = subprocess.run([out, "170"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, check=False,
                                      preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31)))
                answers = done.stdout
            except (OSError, subprocess.TimeoutExpired):
                answers = b""
            os.unlink(out)
            want(b"170 0 0" not in answers, "a program with a filter inside ran without it")
            counts["filtered" if b"170 -1 1" in answers else "not started"] += 1
        want(counts["filtered"] > 10 and counts["refused"] > 10, f"{counts}: they show nothing")
        return ", ".join(f"{n} {what}" for what, n in counts.items())

    def old_kernels(lab):
        """The auxiliary vector as kernels before 5.18 made it, and no argument at all."""
        used = set()
        for name in ("outside", "outside-static", "outside-static-pie", "outside-no-pie", "musl-static", "musl-pie"):
            if name not in lab.helpers:
                continue
            copy = lab.path("old-kernel")
            used.add(run([stile, "embed", lab.helpers[name], "-o", copy])[2].decode().split("placed by '")[1].split("'")[0])
            want(run([lab.helpers["oldkernel"], "phdr", copy, "170"])[:2] == (0, b"170 -1 1\n"), f"{name}: does not run with the old AT_PHDR")
            got = subprocess.run([lab.helpers["oldkernel"], "argc0", copy], env={}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
            want(got.returncode == 0 and b"argc 0" in got.stderr, f"{name}: with argc 0: {got}")
        return f"AT_PHDR as base + e_phoff, and argc == 0; placed by {', '.join(sorted(used))}"

    def limits(lab):
        """Each limit by itself, as low as the plain program can bear: the filter asks for nothing of its own."""
        tried = []
        for name in ("outside-static", "outside"):
            copy = lab.embedded(name)
            for limit, value in (("l", 0), ("d", 0), ("v", None), ("s", 64), ("f", 0), ("n", 4), ("u", 0), ("q", 0), ("i", 0)):
                for value in (range(3000, 40000, 500) if value is None else (value,)):
                    words = ["bash", "-c", f'ulimit -{limit} {value}; exec "$0" 39', None]
                    # The first value with which the plain program runs; 12 KiB more are the part's pages.
                    if run([*words[:3], lab.helpers[name]])[0] == 0:
                        got = run([words[0], words[1], words[2].replace(f" {value};", f" {value + 12};") if limit == "v" else words[2], copy])
                        want(got[0] == 0 and b"39 " in got[1], f"{name}: ulimit -{limit} {value}: {got}")
                        tried.append(f"-{limit} {value}")
                        break
        return "ulimit " + ", ".join(tried)

    return [("file.power-loss", power_loss), ("file.mutated", mutated), ("stub.old-kernels", old_kernels), ("stub.limits", limits)]
