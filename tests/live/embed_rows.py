# SPDX-License-Identifier: Apache-2.0
"""The programs that tests/live/embed puts filters into, and its rows for source files and build systems."""
import glob
import os
import re
import shlex
import shutil
import subprocess
import tempfile

GO = sorted(glob.glob("/usr/lib/go-1.*/bin/go"))


class Program:
    """One program with a piece of work. `make` writes files into the directory it runs in; `{}` in a word is that directory."""

    def __init__(self, name, path, words, stdin=b"", make=None, after=None):
        self.name, self.path, self.given, self.stdin, self.make, self.after = name, path, words, stdin, make, after

    def words(self, cwd):
        if self.make:
            for name, data in self.make.items():
                with open(os.path.join(cwd, name), "w") as f:
                    f.write(data)
        return [w.replace("{}", cwd) for w in self.given]

    def run(self, path, cwd, run):
        """(status, output, error output, files), without what differs from run to run."""
        env = {"HOME": cwd, "TZ": "UTC", "RESTIC_PASSWORD": "x"}
        status, out, err = run([path, *self.words(cwd)], self.stdin, env, cwd)
        if self.after:
            out += self.after(cwd)

        def clean(text):
            text = text.replace(cwd.encode(), b"DIR").replace(path.encode(), b"PROGRAM").replace(os.path.basename(path).encode(), b"NAME")
            text = re.sub(rb"20\d\d/\d\d/\d\d \d\d:\d\d:\d\d", b"TIME", text)
            text = re.sub(rb"\d+(\.\d+)?(ms|s|us|\xc2\xb5s)\b", b"TIME", text)
            text = re.sub(rb"[0-9a-f]{8,}|age1[0-9a-z]+|AGE-SECRET-KEY-\w+|20\d\d-\d\d-\d\dT\S+", b"X", text)
            return text

        return status, clean(out), clean(err)


def file_of(name):
    def read(cwd):
        try:
            with open(os.path.join(cwd, name), "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b"(no file)"

    return read


JS = "import {b} from './b.js'; export const a = (x) => b(x) + 1; console.log(a(2));\n"
GO_FILE = "package main\nfunc  main( ) { println( \"x\" ) }\n"


def esbuild(corpus):
    for path in sorted(glob.glob(os.path.join(corpus, "esbuild-*"))):
        yield Program(os.path.basename(path), path, ["a.js", "--bundle", "--minify", "--outfile={}/out.js"],
                      make={"a.js": JS, "b.js": "export function b(x) { return x * 2 }\n"}, after=file_of("out.js"))


def programs(corpus):
    def at(name):
        return os.path.join(corpus, name)

    yield from esbuild(corpus)
    yield Program("docker-28", at("docker-28"), ["run", "--help"])
    yield Program("docker-deb", at("docker-deb"), ["--version"])
    yield Program("kubectl-1.32", at("kubectl-1.32"), ["create", "deployment", "x", "--image=y", "--dry-run=client", "-o", "yaml"])
    yield Program("kubectl-deb", at("kubectl-deb"), ["config", "view"])
    yield Program("terraform-1.11", at("terraform-1.11"), ["fmt", "-"], b'resource "x" "y" {\n a=1\n bb = 2\n}\n')
    yield Program("lefthook", at("lefthook-2.2.2"), ["version"])
    yield Program("tsgo", at("tsgo-7.0.0-dev.20260707.2"), ["--version"])
    yield Program("turbo-1.0.0", at("turbo-1.0.0"), ["--help"])
    yield Program("turbo-1.8.0", at("turbo-1.8.0"), ["--help"])
    yield Program("lf", at("lf-deb"), ["-version"])
    yield Program("micro", at("micro-deb"), ["-version"])
    yield Program("age", at("age-deb"), ["-d", "-i", "none", "x.age"], make={"x.age": "no"})
    for version in ("1.19", "1.23"):
        yield Program(f"gofmt-{version}", at(f"go-{version}-gofmt"), ["-d", "a.go"], make={"a.go": GO_FILE})
        yield Program(f"go-{version}-vet", at(f"go-{version}-vet"), ["-flags"])
        yield Program(f"go-{version}-nm", at(f"go-{version}-nm"), ["-size", at(f"hello-{version}-static")])
        yield Program(f"go-{version}-version", at(f"go-{version}-go"), ["version", at(f"hello-{version}-static")])
    for path in sorted(glob.glob(at("kitchen-1.*"))):
        # Without section headers nothing tells what lies behind the last segment; C library code in a static program looks users up by
        # modules that must fit it to the letter.
        if not path.endswith(("nosect", "glibc-static")):
            yield Program(os.path.basename(path), path, [])
    yield Program("ripgrep", "/usr/bin/rg", ["-c", "x", "{}"], make={"a": "x\nxx\n"})
    yield Program("sqlite3", "/usr/bin/sqlite3", ["t.db"], b"create table t(a); insert into t values(1),(2); select sum(a) from t;\n")
    yield Program("nginx", "/usr/sbin/nginx", ["-t", "-p", "{}", "-c", "{}/n.conf", "-e", "{}/e"],
                  make={"n.conf": "pid n.pid; error_log e; events {} http { access_log off; }\n".replace("{}", "{ }")})
    yield Program("restic", "/usr/bin/restic", ["init", "-r", "{}/repo", "--no-cache"])
    yield Program("rclone", "/usr/bin/rclone", ["copy", "{}/a", "{}/to", "-q"], make={"a": "copied"}, after=file_of("to/a"))
    yield Program("rclone-version", "/usr/bin/rclone", ["hashsum", "md5", "{}/a"], make={"a": "copied"})
    yield Program("caddy", "/usr/bin/caddy", ["fmt", "c"], make={"c": "localhost\nrespond \"x\"\n"})
    yield Program("fzf", "/usr/bin/fzf", ["-f", "ab"], b"abc\nxyz\naxb\n")
    yield Program("runc", "/usr/sbin/runc", ["spec", "--rootless"], after=file_of("config.json"))
    yield Program("crun", "/usr/bin/crun", ["--version"])
    yield Program("bash", "/bin/bash", ["-c", "for i in 1 2 3; do echo $((i * i)); done > f; read -r a < f; echo $a $BASH_VERSION"])
    yield Program("dash", "/bin/dash", ["-c", "echo a > f; while read -r l; do echo $l; done < f"])
    yield Program("busybox", "/bin/busybox", ["sort", "-n"], b"10\n9\n8\n")
    yield Program("python3", os.path.realpath("/usr/bin/python3"), ["-c", "import json, threading; print(json.dumps([1]))"])
    yield Program("perl", "/usr/bin/perl", ["-e", "print join(',', sort qw(b a)), \"\\n\""])
    yield Program("jq", "/usr/bin/jq", ["-c", ".a"], b'{"a": [1, 2]}')
    yield Program("git", "/usr/bin/git", ["init", "-q", "-b", "x", "{}/r"], after=file_of("r/HEAD"))
    yield Program("openssl", "/usr/bin/openssl", ["dgst", "-sha256"], b"x")
    yield Program("curl", "/usr/bin/curl", ["-s", "file://{}/a"], make={"a": "file\n"})
    yield Program("tar", "/bin/tar", ["cvf", "{}/t", "-C", "{}", "a"], make={"a": "x"})
    yield Program("gzip", "/bin/gzip", ["-nc"], b"xxxxxxxx")
    yield Program("xz", "/usr/bin/xz", ["-T2", "-c"], b"xxxxxxxx" * 1000)
    yield Program("sort", "/usr/bin/sort", ["--parallel=4"], b"b\na\n" * 50000)
    yield Program("find", "/usr/bin/find", ["{}", "-name", "a"], make={"a": ""})
    yield Program("sed", "/bin/sed", ["-i", "s/a/b/", "f"], make={"f": "a\n"}, after=file_of("f"))
    yield Program("ls", "/bin/ls", ["-a", "{}"], make={"a": ""})
    yield Program("make", "/usr/bin/make", ["-n", "-f", "m"], make={"m": "all:\n\techo x\n"})
    yield Program("cmake", "/usr/bin/cmake", ["-E", "echo", "x"])
    yield Program("ninja", "/usr/bin/ninja", ["--version"])


# --- source files ---

def sources(run, want, Skip, stile, directory):
    policy = os.path.join(directory, "policy.json")

    def source(language, path, *options):
        got = run([stile, "embed", "--source", language, policy, "-o", path, *options])
        want(got[0] == 0, f"--source {language}: {got[2].decode()}")

    def c(lab, language="c", compiler="gcc", file="main.c", flags=()):
        with tempfile.TemporaryDirectory() as d:
            source(language, os.path.join(d, "filter.h"))
            shutil.copy2(os.path.join(directory, "main.c"), os.path.join(d, file))
            tried = []
            for how in (["-O0"], ["-O2"], ["-O2", "-static"], ["-O2", "-static-pie"]):
                got = run([compiler, "-Wall", "-Wextra", "-Werror", *flags, *how, "-o", "app", file], cwd=d)
                want(got[0] == 0, f"{compiler} {how}: {got[2].decode()[-400:]}")
                got = run([os.path.join(d, "app")])
                want(got[:2] == (0, b"chown refused\n"), f"{how}: {got}")
                got = run([lab.helpers["refuse"], "317", "38", os.path.join(d, "app")])
                want(got[0] == 125 and got[1] == b"" and b"error 38" in got[2], f"{how}, no seccomp: {got}")
                tried.append(" ".join(how))
            return ", ".join(tried)

    def go(lab):
        if not GO:
            raise Skip("no Go toolchain")
        for toolchain in GO:
            with tempfile.TemporaryDirectory() as d:
                for package in ("late", "seccompfilter"):
                    os.mkdir(os.path.join(d, package))
                source("go", os.path.join(d, "seccompfilter/filter.go"))
                shutil.copy2(os.path.join(directory, "main.go"), os.path.join(d, "main.go"))
                shutil.copy2(os.path.join(directory, "late.go"), os.path.join(d, "late/late.go"))
                with open(os.path.join(d, "go.mod"), "w") as f:
                    f.write("module example.com/app\n\ngo 1.19\n")
                env = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local", "GOPROXY": "off", "GOCACHE": lab.path("gocache")}
                got = run([toolchain, "build", "-o", "app", "."], cwd=d, env=env)
                want(got[0] == 0, f"{toolchain}: {got[2].decode()[-400:]}")
                got = run([toolchain, "vet", "./seccompfilter"], cwd=d, env=env)
                want(got[0] == 0, f"{toolchain} vet: {got[2].decode()[-400:]}")
                gofmt = os.path.join(os.path.dirname(toolchain), "gofmt")
                want(run([gofmt, "-l", "seccompfilter"], cwd=d)[1] == b"", f"{gofmt}: would write it otherwise")
                for _ in range(10):
                    got = run([os.path.join(d, "app")])
                    want(got[:2] == (0, b"chown refused\n"), f"{toolchain}: {got}")
                got = run([lab.helpers["refuse"], "317", "38", os.path.join(d, "app")])
                want(got[0] == 125 and got[1] == b"" and got[2].count(b"\n") == 1, f"no seccomp: {got}")
        return f"{len(GO)} toolchains: built, vetted, formatted; every thread, and an initialiser"

    return [("c", c), ("c89", lambda lab: c(lab, flags=("-std=gnu89",))),
            ("c++", lambda lab: c(lab, "c++", "g++", "main.cc")), ("go", go)]


# --- build systems ---

def builds(run, want, Skip, stile, root):
    example = os.path.join(root, "examples/embed")

    def copied(d):
        shutil.copytree(example, os.path.join(d, "examples/embed"))
        shutil.copytree(os.path.join(root, "cmake"), os.path.join(d, "cmake"))
        return os.path.join(d, "examples/embed")

    def check(program):
        got = run([program])
        want(got[:2] == (0, b"no socket: Operation not permitted\n"), f"{got}")

    def make(lab):
        with tempfile.TemporaryDirectory() as d:
            place = copied(d)
            got = run(["make", "check", f"STILE={stile}"], cwd=place)
            want(got[0] == 0, f"make: {got[2].decode()[-300:]}")
            check(os.path.join(place, "app"))
            os.unlink(os.path.join(place, "app"))
            got = run(["make", "STILE=false"], cwd=place)
            want(got[0] != 0 and not os.path.exists(os.path.join(place, "app")), "a failed embedding leaves a program behind")
        return "built, confined; nothing is left behind when embedding fails"

    def cmake(lab):
        with tempfile.TemporaryDirectory() as d:
            place, build = copied(d), os.path.join(d, "build")
            configure = ["cmake", "-S", place, "-B", build, f"-DSTILE_EXECUTABLE={stile}", f"-DCMAKE_INSTALL_PREFIX={d}/to"]
            for words in (configure, ["cmake", "--build", build], ["cmake", "--install", build, "--strip"]):
                got = run(words)
                want(got[0] == 0, f"{' '.join(words)}: {(got[1] + got[2]).decode()[-400:]}")
            check(os.path.join(build, "app"))
            check(os.path.join(d, "to/bin/app"))
            broken = run([*configure[:4], os.path.join(d, "b2"), "-DSTILE_EXECUTABLE=STILE_EXECUTABLE-NOTFOUND"],
                         env={"PATH": "/usr/bin:/bin"})
            want(broken[0] != 0 or shutil.which("stile", path="/usr/bin:/bin"), "configures without stile")
        return "stile_harden: built, installed and stripped; no stile, no build"

    def project(d, lab):
        """A Go module to build, and an environment in which `stile`, `go`, `apt-get`, `git` and the like are what a clean Debian would have by then."""
        tools = os.path.join(d, "tools")
        os.makedirs(tools)
        os.symlink(stile, os.path.join(tools, "stile"))
        os.symlink(GO[-1], os.path.join(tools, "go"))
        for name in ("apt-get", "ln"):  # what is installed is here already
            with open(os.path.join(tools, name), "w") as f:
                f.write(f"#!/bin/sh\necho \"{name} $*\" >> {d}/installed\n")
            os.chmod(os.path.join(tools, name), 0o755)
        with open(os.path.join(tools, "git"), "w") as f:
            f.write(f"#!/bin/sh\necho \"git $*\" >> {d}/installed\n")
        os.chmod(os.path.join(tools, "git"), 0o755)
        place = os.path.join(d, "src")
        os.makedirs(os.path.join(place, "app"))
        with open(os.path.join(place, "app/main.go"), "w") as f:
            f.write("package main\n\nfunc main() { println(\"hello\") }\n")
        with open(os.path.join(place, "go.mod"), "w") as f:
            f.write("module example.com/app\n\ngo 1.19\n")
        env = {"PATH": tools + ":" + os.environ["PATH"], "GOCACHE": lab.path("gocache"), "GOTOOLCHAIN": "local", "GOPROXY": "off",
               "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
        return place, env

    def confined(program):
        got = run([program])
        want(got == (0, b"", b"hello\n"), f"{program}: {got}")
        got = run([stile, "embed", "--verify", program])
        want(got[0] == 0, f"{program}: {got}")

    def actions(lab):
        """Every `run:` step of the workflow, in order, as GitHub's runner runs it: bash -e on a script."""
        if not GO:
            raise Skip("no Go toolchain")
        with open(os.path.join(example, "github-actions.yml")) as f:
            lines = f.read().splitlines()
        steps = []
        for at, line in enumerate(lines):
            match = re.match(r"( +)(?:- )?run: (.*)", line)
            if not match:
                continue
            if match.group(2) != "|":
                steps.append(match.group(2))
                continue
            block = []
            for inner in lines[at + 1:]:
                if not inner.startswith(match.group(1) + "  "):
                    break
                block.append(inner.strip())
            steps.append("\n".join(block))
        want(len(steps) == 5, f"steps: {steps}")
        with tempfile.TemporaryDirectory() as d:
            place, env = project(d, lab)
            for step in steps:
                got = run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step], cwd=place, env=dict(env, STILE_REPOSITORY="https://example.com/stile"))
                want(got[0] == 0, f"{step}: {(got[1] + got[2]).decode()[-300:]}")
            confined(os.path.join(place, "bin/app"))
        return f"{len(steps)} steps run; of these the installing ones by name only"

    def goreleaser(lab):
        """goreleaser is not run: its hook is, as goreleaser does it, the template filled in and split into words."""
        if not GO:
            raise Skip("no Go toolchain")
        with open(os.path.join(example, "goreleaser.yml")) as f:
            hooks = re.findall(r"- cmd: (.*)", f.read())
        want(len(hooks) == 1, f"hooks: {hooks}")
        with tempfile.TemporaryDirectory() as d:
            place, env = project(d, lab)
            path = os.path.join(place, "dist", "a b", "app")  # a path that has to be quoted
            os.makedirs(os.path.dirname(path))
            got = run([GO[-1], "build", "-o", path, "./app"], cwd=place, env=env)
            want(got[0] == 0, f"go build: {got[2].decode()[-300:]}")
            words = shlex.split(hooks[0].replace("{{ .Path }}", path))
            got = run([os.path.join(d, "tools/stile") if words[0] == "stile" else words[0], *words[1:]], cwd=place, env=env)
            want(got[0] == 0, f"{words}: {got[2].decode()[-300:]}")
            confined(path)
        return hooks[0]

    def dockerfile(lab):
        """The last RUN of the build stage, with /app in a directory of its own; no image is built."""
        if not GO:
            raise Skip("no Go toolchain")
        with open(os.path.join(example, "Dockerfile")) as f:
            text = f.read()
        runs = re.findall(r"^RUN (.*)", text, re.M)
        want(len(runs) == 3 and runs[-1].endswith(" /app") and "COPY --from=build /app /app" in text, f"lines: {runs}")
        with tempfile.TemporaryDirectory() as d:
            place, env = project(d, lab)
            app = os.path.join(d, "app")
            line = re.sub(r"(?<= )/app\b", app, runs[-1])
            got = run(["sh", "-c", line], cwd=os.path.join(place, "app"), env=env)
            want(got[0] == 0, f"{line}: {got[2].decode()[-300:]}")
            confined(app)
        return runs[-1]

    return [("make", make), ("cmake", cmake), ("actions", actions), ("goreleaser", goreleaser), ("dockerfile", dockerfile)]
