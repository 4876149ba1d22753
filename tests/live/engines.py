# SPDX-License-Identifier: Apache-2.0
"""podman and docker, each with a storage of its own (and docker with a daemon of its own): nobody's images and containers are touched."""
import os
import shutil
import signal
import subprocess
import tempfile
import time

import containers

TIMEOUT = 180
SBIN = ":/usr/sbin:/sbin"


class Unusable(Exception):
    """It cannot be tried on this machine; the text says why."""


def run(command):
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", "took too long")


def last(done):
    return (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1][:200]


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + SBIN)


class Engine:
    """Use it in a with statement, which gives Unusable where it cannot be had. `name` for people, `runtime` as in `stile profile --runtime`."""

    def __init__(self, name, runtime, prefix):
        self.name, self.runtime, self.prefix = name, runtime, prefix
        self.images = {}

    def __enter__(self):
        if self.prefix is None:
            raise Unusable("needs root, or sudo without a password")
        self.directory = tempfile.mkdtemp(prefix=f"stile-{self.name}.")
        os.chmod(self.directory, 0o755)
        try:
            self.begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.end()
        subprocess.run([*self.prefix, "rm", "-rf", self.directory])

    def end(self):
        pass

    def image(self, files, with_libraries):
        """The name of an image that holds these files ({path inside: path here}); made once."""
        key = (tuple(sorted(files.items())), with_libraries)
        if key not in self.images:
            name = f"stile-live-{len(self.images)}"
            root = tempfile.mkdtemp(prefix="root.", dir=self.directory)
            os.chmod(root, 0o755)
            containers.make_rootfs(root, files, with_libraries)
            tar = root + ".tar"
            subprocess.run(["tar", "-C", root, "-cf", tar, "."], check=True)
            imported = run([*self.command(), "import", tar, name])
            if imported.returncode != 0:
                raise Unusable("import: " + last(imported))
            self.images[key] = name
        return self.images[key]

    def start(self, image, program, user, no_new_privs, seccomp, starts=1):
        """Starts containers of the image one after the other; seccomp = a profile's path, or "unconfined".
        Gives (exit status, standard output, standard error) of each."""
        with tempfile.TemporaryDirectory(prefix="data.", dir=self.directory, ignore_cleanup_errors=True) as data:
            os.chmod(data, 0o777)
            command = [*self.command(), "run", "--rm", "-i", *self.limits(), "--network=" + ("host" if program.work else "none"),
                       f"--user={user}:{user}", f"--volume={data}:/data", "--security-opt", f"seccomp={seccomp}"]
            if no_new_privs:
                command += ["--security-opt", "no-new-privileges"]
            return [self.start_one(command + [image, *program.args], data, program.work) for _ in range(starts)]

    def start_one(self, command, data, work):
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        try:
            more = work(Inside(data), child) if work else b""
            out, err = child.communicate(timeout=TIMEOUT)
            return child.returncode, out + more, err.decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return None, b"", "did not end"

    def limits(self):
        return []


class Inside:
    """What is mounted as /data."""

    def __init__(self, data):
        self.data = data

    def inside(self, path):
        return os.path.join(self.data, os.path.relpath(path, "/data"))


class Podman(Engine):
    def begin(self):
        for program in ("podman", self.runtime):
            if not find(program):
                raise Unusable(f"{program} is not installed")

    def end(self):
        # Of a container that did not start, the monitor may still be cleaning up.
        run([*self.command(), "rm", "--all", "--force", "--time", "0"])

    def command(self):
        line = ["env", f"XDG_RUNTIME_DIR={self.directory}", f"PATH={os.environ['PATH']}{SBIN}", "podman", "--root", self.directory + "/storage",
                "--runroot", self.directory + "/run", "--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=none", "--runtime",
                self.runtime]
        if self.runtime == "crun" and os.path.ismount("/sys/fs/cgroup/unified"):
            line = containers.without_cgroup2(line)
        return [*self.prefix, *line]

    def limits(self):
        # Its own defaults are above what an unprivileged machine may set.
        return ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]

    def version(self):
        return run(["podman", "--version"]).stdout.strip() + " with " + containers.Runtime(self.runtime, []).version()


class Docker(Engine):
    server = None

    def begin(self):
        daemon = find("dockerd")
        if not find("docker") or not daemon:
            raise Unusable("docker and dockerd are not both installed")
        self.socket = f"unix://{self.directory}/docker.sock"
        with open(os.path.join(self.directory, "log"), "w") as log:
            self.server = subprocess.Popen(
                [*self.prefix, "env", f"PATH={os.environ['PATH']}{SBIN}", daemon, "--data-root", self.directory + "/data", "--exec-root", self.directory + "/exec",
                 "--pidfile", self.directory + "/pid", "-H", self.socket, "--storage-driver", "vfs", "--iptables=false", "--ip6tables=false",
                 "--bridge=none", "--exec-opt", "native.cgroupdriver=cgroupfs"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + TIMEOUT
        while run([*self.command(), "version"]).returncode != 0:
            if self.server.poll() is not None or time.monotonic() > until:
                with open(os.path.join(self.directory, "log"), errors="replace") as log:
                    raise Unusable("dockerd does not start here: " + (log.read().strip().splitlines() or ["no output"])[-1][:200])
            time.sleep(0.5)

    def end(self):
        if self.server is None:
            return
        try:
            with open(os.path.join(self.directory, "pid")) as f:
                subprocess.run([*self.prefix, "kill", f.read().strip()])
        except OSError:
            self.server.terminate()
        try:
            self.server.wait(60)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()

        # It leaves the network namespace that containers shared mounted.
        subprocess.run([*self.prefix, "sh", "-c", 'umount -l "$1"/exec/netns/* 2>/dev/null', "sh", self.directory])

    def command(self):
        return [*self.prefix, find("docker"), "-H", self.socket]

    def version(self):
        server = run([*self.command(), "version", "--format", "{{.Server.Version}}"]).stdout.strip()
        return f"dockerd {server} with " + containers.Runtime("runc", []).version()


def engines(prefix):
    return [Podman("podman-runc", "runc", prefix), Podman("podman-crun", "crun", prefix), Docker("docker", "runc", prefix)]
