# SPDX-License-Identifier: Apache-2.0
"""podman and docker: whether they take a profile as it is. Optional: each gives (state, note)."""
import json
import os
import shutil
import subprocess
import tempfile
import time

TIMEOUT = 120


def run(command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "took too long")


def last(done):
    return (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1][:200]


def image_tar(directory, program):
    root = os.path.join(directory, "root")
    os.makedirs(root)
    shutil.copy(program, os.path.join(root, "program"))
    os.chmod(os.path.join(root, "program"), 0o755)
    tar = os.path.join(directory, "image.tar")
    subprocess.run(["tar", "-C", root, "-cf", tar, "."], check=True)
    return tar


def starts_of(command, profile, directory, no_new_privs, starts):
    """command = what runs a container up to the security options; gives (state, note)."""
    file = os.path.join(directory, "profile.json")
    with open(file, "w") as f:
        json.dump(profile, f)
    more = ["--security-opt", "no-new-privileges"] if no_new_privs else []
    tail = ["stile-live", "/program"]
    plain = run(command + more + tail)
    if plain.returncode != 0:
        return "skip", "starts no container here: " + last(plain)
    for i in range(starts):
        got = run(command + more + ["--security-opt", "seccomp=" + file] + tail)
        if (got.returncode, got.stdout) != (0, plain.stdout):
            return "FAIL", f"{i}/{starts}, then exit {got.returncode}: {last(got)}"
    return "ok", f"{starts}/{starts}"


def podman(program, profile, no_new_privs, starts, prefix):
    if not shutil.which("podman"):
        return "skip", "not installed"
    if prefix is None:
        return "skip", "needs root, or sudo without a password"
    with tempfile.TemporaryDirectory(prefix="stile-podman.", ignore_cleanup_errors=True) as d:
        base = [*prefix, "env", "XDG_RUNTIME_DIR=" + d, "podman", "--root", d + "/root-dir", "--runroot", d + "/run", "--storage-driver=vfs",
                "--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime", "runc"]
        imported = run(base + ["import", image_tar(d, program), "stile-live"])
        if imported.returncode != 0:
            return "skip", "podman import: " + last(imported)
        # Its own defaults for these are above what an unprivileged machine may set.
        command = base + ["run", "--rm", "--network=none", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        try:
            return starts_of(command, profile, d, no_new_privs, starts)
        finally:
            run([*prefix, "rm", "-rf", d + "/root-dir", d + "/run"])


def docker(program, profile, no_new_privs, starts, prefix):
    """With a daemon of its own: nobody's images and containers are touched."""
    daemon = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not shutil.which("docker") or not daemon:
        return "skip", "docker and dockerd are not both installed"
    if prefix is None or os.geteuid() != 0:
        return "skip", "needs root"
    with tempfile.TemporaryDirectory(prefix="stile-docker.", ignore_cleanup_errors=True) as d:
        socket = f"unix://{d}/docker.sock"
        with open(os.path.join(d, "log"), "w") as log:
            server = subprocess.Popen([daemon, "--data-root", d + "/data", "--exec-root", d + "/exec", "--pidfile", d + "/pid", "-H", socket,
                                       "--storage-driver", "vfs", "--iptables=false", "--ip6tables=false", "--bridge=none",
                                       "--exec-opt", "native.cgroupdriver=cgroupfs"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            client = ["docker", "-H", socket]
            until = time.monotonic() + 60
            while run(client + ["version"]).returncode != 0:
                if server.poll() is not None or time.monotonic() > until:
                    with open(os.path.join(d, "log")) as log:
                        return "skip", "dockerd does not start here: " + (log.read().strip().splitlines() or ["no output"])[-1][:200]
                time.sleep(0.5)
            imported = run(client + ["import", image_tar(d, program), "stile-live"])
            if imported.returncode != 0:
                return "skip", "docker import: " + last(imported)
            return starts_of(client + ["run", "--rm", "--network=none"], profile, d, no_new_privs, starts)
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


ENGINES = {"podman": podman, "docker": docker}
