# SPDX-License-Identifier: Apache-2.0
"""What seccomp filters log, as the kernel's audit subsystem hands it out: every record, or the number of those that were lost.

The kernel writes such records to its own log too, but limits their rate there and drops the rest without a word. An audit client gets them
all. There can be one client at a time (auditd is one), and it needs CAP_AUDIT_CONTROL.

Message layout: include/uapi/linux/audit.h and netlink.h. Record layout: audit_seccomp() in kernel/auditsc.c.
"""
import collections
import os
import re
import socket
import struct
import threading

NETLINK_AUDIT = 9
AUDIT_GET, AUDIT_SET, AUDIT_SECCOMP = 1000, 1001, 1326
NLMSG_ERROR, NLM_F_REQUEST, NLM_F_ACK = 2, 1, 4
MASK_PID, MASK_BACKLOG_LIMIT = 4, 0x10
STATUS = struct.Struct("=11I")  # struct audit_status; the fields by place:
STATUS_PID, STATUS_BACKLOG_LIMIT, STATUS_LOST = 3, 5, 6
HEADER = struct.Struct("=IHHII")
BACKLOG = 1 << 16
SO_RCVBUFFORCE = 33
RECEIVE_BYTES = 64 << 20
RET_LOG = 0x7FFC0000

# One call that a filter logged: process, name of the thread, file that the process was started from, audit architecture, number. After a pivot_root the
# file's path means little: of runc it is /.
Record = collections.namedtuple("Record", "pid comm exe arch number")


class Unavailable(Exception):
    """There is another audit client, or no permission to be one."""


class SeccompLog:
    """Collects records while a with statement lasts. Unavailable if that cannot be done here."""

    def __enter__(self):
        self.records, self.overrun, self.ended = [], 0, threading.Event()
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_AUDIT)
        self.socket.bind((0, 0))
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self.control = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_AUDIT)
        self.control.bind((0, 0))
        self.control.settimeout(10)
        try:
            before = self.before = self._status()
            if before[STATUS_PID] != 0:
                raise Unavailable(f"process {before[STATUS_PID]} is the kernel's audit client, and there can be one: end it first")
            # The kernel sends records to the socket that registers, so that one must do it itself.
            self._set(self.socket, MASK_PID | MASK_BACKLOG_LIMIT, os.getpid(), max(BACKLOG, before[STATUS_BACKLOG_LIMIT]))
        except OSError as e:
            raise Unavailable(f"audit: {e.strerror or e}") from e
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.finish()
        self.socket.close()
        self.control.close()

    def finish(self):
        """Ends the collection. Everything that was logged before is in `records` then, but for the number that it gives back."""
        if not self.ended.is_set():
            self.lost = self._status()[STATUS_LOST] - self.before[STATUS_LOST]
            self.ended.set()
            self.thread.join()
            self._set(self.socket, MASK_PID | MASK_BACKLOG_LIMIT, 0, self.before[STATUS_BACKLOG_LIMIT])
        return self.lost + self.overrun

    def _receive(self):
        """Until the end was announced and nothing has come for a while: the kernel's own thread hands records on a little later."""
        self.socket.settimeout(0.5)
        while True:
            try:
                data = self.socket.recv(1 << 16)
            except socket.timeout:
                if self.ended.is_set():
                    return
                continue
            except OSError:  # ENOBUFS: this socket's own queue was full
                self.overrun += 1
                continue
            _, kind, _, _, _ = HEADER.unpack_from(data)
            if kind == AUDIT_SECCOMP:
                self._add(data[HEADER.size:].rstrip(b"\0").decode(errors="replace"))

    def _add(self, text):
        fields = dict(re.findall(r'(\w+)=("[^"]*"|\S+)', text))
        try:
            if int(fields["code"], 16) != RET_LOG:
                return  # some other filter on this machine refused something
            self.records.append(Record(int(fields["pid"]), text_of(fields["comm"]), text_of(fields["exe"]), int(fields["arch"], 16),
                                       int(fields["syscall"])))
        except (KeyError, ValueError):
            self.overrun += 1  # not understood is as good as lost

    def _set(self, through, mask, pid, backlog):
        status = [0] * 11
        status[0], status[STATUS_PID], status[STATUS_BACKLOG_LIMIT] = mask, pid, backlog
        self._ask(through, AUDIT_SET, STATUS.pack(*status))

    def _status(self):
        return STATUS.unpack_from(self._ask(self.control, AUDIT_GET, b"", answer=AUDIT_GET))

    def _ask(self, through, kind, payload, answer=None):
        through.send(HEADER.pack(HEADER.size + len(payload), kind, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + payload)
        body, acknowledged = None, False
        while not acknowledged or (answer is not None and body is None):
            data = through.recv(1 << 16)
            _, got, _, sequence, _ = HEADER.unpack_from(data)
            if got == NLMSG_ERROR and sequence == 1:
                error = -struct.unpack_from("=i", data, HEADER.size)[0]
                if error:
                    raise OSError(error, os.strerror(error))
                acknowledged = True
            elif got == answer:
                body = data[HEADER.size:]
            elif got == AUDIT_SECCOMP:
                self._add(data[HEADER.size:].rstrip(b"\0").decode(errors="replace"))
        return body


def text_of(field):
    """In quotes, or as hexadecimal digits when there are unusual characters in it."""
    return field[1:-1] if field[0] == '"' else bytes.fromhex(field).decode(errors="replace")
