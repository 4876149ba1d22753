# SPDX-License-Identifier: Apache-2.0
"""Transcripts in docs/: indented lines that begin with `$ ` are commands, those below them what they print. The tests run them."""
import os
import subprocess

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs")


def steps_of(document, heading):
    """[(command, what it prints)] of a section, to the next heading of the same depth. An indented block without `$ ` is no transcript."""
    with open(os.path.join(DOCS, document)) as f:
        text = f.read()
    depth = heading.split(" ")[0]
    section = text[text.index(heading + "\n") + len(heading):].split(f"\n{depth} ")[0]
    steps = []
    inside, empty = False, 0  # whether a block began with a command; empty lines that belong to it if it goes on
    for line in section.splitlines():
        if line.startswith("    $ "):
            steps.append([line[6:], ""])
            inside, empty = True, 0
        elif line.startswith("    ") and inside:
            steps[-1][1] += "\n" * empty + line[4:] + "\n"
            empty = 0
        elif line.strip():
            inside = False
        else:
            empty += 1
    if not steps:
        raise ValueError(f"{document}: no commands below {heading}")
    return [(command, printed) for command, printed in steps]


def run(steps, place, environment, prefix=(), timeout=120):
    """Runs each command with a shell in the directory `place`; yields (command, nothing or what is wrong)."""
    for command, printed in steps:
        done = subprocess.run([*prefix, "bash", "-c", command], cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=timeout)
        yield command, None if done.stdout == printed else f"{done.stdout!r}, not {printed!r}"
