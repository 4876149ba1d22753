# SPDX-License-Identifier: Apache-2.0
"""Rows of tests/live/trace beyond the counts: events that are lost, terminals, full disks, what goes on without its tracer, the tutorials of
docs/trace.md. Each function yields (name, whether it is as it should be, what was seen instead)."""
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GO = next((g for g in (*(f"/usr/lib/go-1.{n}/bin/go" for n in (23, 22, 21, 19)), shutil.which("go")) if g and os.path.exists(g)), None)


def calls_of(path):
    trace = json.load(open(path))
    return trace["lost"], sum(call["calls"] for group in trace["groups"] for call in group["calls"]), trace


def check_losses(stile, programs, where):
    """The tables in the kernel are filled up for real: what does not fit is counted, told, and in the exit status."""
    out, profile = os.path.join(where, "lost.json"), os.path.join(where, "lost.profile")
    plain = os.path.join(where, "plain.json")
    # Each name of a thread is a group of its own, and there is room for 16,384 calls of groups.
    command = [programs["subject"], "names", "12000"]
    subprocess.run([stile, "trace", "-q", "--backend", "ebpf", "--json", "-O", plain, "--", *command], check=True)
    _, made, _ = calls_of(plain)
    done = subprocess.run([stile, "trace", "--backend", "ebpf", "--by", "comm", "--json", "-O", out, "-o", profile, "--", *command],
                          stderr=subprocess.PIPE, text=True, timeout=120)
    lost, counted, _ = calls_of(out)
    yield "a full table is an error", done.returncode == 125, f"status {done.returncode}"
    told = re.search(r"(\d+) events could not be counted", done.stderr)
    yield "how many is told", told and int(told.group(1)) == lost > 0, done.stderr
    yield "what is lost and what is counted is all there was", lost + counted == made, f"{lost} + {counted}, not {made}"
    done = subprocess.run([stile, "trace", "--from", out, "-o", profile], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield "and told again when the trace is read", done.returncode == 125 and f"{lost} events" in done.stderr, f"{done.returncode} {done.stderr}"
    # 65,536 values of arguments
    done = subprocess.run([stile, "trace", "--backend", "ebpf", "--args", "--json", "-O", out, "--", programs["subject"], "requests", "70000"],
                          stderr=subprocess.PIPE, text=True, timeout=120)
    lost, _, trace = calls_of(out)
    ioctl = next(c for g in trace["groups"] for c in g["calls"] if c["name"] == "ioctl")
    yield "more values than there is room for", done.returncode == 125 and lost >= 70000 - 65536, f"{done.returncode} {lost}"
    yield "and the calls are counted all the same", ioctl["calls"] == 70000 and ioctl["argument"]["incomplete"], f"{ioctl}"[:200]
    # The other backends have no tables in the kernel.
    for backend in ("ptrace", "notify"):
        done = subprocess.run([stile, "trace", "-q", "--backend", backend, "--by", "comm", "--json", "-O", out, "--", programs["subject"], "names", "300"],
                              stderr=subprocess.PIPE, text=True, timeout=120)
        lost, counted, trace = calls_of(out)
        yield f"{backend} loses nothing", done.returncode == 0 and lost == 0 and len(trace["groups"]) == 301, f"{done.stderr} {lost} {len(trace['groups'])}"


def check_times(stile, programs, where):
    """Which calls are measured changes no count, and hides no long one."""
    out, seen = os.path.join(where, "times.json"), {}
    for times in ("all", "sampled", "none"):
        subprocess.run([stile, "trace", "-q", "--backend", "ebpf", "--times", times, "--json", "-O", out, "--", programs["subject"], "long-read"],
                       check=True, timeout=120)
        _, _, trace = calls_of(out)
        seen[times] = {c["name"]: c for g in trace["groups"] for c in g["calls"]}
    plain = {times: {name: (c["calls"], c.get("errors", 0)) for name, c in calls.items()} for times, calls in seen.items()}
    yield "the same calls and errors", plain["all"] == plain["sampled"] == plain["none"], f"{plain}"
    every, some = seen["all"]["read"], seen["sampled"]["read"]
    yield "all are measured", "estimated" not in every and every["returned"] == every["calls"], f"{every}"
    yield "some are measured", 15000 < some["estimated"] < 19000 and some["returned"] == some["calls"], f"{some}"
    yield "none is measured", "returned" not in seen["none"]["read"], f"{seen['none']['read']}"
    yield "a long one is not missed", 390e6 < some["longest"] < 3 * every["longest"], f"{some}"
    # Short ones last as long in both, on a machine that does something else besides.
    short = [(c["nanoseconds"] - c["longest"]) / c["returned"] for c in (every, some)]
    yield "estimates are what is measured", 1 / 3 < short[0] / short[1] < 3, f"{short}"
    done = subprocess.run([stile, "trace", "--backend", "ebpf", "--", programs["subject"], "long-read"], stderr=subprocess.PIPE, text=True)
    told = re.search(r"^times: (\d+) of (\d+) calls measured, the others estimated from them$", done.stderr, re.M)
    yield "the table says so", told and 1000 < int(told.group(1)) < 6000 and int(told.group(2)) > 20000, done.stderr


def in_terminal(command, cwd, typed=(), seconds=30):
    """Runs it as the leader of a session on a terminal of its own. `typed`: (text to wait for, bytes to type then, or none
    for a pause), in turn. Gives status and output."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execv(command[0], command)
    seen, typed, end = b"", list(typed), time.monotonic() + seconds
    while True:
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
        if typed and typed[0][0] in seen:
            text = typed.pop(0)[1]
            os.write(master, text) if text else time.sleep(1.5)
        if not select.select([master], [], [], 0.05)[0]:
            continue
        try:
            got = os.read(master, 65536)
        except OSError:  # nobody has it open any more
            break
        seen += got
    os.close(master)
    text = re.sub(r"\x1b\[[0-9;]*m", "", seen.decode(errors="replace"))  # colours
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), text.replace("\r\n", "\n")


def check_terminal(stile, programs, where, backend):
    subject = programs["subject"]
    trace = [stile, "trace", "--backend", backend, "-O", os.path.join(where, "t")]
    plain = in_terminal([subject, "show"], where)
    traced = in_terminal([*trace, "-q", "--", subject, "show"], where)
    # As the child of the one who leads, it is not itself the leader.
    expected = (plain[0], plain[1].replace("pgrp=1 sid=1", "pgrp=0 sid=0"))
    yield "the same terminal, in front", traced == expected and "front=1" in traced[1], f"{traced}, not {expected}"
    status, seen = in_terminal([*trace, "--", subject, "wait"], where, [(b"ready", b"y\n")])
    yield "what is typed reaches the command", status == 0 and "got y" in seen, f"{status} {seen!r}"
    status, seen = in_terminal([*trace, "--", subject, "loop"], where, [(b" lost", b"\x03")])
    lines = re.findall(r"stile: ([\d,]+) calls?, (\d+) different, (\d+) lost", seen)
    yield "a live line", lines and int(lines[0][0].replace(",", "")) > 20 and int(lines[0][1]) >= 3 and lines[0][2] == "0", f"{seen!r}"
    yield "which is gone in the end", "\r\x1b[K" in seen.rsplit("lost", 1)[-1], f"{seen!r}"
    yield "Ctrl-C ends it with a table", status == 130 and "getppid" in open(os.path.join(where, "t")).read(), f"{status} {seen!r}"
    status, seen = in_terminal([*trace, "-q", "--", subject, "loop"], where, [(b"ready", b""), (b"ready", b"\x03")])
    yield "no live line with -q", "lost" not in seen and status == 130, f"{status} {seen!r}"


def check_baseline_terminal(stile, programs, where):
    profile = os.path.join(where, "all.json")
    subprocess.run([stile, "trace", "-q", "-O", "/dev/null", "-o", profile, "--runtime", "none", "--", programs["subject"], "exit", "0"], check=True)
    status, seen = in_terminal([stile, "trace", "--baseline", profile, "-O", "/dev/null", "--", programs["subject"], "loop"], where, [(b" lost", b"\x03")])
    new = re.search(r"not in the baseline \(subject\[\d+\]\): getppid\(\)\n((?:    .*\n)+)", seen)
    yield "a new call is told when it happens, with its caller", new and re.search(r"^    (calls|main)\b", new.group(1), re.M), f"{seen!r}"
    yield "and once", seen.count("getppid(") == 1 and status == 130, f"{status} {seen!r}"


def tracer_gone(stile, programs, where, backend, how):
    """Ends the tracer and sees whether what it traced still works: (status of the tracer, what the program said)"""
    # The shell's child outlives it.
    fifo, said = os.path.join(where, "fifo"), os.path.join(where, "said")
    for path in (fifo, said):
        if os.path.exists(path):
            os.unlink(path)
    os.mkfifo(fifo)
    script = f"{programs['subject']} wait < {fifo} > {said} & [ $1 = ends ] || wait"
    tracer = subprocess.Popen([stile, "trace", "-q", "--backend", backend, "-O", os.path.join(where, "t"), "-o", os.path.join(where, "left.json"), "--",
                               "sh", "-c", script, "sh", "ends" if how == signal.SIGTERM else "waits"], start_new_session=True, stderr=subprocess.PIPE)
    end = time.monotonic() + 20
    with open(fifo, "w") as writer:
        while "ready" not in (open(said).read() if os.path.exists(said) else "") and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.5)
        tracer.send_signal(how)
        status = tracer.wait(20)
        time.sleep(0.3)
        writer.write("x\n")
    while "got" not in open(said).read() and time.monotonic() < end:
        time.sleep(0.05)
    return status, open(said).read()


def check_left_alone(stile, programs, where, backend):
    status, said = tracer_gone(stile, programs, where, backend, signal.SIGKILL)
    yield "the tracer is killed, the program works on", status == -9 and "got x" in said, f"{status} {said!r}"
    yield "no half file", not glob.glob(os.path.join(where, "*left.json*")), f"{os.listdir(where)}"
    status, said = tracer_gone(stile, programs, where, backend, signal.SIGTERM)
    yield "SIGTERM when the command has ended ends the tracing of what it left", status == 0 and "got x" in said, f"{status} {said!r}"
    yield "with a table", " wait4\n" in open(os.path.join(where, "t")).read() or " read\n" in open(os.path.join(where, "t")).read(), "no table"
    os.unlink(os.path.join(where, "left.json"))


def check_full_disk(stile, programs, where, backend):
    small = os.path.join(where, "small")
    os.makedirs(small, exist_ok=True)
    script = """mount -t tmpfs -o size=16k none "$1" || exit 77
      cd "$1" && echo before > p.json && { head -c 1M /dev/zero > fill 2> /dev/null; true; } && ls -A > ../names
      "$2" trace -q --backend "$3" -o p.json -O t.txt -- "$4" exit 3; echo "status $?"
      ls -A | cmp - ../names && cat p.json"""
    done = subprocess.run(["unshare", "-m", "sh", "-c", script, "sh", small, stile, backend, programs["subject"]], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode == 77:
        return
    yield "a full disk", done.stdout == "status 125\nbefore\n" and done.stderr.count("No space left") == 2, f"{done.stdout!r} {done.stderr!r}"


def check_own_filter(stile, programs, where):
    """notify does not see what a filter of the program's own refuses, and says so when there is one."""
    out = os.path.join(where, "own.json")
    for mode, expected in (("refused", True), ("single", False)):
        done = subprocess.run([stile, "trace", "-q", "--backend", "notify", "--json", "-O", out, "--", programs["subject"], mode],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        _, _, trace = calls_of(out)
        told = "a filter of its own" in done.stderr
        yield f"{mode}: {'told' if expected else 'nothing to tell'}", told == expected and trace.get("hidden", False) == expected, done.stderr


def transcript(section):
    """[command, what it prints] of the indented lines that begin with $; lines with > go on."""
    steps = []
    for line in section.splitlines():
        if line.startswith("    $ "):
            steps.append([line[6:], ""])
        elif line.startswith("    > ") and steps and not steps[-1][1]:
            steps[-1][0] += "\n" + line[6:]
        elif line.startswith("    ") and steps:
            steps[-1][1] += line[4:] + "\n"
    return steps


def check_tutorial(stile, where, title):
    """Runs a transcript of docs/trace.md, in one shell, and compares what is printed."""
    text = open(os.path.join(HERE, "../../docs/trace.md")).read()
    start = text.index(f"## {title}\n")
    steps = transcript(text[start:text.index("\n## ", start + 3)])
    place = os.path.join(where, title.split()[-1])
    os.mkdir(place)
    for file in ("makedir.go", "server.go", "load.sh"):
        shutil.copy(os.path.join(HERE, "trace_programs", file), place)
    os.symlink(stile, os.path.join(place, "stile"))
    environment = dict(os.environ, PATH=os.pathsep.join((place, os.path.dirname(GO), os.environ["PATH"])), LC_ALL="C", GO111MODULE="off",
                       CGO_ENABLED="0", GOFLAGS="", GOCACHE=os.path.join(where, "cache"))
    shell = subprocess.Popen(["bash"], cwd=place, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             start_new_session=True)
    timer = time.monotonic() + 300
    for command, printed in steps:
        shell.stdin.write(f"{command}\necho; echo = = =\n")
        shell.stdin.flush()
        got = ""
        while not got.endswith("\n= = =\n") and time.monotonic() < timer:
            line = shell.stdout.readline()
            if not line:
                break
            got += line
        got = got.removesuffix("\n= = =\n") if got.endswith("\n= = =\n") else got
        yield command.split("\n")[0], got == printed, f"{got!r}, not {printed!r}"
    shell.stdin.close()
    shell.wait(30)
