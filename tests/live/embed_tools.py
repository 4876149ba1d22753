# SPDX-License-Identifier: Apache-2.0
"""Rows of tests/live/embed for the tools that look at programs: perf, gdb, core dumps, Go's own; and file capabilities."""
import glob
import os
import re
import shutil
import tempfile

GO = sorted(glob.glob("/usr/lib/go-1.*/bin/go"))

GO_PANIC = """package main

import "os"

func deep(n int) int {
	if n == 0 {
		var m map[string]int
		m[os.Args[0]] = 1
	}
	return deep(n-1) + 1
}

func main() {
	if len(os.Args) > 1 {
		deep(3)
	}
	println("done")
}
"""


def rows(run, want, Skip, stile, directory):
    source = os.path.join(directory, "deep.c")

    def pairs(lab):
        """(name, the plain program, the embedded one) for each way to link, with debug information."""
        for name, flags in {"static": ["-static"], "pie": [], "no-pie": ["-no-pie"], "static-pie": ["-static-pie"]}.items():
            plain, copy = lab.path("deep-" + name), lab.path("deep-" + name + ".in")
            if not os.path.exists(plain):
                got = run(["gcc", "-g", "-O1", "-fno-optimize-sibling-calls", *flags, "-o", plain, source])
                want(got[0] == 0, f"deep.c: {got[2].decode()[-300:]}")
                got = run([stile, "embed", "-q", plain, "-o", copy])
                want(got[0] == 0, f"embed: {got[2].decode()[-300:]}")
            yield name, plain, copy

    def perf(lab):
        if not shutil.which("perf"):
            raise Skip("no perf")

        def hottest(program):
            data = lab.path("perf.data")
            if run(["perf", "record", "-q", "-e", "cpu-clock:u", "-g", "-o", data, program, "burn"])[0] != 0:
                return None
            report = run(["perf", "report", "-i", data, "--stdio", "--no-children", "-g", "none", "-F", "sample,sym"])[1].decode()
            lines = [line.split() for line in report.splitlines() if line.strip() and not line.startswith("#")]
            return lines[0][-1] if lines else ""

        seen = []
        for name, plain, copy in pairs(lab):
            expected = hottest(plain)
            if expected is None:
                raise Skip("perf records nothing here")
            want(expected == "innermost", f"{name}: plain, perf names {expected}")
            got = hottest(copy)
            want(got == expected, f"{name}: perf names {got}")
            seen.append(name)
        return "perf record and report name the function: " + ", ".join(seen)

    def core(lab):
        """A core of the kernel's, or gdb's own where the kernel gives it to a program."""
        if not shutil.which("gdb"):
            raise Skip("no gdb")
        with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as f:
            by_kernel = not f.read().startswith(("|", "/", "@"))
        for name, plain, copy in pairs(lab):
            with tempfile.TemporaryDirectory() as d:
                if by_kernel:
                    status = run(["bash", "-c", 'ulimit -c unlimited; exec "$0" abort', copy], cwd=d)[0]
                    want(status == -6, f"{name}: abort ends with {status}")
                    files = glob.glob(os.path.join(d, "core*"))
                    want(len(files) == 1, f"{name}: cores: {files}")
                    path = files[0]
                else:
                    path = os.path.join(d, "core")
                    run(["gdb", "-batch", "-ex", "run", "-ex", f"generate-core-file {path}", "--args", copy, "abort"])
                    want(os.path.exists(path), f"{name}: gdb makes no core")
                text = run(["gdb", "-batch", "-ex", "bt", copy, path])[1].decode(errors="replace")
                for frame in ("innermost (what=", "middle (what=", "main (argc=", "deep.c:"):
                    want(frame in text, f"{name}: no '{frame}' in {text[-600:]!r}")
        return ("the kernel's" if by_kernel else "gdb's") + " core: functions, arguments and lines"

    def backtrace(lab):
        if not shutil.which("gdb"):
            raise Skip("no gdb")
        for name, plain, copy in pairs(lab):
            texts = []
            for program in (plain, copy):
                text = run(["gdb", "-batch", "-ex", "break innermost", "-ex", "run", "-ex", "bt", "-ex", "next", "-ex", "finish", "--args", program, "burn"])[1]
                texts.append([line for line in text.decode().splitlines() if line.startswith(("#", "Run till"))])
            same = [[re.sub("0x[0-9a-f]+", "ADDRESS", line) for line in lines] for lines in texts]
            want(len(same[0]) >= 3 and same[0] == same[1], f"{name}: {same}")
        return "DWARF backtraces in gdb, line by line as before"

    def go(lab):
        if not GO:
            raise Skip("no Go toolchain")
        told = []
        for toolchain in GO:
            with tempfile.TemporaryDirectory() as d:
                with open(os.path.join(d, "main.go"), "w", encoding="utf-8") as f:
                    f.write(GO_PANIC)
                with open(os.path.join(d, "go.mod"), "w", encoding="utf-8") as f:
                    f.write("module example.com/deep\n\ngo 1.19\n")
                env = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOCACHE": lab.path("gocache")}
                for mode in ("exe", "pie"):
                    plain, copy = os.path.join(d, "app"), os.path.join(d, "in", "app")
                    got = run([toolchain, "build", "-buildmode=" + mode, "-o", plain, "."], cwd=d, env=env)
                    want(got[0] == 0, f"{toolchain} {mode}: {got[2].decode()[-300:]}")
                    os.makedirs(os.path.dirname(copy), exist_ok=True)
                    got = run([stile, "embed", plain, "-o", copy])
                    want(got[0] == 0, f"embed: {got[2].decode()[-300:]}")
                    said = got[2].decode()
                    versions = [run([toolchain, "version", "-m", path], env=env)[1].replace(path.encode(), b"") for path in (plain, copy)]
                    want(versions[0] == versions[1] and b"path" in versions[0], f"go version -m: {versions}")
                    ids = [run([toolchain, "tool", "buildid", path], env=env)[1] for path in (plain, copy)]
                    want(ids[0] and (ids[0] == ids[1]) != ("buildid no longer" in said), f"{toolchain} {mode}: go tool buildid {ids}, said {said}")
                    panics = [run([path, "x"], env={"GOTRACEBACK": "single"}) for path in (plain, copy)]
                    lines = [[w for w in p[2].decode().splitlines() if w.startswith(("panic:", "main.", "goroutine"))] for p in panics]
                    lines = [[w.split("(")[0] for w in one] for one in lines]
                    want(panics[0][0] == panics[1][0] == 2 and len(lines[0]) >= 6 and lines[0] == lines[1], f"a panic: {panics}")
                    told.append(f"{toolchain.split('/')[3][3:]} {mode} {said.split(chr(39))[-2] if chr(39) in said else ''}")
        return "go version -m, buildid, a panic's trace: " + ", ".join(told)

    def capabilities(lab):
        """The program's own file capabilities, started by somebody who has none."""
        if os.geteuid() != 0 or not shutil.which("setcap") or not shutil.which("setpriv"):
            raise Skip("needs root, setcap and setpriv")
        with tempfile.TemporaryDirectory() as d:
            os.chmod(d, 0o755)
            for name, plain, copy in pairs(lab):
                if name not in ("static", "pie"):
                    continue
                path = shutil.copy2(plain, os.path.join(d, "capable-" + name))
                if run(["setcap", "cap_net_raw+ep", path])[0] != 0:
                    raise Skip("no file capabilities here")
                words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", path, "capabilities"]
                before = run(words)
                if int(before[1].split()[-1], 16) == 0:
                    raise Skip(f"file capabilities give nothing here: {before[1]!r}")
                got = run([stile, "embed", "-q", path])
                want(got[0] == 0, f"embed: {got[2].decode()[-300:]}")
                want(run(words)[:2] == before[:2], f"{name}: {run(words)}, before {before}")
        return f"in effect as before: {before[1].split()[-1].decode()}"

    return [("tools.perf", perf), ("tools.core", core), ("tools.backtrace", backtrace), ("tools.go", go), ("tools.capabilities", capabilities)]
