# SPDX-License-Identifier: Apache-2.0
"""The rows of the table: which containers are started, and what counts as right."""
import json
import os
import re
import subprocess
import tempfile

import containers

HERE = os.path.dirname(os.path.abspath(__file__))
STILE = os.path.abspath(os.environ.get("STILE") or os.path.join(HERE, "../../build/release/stile"))
CORPUS = os.path.join(os.environ.get("STILE_CORPUS") or os.path.expanduser("~/.cache/stile-corpus"), "bin")
GO = "/usr/lib/go-1.23/bin/go"
USERS = {"root": 0, "user": 1000}
MODES = {"new-privs": False, "no-new-privs": True}
ACTIONS = ["errno", "kill-process"]
KILLED = 128 + 31  # by SIGSYS
FIRST_OF_GO = "sched_getaffinity"  # each Go program asks how many CPUs it has before it does anything else


class Program:
    """What a container runs. `child` is a program that it executes: what that needs is allowed with --allow."""

    def __init__(self, name, path, args=(), child=None, work=None, libraries=False):
        self.name, self.path, self.child, self.work, self.libraries = name, path, child, work, libraries
        self.args = ["/program", *args]

    def files(self):
        return {"/program": self.path, **({"/child": self.child} if self.child else {})}

    def missing(self):
        return [p for p in self.files().values() if not os.access(p, os.X_OK)]


def fixture(name):
    return os.path.join(CORPUS, name)


def programs(built):
    return [
        Program("tiny", os.path.join(built, "tiny")),
        Program("hello-1.19", fixture("hello-1.19-static")),
        Program("hello-1.23", fixture("hello-1.23-static")),
        Program("kitchen", fixture("kitchen-1.23-static")),
        Program("server", fixture("fakeapi"), ["/data/address"], work=containers.request),
        Program("parent", os.path.join(built, "parent"), child=fixture("cgohello-1.23-glibc-static")),
        Program("cgo-dynamic", fixture("cgohello-1.23-cgo-dyn"), libraries=True),
    ]


def build(directory):
    """Builds the programs of this directory. What has no compiler is missing afterwards, and its rows are skipped."""
    try:
        containers.build_tiny(directory)
    except RuntimeError as e:
        print(f"note: {e}", flush=True)
    command = [GO, "build", "-trimpath", "-buildvcs=false", "-o", os.path.join(directory, "parent"), "."]
    env = dict(os.environ, CGO_ENABLED="0", GOFLAGS="-mod=mod", GOPROXY="off", GOTOOLCHAIN="local", GOWORK="off",
               GOPATH=os.path.join(os.path.dirname(CORPUS), "gopath"), GOCACHE=os.path.join(os.path.dirname(CORPUS), "gocache"))
    try:
        done = subprocess.run(command, cwd=os.path.join(HERE, "programs/parent"), env=env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            print(f"note: {command[0]}: {done.stdout.strip()}", flush=True)
    except OSError as e:
        print(f"note: {e.strerror}: {command[0]}", flush=True)


def profile(program, *words):
    """The OCI profile that stile makes of a program file."""
    done = subprocess.run([STILE, "profile", "--no-cache", "--quiet", program, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"stile profile: exit {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def names_allowed(oci):
    return sorted({n for r in oci["syscalls"] if r["action"] == "SCMP_ACT_ALLOW" for n in r["names"]})


def words_for(runtime, no_new_privs):
    """What a user who starts containers so gives on the command line: nothing for the default."""
    value = runtime + (",no-new-privs" if no_new_privs else "")
    return [] if value == "runc" else ["--runtime", value]


class Row:
    """One line of the table: a runtime, a mode, a user, a program, a default action."""

    def __init__(self, runtime, mode, user, program, action):
        self.runtime, self.mode, self.user, self.program, self.action = runtime, mode, user, program, action
        self.cells = (runtime.name, mode, user, program.name if program else "control", action)
        self.name = ".".join(self.cells)

    def runtime_name(self):
        """As in `stile profile --runtime`."""
        return self.runtime.name

    def options(self):
        words = words_for(self.runtime_name(), MODES[self.mode])
        if self.action != "errno":
            words += ["--default-action", self.action]
        if self.program.child:
            words += ["--allow", ",".join(names_allowed(profile(self.program.child, "--runtime", "none")))]
        return words

    def config(self, seccomp):
        return containers.config(self.program.args, USERS[self.user], MODES[self.mode], bool(self.program.work), seccomp)

    def run(self, starts):
        """Gives (passed, note)."""
        p = self.program
        made = profile(p.path, *self.options())
        with containers.Bundle(self.runtime, p.files(), p.libraries) as bundle:
            wanted = bundle.start(self.config(None), p.work)
            if wanted[0] != 0 or not wanted[1]:
                return False, f"does not work without a profile: exit {wanted[0]}: {last_line(wanted)}"
            for i in range(starts):
                got = bundle.start(self.config(made), p.work)
                if got[:2] != wanted[:2]:
                    what = "exit %s" % got[0] if got[0] != wanted[0] else "other output"
                    calls = containers.killers(bundle, self.config(made), p.work, wanted[0])
                    return False, f"{i}/{starts}, then {what}: {last_line(got)}; stopped: {' '.join(calls)}"
        return True, f"{starts}/{starts}, {len(names_allowed(made))} calls allowed"


class Control(Row):
    """Under a profile without a call that each Go program makes first, a program has to die."""

    def __init__(self, runtime, mode, user, program):
        super().__init__(runtime, mode, user, None, "kill-process")
        self.program = program

    def run(self, starts):
        made = profile(self.program.path, "--drop", FIRST_OF_GO, *self.options())
        with containers.Bundle(self.runtime, self.program.files()) as bundle:
            got = bundle.start(self.config(made))
        if got[0] == KILLED and not got[1]:
            return True, "killed by SIGSYS, as it has to be"
        return False, f"wanted exit {KILLED} and no output, got exit {got[0]}: {last_line(got)}"


class Broken(Row):
    """When the kernel cannot execute the program, the container runtime has to be able to say so under the filter too."""

    def __init__(self, runtime, mode, user, program, action):
        super().__init__(runtime, mode, user, None, action)
        self.cells = (runtime.name, mode, user, "broken", action)
        self.name = ".".join(self.cells)
        self.program = program

    def run(self, starts):
        made = profile(self.program.path, *self.options())
        with containers.Bundle(self.runtime, self.program.files()) as bundle:
            with open(bundle.inside("/program"), "w") as f:
                f.write("no program\n")
            wanted = message(bundle.start(self.config(None)))
            for i in range(starts):
                got = message(bundle.start(self.config(made)))
                if got != wanted:
                    calls = containers.killers(bundle, self.config(made), None, wanted[0])
                    return False, f"{i}/{starts}, then exit {got[0]}: {got[1]!r} for {wanted[1]!r}; stopped: {' '.join(calls)}"
        return True, f"{starts}/{starts}: {wanted[1]}"


def message(result):
    """Exit status and what the runtime said, without the time."""
    return result[0], re.sub(r'time="[^"]*" ', "", last_line(result))


def last_line(result):
    lines = (result[2].strip() or result[1].decode(errors="replace").strip()).splitlines()
    lines = [line for line in lines if re.match(r"panic:|.*level=(error|fatal)", line)] or lines  # without Go's stack trace
    return lines[-1][:200] if lines else "no output"


class EngineRow(Row):
    """The same with podman or docker: the profile is a file that is named on the command line."""

    def __init__(self, engine, mode, user, program, action):
        super().__init__(engine, mode, user, program, action)
        self.engine = engine

    def runtime_name(self):
        return self.engine.runtime

    def start(self, seccomp, starts):
        p = self.program
        return self.engine.start(self.engine.image(p.files(), p.libraries), p, USERS[self.user], MODES[self.mode], seccomp, starts)

    def run(self, starts):
        made = profile(self.program.path, *self.options())
        with tempfile.NamedTemporaryFile("w", prefix="stile-live.", suffix=".json") as file:
            json.dump(made, file)
            file.flush()
            os.chmod(file.name, 0o644)
            wanted = self.start("unconfined", 1)[0]
            if wanted[0] != 0 or not wanted[1]:
                return False, f"does not work without a profile: exit {wanted[0]}: {last_line(wanted)}"
            return self.judge(made, wanted, self.start(file.name, starts))

    def judge(self, made, wanted, got):
        for i, one in enumerate(got):
            if one[:2] != wanted[:2]:
                return False, f"{i}/{len(got)}, then exit {one[0]}: {last_line(one)}"
        return True, f"{len(got)}/{len(got)}, {len(names_allowed(made))} calls allowed"


class EngineControl(EngineRow):
    """Under a profile without a call that each Go program makes first, a program has to die here too."""

    def __init__(self, engine, mode, user, program):
        super().__init__(engine, mode, user, program, "kill-process")
        self.cells = (engine.name, mode, user, "control", "kill-process")
        self.name = ".".join(self.cells)

    def options(self):
        return super().options() + ["--drop", FIRST_OF_GO]

    def judge(self, made, wanted, got):
        for one in got:
            if one[0] != KILLED or one[1]:
                return False, f"exit {one[0]} without {FIRST_OF_GO}, not {KILLED}: {last_line(one)}"
        return True, f"killed without {FIRST_OF_GO}, {len(got)} of {len(got)}"


def rows_of(runtime, chosen):
    rows = [Row(runtime, mode, user, p, action) for mode in MODES for user in USERS for p in chosen for action in ACTIONS]
    go = next((p for p in chosen if p.name.startswith("hello")), None)
    tiny = next((p for p in chosen if p.name == "tiny"), None)
    if tiny:
        # crun first asks whether it writes to a terminal, with an ioctl that its set leaves out: see data/runtimes.tsv.
        actions = ["errno"] if runtime.name == "crun" else ACTIONS
        rows += [Broken(runtime, mode, user, tiny, action) for mode in MODES for user in USERS for action in actions]
    return rows + [Control(runtime, mode, user, go) for mode in MODES for user in USERS if go]


# Programs that podman and docker start: they add nothing to what the runtime does that a larger program would show.
ENGINE_PROGRAMS = ("tiny", "hello-1.23", "server", "parent", "cgo-dynamic")


def rows_of_engine(engine, chosen):
    here = [p for p in chosen if p.name in ENGINE_PROGRAMS]
    rows = [EngineRow(engine, mode, user, p, "kill-process") for mode in MODES for user in USERS for p in here]
    go = next((p for p in here if p.name == "hello-1.23"), None)
    return rows + [EngineControl(engine, mode, "root", go) for mode in MODES if go]
