# SPDX-License-Identifier: Apache-2.0
for name in processes pool; do TAGS[$name]=exec; done
w_version() { "$BIN" --version | cut -c 1-8; "$BIN" -h | sed -n 1p | cut -c 1-6; }
w_basics() { "$BIN" -c 'import json, re, math, datetime, random, hashlib, zlib, struct, itertools; print(json.dumps({"a": [1, 2.5]}), re.sub("a", "b", "aa"), math.pi, datetime.date(2020, 1, 1), hashlib.sha256(b"x").hexdigest(), zlib.crc32(b"x"), len(str(2 ** 1000))); random.random(); hashlib.blake2b(b"").hexdigest()'; echo 'print(1)' | "$BIN"; echo 'print(2)' > a.py; "$BIN" a.py; "$BIN" -m a; "$BIN" -I -S -E -B -c 'print(3)'; }
w_errors() { "$BIN" -c 'raise ValueError' 2> /dev/null; echo $?; "$BIN" /nonexistent 2> /dev/null; echo $?; "$BIN" -c 'import nothing' 2> /dev/null; echo $?; "$BIN" -c 'import sys; sys.exit(5)'; echo $?; "$BIN" -c '(' 2> /dev/null; echo $?; "$BIN" -c 'import os; os.abort()' 2> /dev/null; echo $?; "$BIN" --nonsense 2> /dev/null; echo $?; "$BIN" -c 'print(1)' > /dev/full 2> /dev/null; echo $?; }
w_files() { "$BIN" -c '
import os, shutil, tempfile, glob, mmap, fcntl, stat, pathlib
os.makedirs("a/b"); open("a/f", "w").write("hay"); os.link("a/f", "a/g"); os.symlink("f", "a/l"); os.rename("a/g", "a/h"); os.chmod("a/f", 0o600); os.utime("a/f", (1, 1)); os.truncate("a/f", 2); os.mkfifo("a/p")
print(sorted(os.listdir("a")), sorted(e.name for e in os.scandir("a") if e.is_file()), os.readlink("a/l"), os.stat("a/f").st_size, os.statvfs(".").f_namemax, sorted(glob.glob("a/*")), os.access("a/f", os.W_OK))
f = open("a/f", "r+b"); fcntl.flock(f, fcntl.LOCK_EX); fcntl.lockf(f, fcntl.LOCK_UN); m = mmap.mmap(f.fileno(), 0); m[0:1] = b"x"; m.flush(); m.close(); os.fsync(f.fileno()); os.fdatasync(f.fileno()); os.posix_fallocate(f.fileno(), 0, 100); os.posix_fadvise(f.fileno(), 0, 0, 0); os.pread(f.fileno(), 1, 0); os.pwrite(f.fileno(), b"y", 0); f.seek(0, 2)
shutil.copy("a/f", "a/i"); shutil.copytree("a", "c", ignore=shutil.ignore_patterns("p")); shutil.rmtree("c"); t = tempfile.NamedTemporaryFile(); tempfile.mkdtemp(dir="."); os.sync; os.remove("a/h"); os.umask(0o22); os.chdir("a"); os.chown("f", -1, -1); os.dup2(os.dup(1), 9); r, w = os.pipe(); os.write(w, b"z"); print(os.read(r, 1)); os.set_blocking(r, False); os.get_inheritable(r); print(shutil.disk_usage("/").total > 0)
try: os.setxattr("f", "user.x", b"y"); os.getxattr("f", "user.x"); os.listxattr("f"); os.removexattr("f", "user.x")
except OSError: pass
d = os.open(".", os.O_RDONLY | os.O_DIRECTORY); os.stat("f", dir_fd=d); os.unlink("i", dir_fd=d); os.mkdir("k", dir_fd=d); os.fchdir(d); os.copy_file_range(os.open("f", 0), os.open("n", 66), 2); os.sendfile(os.open("o", 66), os.open("f", 0), 0, 2); os.memfd_create("x"); os.eventfd(0); os.readv(os.open("f", 0), [bytearray(2)]); os.writev(1, [b"v\n"])'; }
w_processes() { "$BIN" -c '
import os, subprocess, signal, time, sys
print(subprocess.run(["echo", "x"], capture_output=True).stdout, subprocess.call("exit 3", shell=True), os.system("exit 4"), subprocess.run(["cat"], input=b"y", stdout=-1).stdout, os.popen("echo z").read())
p = subprocess.Popen(["sleep", "5"], start_new_session=True, close_fds=True); p.terminate(); print(p.wait())
try: subprocess.run(["nosuchprogram"])
except FileNotFoundError: print("none")
try: subprocess.run(["sleep", "5"], timeout=0.2)
except subprocess.TimeoutExpired: print("late")
pid = os.fork()
if pid == 0: os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])); print(os.waitstatus_to_exitcode(os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1]))
subprocess.run(["true"], cwd="/", env={}, preexec_fn=lambda: os.nice(1)); os.getpgid(0); os.getsid(0); os.getpriority(0, 0); os.sched_getaffinity(0); os.sched_yield(); os.getloadavg(); os.uname(); os.times(); os.getgroups(); os.getresuid(); os.cpu_count(); os.pidfd_open(os.getpid()); os.wait3; sys.stdout.flush()
os.execv("/bin/echo", ["echo", "last"])'; }
w_signals() { "$BIN" -c '
import signal, time, os, threading, faulthandler
signal.signal(signal.SIGALRM, lambda *a: print("alarm")); signal.setitimer(signal.ITIMER_REAL, 0.1); time.sleep(0.3); signal.alarm(1); signal.pause(); os.kill(os.getpid(), signal.SIGALRM); signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); os.kill(os.getpid(), signal.SIGUSR1); print(signal.sigpending()); print(signal.sigwait([signal.SIGUSR1])); signal.sigtimedwait([signal.SIGUSR2], 0.01); signal.raise_signal(signal.SIGALRM); signal.siginterrupt(signal.SIGALRM, False); signal.pthread_kill(threading.get_ident(), signal.SIGALRM); faulthandler.enable(); faulthandler.dump_traceback_later(5); faulthandler.cancel_dump_traceback_later()'; timeout -s INT 0.7 "$BIN" -c 'import time; time.sleep(5)' 2> /dev/null; echo $?; }
w_threads() { "$BIN" -c '
import threading, queue, concurrent.futures as f, time
q = queue.Queue(); t = [threading.Thread(target=lambda: q.put(1)) for _ in range(5)]; [x.start() for x in t]; [x.join() for x in t]; print(q.qsize()); c = threading.Condition()
with c: print(c.wait(0.05))
e = f.ThreadPoolExecutor(3); print(sum(e.map(abs, range(10)))); threading.Timer(0.05, print, ["timer"]).start(); time.sleep(0.2); print(threading.get_native_id() > 0); l = threading.Lock(); l.acquire(); print(l.acquire(timeout=0.05)); threading.stack_size(262144); threading.Thread(target=print, args=["s"]).start()'; }
w_pool() { "$BIN" -c '
import multiprocessing as m, multiprocessing.shared_memory as s
m.set_start_method("fork"); p = m.Pool(2); print(p.map(abs, [-1, -2])); p.close(); p.join(); q = m.Queue(); c = m.Process(target=q.put, args=(3,)); c.start(); print(q.get()); c.join(); x = s.SharedMemory(create=True, size=10); x.close(); x.unlink(); v = m.Value("i", 4); a, b = m.Pipe(); a.send(5); print(b.recv(), v.value); l = m.Semaphore(2); l.acquire(); l.release()'; }
w_network() { "$BIN" -c '
import socket, select, threading, http.server, urllib.request, selectors, socketserver
s = socket.create_server(("127.0.0.1", 0)); c = socket.create_connection(s.getsockname()); a, _ = s.accept(); c.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1); c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR); c.sendall(b"x"); print(a.recv(1), a.getpeername()[0], select.select([a], [], [], 0.01)); a.shutdown(2); c.sendmsg([b"y"]) if 0 else None; a.close(); u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 0)); u.sendto(b"z", u.getsockname()); print(u.recvfrom(1)[0]); p, q = socket.socketpair(); socket.send_fds(p, [b"f"], [1]); print(len(socket.recv_fds(q, 1, 1)[1])); e = select.epoll(); e.register(q); e.poll(0.01); o = select.poll(); o.register(q); o.poll(10); n = socket.socket(socket.AF_UNIX); n.bind("sock"); n.listen(); print(socket.getaddrinfo("localhost", 80, socket.AF_INET)[0][4], socket.gethostbyname("localhost"), socket.getservbyname("http"), socket.getprotobyname("tcp")); len(socket.if_nameindex()); socket.gethostname()
try: socket.getaddrinfo("nowhere.invalid", 1)
except OSError: print("no name")
try: socket.create_connection(("127.0.0.1", 1))
except OSError as x: print(x)
h = http.server.HTTPServer(("127.0.0.1", 0), type("H", (http.server.BaseHTTPRequestHandler,), {"do_GET": lambda s: (s.send_response(200), s.end_headers(), s.wfile.write(b"hay")), "log_message": lambda *a: None})); threading.Thread(target=h.serve_forever, daemon=True).start(); print(urllib.request.urlopen("http://127.0.0.1:%d/" % h.server_port).read()); h.shutdown()'; }
w_users() { "$BIN" -c 'import pwd, grp, os, spwd; print(pwd.getpwnam("root").pw_uid, pwd.getpwuid(0).pw_name, grp.getgrgid(0).gr_name, os.getgrouplist("root", 0), os.path.expanduser("~root")); pwd.getpwall(); grp.getgrall()' 2> /dev/null; "$BIN" -c 'import pwd; pwd.getpwnam("nosuchuser")' 2> /dev/null; echo $?; }
w_async() { "$BIN" -c '
import asyncio
async def serve(r, w): w.write(await r.read(1)); await w.drain(); w.close()
async def main():
    s = await asyncio.start_server(serve, "127.0.0.1", 0); r, w = await asyncio.open_connection(*s.sockets[0].getsockname()); w.write(b"x"); print(await r.read()); w.close(); s.close()
    await asyncio.sleep(0.05); print(await asyncio.to_thread(abs, -1)); print(await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 1) != [])
    try: await asyncio.wait_for(asyncio.sleep(5), 0.05)
    except asyncio.TimeoutError: print("late")
asyncio.run(main())'; }
w_modules() { "$BIN" -c 'import ctypes, sqlite3, ssl, bz2, lzma, decimal, readline, curses, resource, syslog, termios, array, unicodedata, xml.etree.ElementTree as e; print(sqlite3.connect(":memory:").execute("select 1").fetchall(), len(bz2.compress(b"x")), lzma.decompress(lzma.compress(b"y")), decimal.Decimal("0.1") * 3, e.fromstring("<a/>").tag, unicodedata.name("a"), resource.getrlimit(resource.RLIMIT_CORE)[0] >= -1); resource.getrusage(0); ssl.create_default_context(); ssl.RAND_bytes(3); ctypes.CDLL(None).getpid(); syslog.openlog("x")' 2>&1; }
w_terminal() { (sleep 0.7; printf 'print(1+1)\nimport os\nos.get_terminal_size()\ninput()\nq\nexit()\n'; sleep 0.3) | on_terminal "$BIN -q"; echo $?; }
w_memory() { "$BIN" -X tracemalloc -c 'import gc; x = [bytearray(1000000) for _ in range(50)]; del x; gc.collect(); print(len(b"x" * 10000000))'; "$BIN" -X importtime -c pass 2> /dev/null; PYTHONMALLOC=malloc "$BIN" -c 'print(1)'; "$BIN" -X dev -c 'print(2)'; }
w_server() { port=$(free_port); mkdir s; echo hay > s/f; start "$BIN" -m http.server -d s --bind 127.0.0.1 "$port" > /dev/null; until_true port_open "$port"; http_get "$port" /f | sed '1d'; stop TERM; } 2> /dev/null
