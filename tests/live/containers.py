# SPDX-License-Identifier: Apache-2.0
"""OCI bundles, and container runtimes that start them."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

TIMEOUT = 60
# What docker grants root by default. Another user gets none, only the bounding set.
CAPABILITIES = ["CAP_" + c for c in ("CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP "
                                     "NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE").split()]
# Loads a filter, and one that changes nothing for any program here.
HARMLESS = {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
            "syscalls": [{"names": ["vhangup"], "action": "SCMP_ACT_ERRNO"}]}


class Runtime:
    """A container runtime's program, and how it has to be started on this machine."""

    def __init__(self, name, prefix, unshare=False):
        self.name, self.prefix, self.unshare = name, prefix, unshare
        self.path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    def command(self, state, *words):
        line = [self.path, "--root", state, *words]
        return self.prefix + (without_cgroup2(line) if self.unshare else line)

    def version(self):
        done = subprocess.run([self.path, "--version"], stdout=subprocess.PIPE, text=True)
        return done.stdout.splitlines()[0] if done.stdout else self.name


def without_cgroup2(command):
    """crun refuses cgroup2 beside cgroup1; in a mount namespace of its own it need not see it."""
    return ["unshare", "-m", "sh", "-c", 'umount /sys/fs/cgroup/unified; exec "$@"', "sh", *command]


def libraries(path):
    """What the dynamic loader loads for a program: paths on this machine, the loader itself too."""
    out = subprocess.run(["ldd", path], stdout=subprocess.PIPE, text=True).stdout
    return [m for line in out.splitlines() for m in re.findall(r"(?:=> |^\s*)(/\S+) \(", line)]


def make_rootfs(directory, files, with_libraries):
    """A root directory that holds these files ({path inside: path here}) and the little that libc and Go look for."""
    for sub in ("etc", "proc", "dev", "tmp", "data"):
        os.makedirs(os.path.join(directory, sub))
    os.chmod(os.path.join(directory, "data"), 0o777)
    os.chmod(os.path.join(directory, "tmp"), 0o1777)  # runc gives a tmpfs the mode of what it covers, whatever the options say
    for name, text in (("passwd", "root:x:0:0:root:/:/\nuser:x:1000:1000:user:/:/\n"),
                       ("group", "root:x:0:\nuser:x:1000:\n"), ("hosts", "127.0.0.1 localhost\n")):
        with open(os.path.join(directory, "etc", name), "w") as f:
            f.write(text)
    copies = dict(files)
    for path in files.values() if with_libraries else ():
        copies.update({lib: lib for lib in libraries(path)})
    for inside, here in copies.items():
        to = os.path.join(directory, inside.lstrip("/"))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copy(here, to)
        os.chmod(to, 0o755)


def config(args, user, no_new_privs, host_network, seccomp):
    spaces = ["pid", "ipc", "uts", "mount"] + ([] if host_network else ["network"])
    capabilities = {"bounding": CAPABILITIES}
    if user == 0:
        capabilities.update(effective=CAPABILITIES, permitted=CAPABILITIES)
    conf = {
        "ociVersion": "1.0.2",
        "process": {"terminal": False, "user": {"uid": user, "gid": user}, "args": args, "cwd": "/",
                    "env": ["PATH=/", "HOME=/tmp"], "noNewPrivileges": no_new_privs, "capabilities": capabilities},
        "root": {"path": "rootfs", "readonly": False},
        "hostname": "live",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]},
        ],
        "linux": {"namespaces": [{"type": s} for s in spaces]},
    }
    if seccomp is not None:
        conf["linux"]["seccomp"] = seccomp
    return conf


def build_tiny(directory):
    """Builds programs/tiny.c there and gives its path. RuntimeError if there is no compiler, or it fails."""
    path = os.path.join(directory, "tiny")
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs/tiny.c")
    try:
        done = subprocess.run(["gcc", "-O1", "-nostdlib", "-static", "-ffreestanding", "-o", path, source], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except OSError as e:
        raise RuntimeError(f"gcc: {e.strerror}") from e
    if done.returncode != 0:
        raise RuntimeError(f"gcc: {done.stdout.strip()}")
    return path


def find_way(runtime, files, args):
    """Whether the runtime starts a container with any filter on this machine: nothing if so, else why not. Sets runtime.unshare."""
    why = None
    for unshare in (False, True) if runtime.name == "crun" else (False,):
        runtime.unshare = unshare
        with Bundle(runtime, files) as bundle:
            got = bundle.start(config(args, 0, True, False, HARMLESS))
        if got[0] == 0:
            return None
        why = why or got
    return why


class Bundle:
    """A container's directory; use it in a with statement."""

    def __init__(self, runtime, files, with_libraries=False):
        self.runtime, self.files, self.with_libraries = runtime, files, with_libraries

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="stile-live.")
        os.chmod(self.directory, 0o755)
        make_rootfs(os.path.join(self.directory, "rootfs"), self.files, self.with_libraries)
        self.state = os.path.join(self.directory, "state")
        self.count = 0
        return self

    def __exit__(self, *_):
        subprocess.run(self.runtime.prefix + ["rm", "-rf", self.directory])

    def next_name(self, conf):
        """The name of the next container, whose configuration is in place then."""
        self.count += 1
        with open(os.path.join(self.directory, "config.json"), "w") as f:
            json.dump(conf, f)
        return f"{os.path.basename(self.directory)}.{self.count}"

    def start(self, conf, work=None, prefix=(), terminal=False):
        """Starts the container; work(bundle), if given, runs meanwhile and gives text that is added to standard output.
        Gives (exit status, standard output, standard error); the status is None if it did not end."""
        name = self.next_name(conf)
        command = list(prefix) + self.runtime.command(self.state, "run", "--bundle", self.directory, name)
        if terminal:
            command = ["script", "-qec", shlex.join(command), "/dev/null"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 start_new_session=True)
        more = b""
        try:
            if work:
                more = work(self, child)
            out, err = child.communicate(timeout=TIMEOUT)
            return child.returncode, out + more, err.decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return None, b"", "did not end"
        finally:
            if child.returncode != 0:
                subprocess.run(self.runtime.command(self.state, "delete", "--force", name),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def create_and_start(self, conf):
        """The same in two steps, as container engines do it. Gives (exit status of the step that failed, or 0; what was printed)."""
        name = self.next_name(conf)
        printed = os.path.join(self.directory, "printed")
        try:
            for step in (["create", "--bundle", self.directory, name], ["start", name]):
                with open(printed, "a" if step[0] == "start" else "w") as f:
                    status = subprocess.run(self.runtime.command(self.state, *step), stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                                            timeout=TIMEOUT).returncode
                if status != 0:
                    break
            until = time.monotonic() + TIMEOUT
            while status == 0 and self.state_of(name) != "stopped" and time.monotonic() < until:
                time.sleep(0.02)
        finally:
            subprocess.run(self.runtime.command(self.state, "delete", "--force", name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(printed, errors="replace") as f:
            return status, f.read()

    def state_of(self, name):
        done = subprocess.run(self.runtime.command(self.state, "state", name), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return json.loads(done.stdout)["status"] if done.returncode == 0 else None

    def inside(self, path):
        return os.path.join(self.directory, "rootfs", path.lstrip("/"))


def killers(bundle, conf, work, wanted):
    """Which calls the filter of a container that does not work stops: starts it under strace, with SIGSYS for what is not allowed,
    then again with what was found allowed, until it ends with status `wanted` or nothing more is found."""
    if not shutil.which("strace"):
        return ["(no strace to find it)"]
    conf = json.loads(json.dumps(conf))
    seccomp = conf["linux"]["seccomp"]
    seccomp["defaultAction"] = "SCMP_ACT_TRAP"
    seccomp.pop("defaultErrnoRet", None)
    log = os.path.join(bundle.directory, "strace")
    found = []
    for _ in range(20):
        status = bundle.start(conf, work, prefix=["strace", "-f", "-e", "trace=none", "-e", "signal=SIGSYS", "-o", log])[0]
        try:
            with open(log, errors="replace") as f:
                more = sorted(set(re.findall(r"si_syscall=(?:__NR_)?(\w+)", f.read())) - set(found))
        except OSError:
            return found + ["(strace did not run)"]
        found += more
        if status == wanted or not more:
            break
        seccomp["syscalls"].append({"names": more, "action": "SCMP_ACT_ALLOW"})
    return found or ["nothing this time"]


def request(bundle, child, address_file="/data/address", path="/version"):
    """Asks the server in the container for `path` with curl. The server ends when its standard input is closed."""
    address = None
    for _ in range(200):
        try:
            with open(bundle.inside(address_file)) as f:
                address = f.read()
            break
        except OSError:
            try:
                child.wait(0.05)
                return b""  # ended too early
            except subprocess.TimeoutExpired:
                continue
    if not address:
        return b""
    got = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "20", "-w", " %{http_code}", f"http://{address}{path}"],
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.unlink(bundle.inside(address_file))
    return got.stdout
