# SPDX-License-Identifier: Apache-2.0
"""The tutorial in docs/profiles-as-code.md, line by line, with docker and with podman in docker's place."""
import contextlib
import os
import shlex
import shutil
import stat
import subprocess
import tempfile

import engines
import transcript
from rows import HERE, STILE

PROFILE = os.path.join(HERE, "../fixtures/profiles/docker-20.10-default.json")
BUSYBOX = "/bin/busybox"


@contextlib.contextmanager
def network(prefix):
    """Gives what makes a command run in a network namespace of its own, with a loopback: no port there is taken."""
    holder = subprocess.Popen([*prefix, "unshare", "-n", "sh", "-c", f"{BUSYBOX} ip link set lo up && echo up && exec sleep 3600"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        if holder.stdout.readline() != "up\n":
            raise engines.Unusable("no network namespace: " + holder.stderr.read().strip()[:200])
        children = subprocess.run(["pgrep", "-P", str(holder.pid)], stdout=subprocess.PIPE, text=True).stdout.split() if prefix else []
        yield [*prefix, "nsenter", "-t", children[0] if children else str(holder.pid), "-n"]
    finally:
        subprocess.run([*prefix, "kill", str(holder.pid)])
        holder.communicate()


def run(engine):
    """Yields (command, nothing or what is wrong)."""
    if engine.prefix is None:
        raise engines.Unusable("needs root, or sudo without a password")
    if not os.access(BUSYBOX, os.X_OK):
        raise engines.Unusable(f"no {BUSYBOX}: install busybox-static")
    with network(engine.prefix) as engine.prefix, engine, tempfile.TemporaryDirectory(prefix="stile-tutorial.") as place:
        programs = os.path.join(place, "bin")
        os.mkdir(programs)
        os.symlink(STILE, os.path.join(programs, "stile"))
        shutil.copy(PROFILE, os.path.join(place, "default.json"))
        stand_in(os.path.join(programs, "docker"), engine)
        environment = dict(os.environ, PATH=programs + ":" + os.environ["PATH"], LC_ALL="C")
        steps = transcript.steps_of("profiles-as-code.md", "## A tutorial: a container that may not listen")
        yield from transcript.run(steps, place, environment, engine.prefix)


def stand_in(path, engine):
    """A program that is called as docker is, and uses the engine's own storage or daemon."""
    run_words = shlex.join(engine.limits())
    with open(path, "w") as f:
        f.write(f'#!/bin/sh\nverb=$1; shift\n[ "$verb" != run ] || set -- {run_words} "$@"\nexec {shlex.join(engine.command())} "$verb" "$@"\n')
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
