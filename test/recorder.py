# SPDX-License-Identifier: MIT
"""recorder.py - disks that remember every request, to cut the power at any of them

Idea: QEMU's disks are exports of a server in this process (the NBD protocol,
https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md). It answers
requests one by one and keeps them in one list, over all disks. So what one disk
was told before another is known, and for each place in the list every content
that a real disk may have after a power cut can be made: what was flushed since,
or written with FUA, is there; the rest is there or not, block by block.
"""
import os
import random
import socket
import struct
import threading
from dataclasses import dataclass

NBD_MAGIC, OPTION_MAGIC, REPLY_MAGIC = b'NBDMAGIC', 0x49484156454F5054, 0x3e889045565a9
REQUEST, SIMPLE_REPLY = 0x25609513, 0x67446698
EXPORT_NAME, ABORT, INFO, GO = 1, 2, 6, 7
ACK, INFO_REPLY, UNSUPPORTED = 1, 3, 0x80000001
FLAGS = 1 | 4 | 8  # has flags, takes flushes, takes FUA
READ, WRITE, DISCONNECT, FLUSH = 0, 1, 2, 3
FUA = 1
EIO, EINVAL = 5, 22


@dataclass
class Event:
    """A write; data is None: a flush."""
    disk: str
    pos: int = 0
    data: bytes = None
    fua: bool = False


class Recorder:
    """Disks by name -> initial bytes; give QEMU uri(name)."""

    def __init__(self, path: str, disks: dict) -> None:
        self.path = path
        self.start = disks
        self.disks = {name: bytearray(data) for name, data in disks.items()}
        self.events = []
        self.reached = threading.Condition()
        # fault(recorder, disk, is_write) -> True: this request fails.
        self.fault = None
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def uri(self, name: str) -> str:
        return f'nbd:unix:{self.path}:exportname={name}'

    def close(self) -> None:
        self.listener.close()
        os.unlink(self.path)

    def wait(self, count: int, timeout: float) -> bool:
        """Until there were so many events."""
        with self.reached:
            return self.reached.wait_for(lambda: len(self.events) >= count, timeout)

    # ---- the protocol ----

    def _accept(self) -> None:
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, line: socket.socket) -> None:
        stream = line.makefile('rb')
        try:
            name = self._negotiate(line, stream)
            while name and self._answer(line, stream, name):
                pass
        except (OSError, struct.error):
            pass  # QEMU was killed
        stream.close()
        line.close()

    def _negotiate(self, line, stream) -> str:
        line.sendall(NBD_MAGIC + struct.pack('>QH', OPTION_MAGIC, 3))
        client = struct.unpack('>I', stream.read(4))[0]
        while True:
            _, option, size = struct.unpack('>QII', stream.read(16))
            data = stream.read(size)

            def reply(kind: int, text: bytes = b'', option=option) -> None:
                line.sendall(struct.pack('>QIII', REPLY_MAGIC, option, kind, len(text)) + text)

            if option == EXPORT_NAME:
                name = data.decode()
                line.sendall(struct.pack('>QH', len(self.disks[name]), FLAGS) +
                             (b'' if client & 2 else bytes(124)))
                return name
            if option in (GO, INFO):
                length = struct.unpack('>I', data[:4])[0]
                name = data[4:4 + length].decode()
                reply(INFO_REPLY, struct.pack('>HQH', 0, len(self.disks[name]), FLAGS))
                reply(ACK)
                if option == GO:
                    return name
            elif option == ABORT:
                reply(ACK)
                return ''
            else:
                reply(UNSUPPORTED)

    def _answer(self, line, stream, name: str) -> bool:
        _, flags, kind, handle, pos, size = struct.unpack('>IHHQQI', stream.read(28))
        if kind == DISCONNECT:
            return False
        data = stream.read(size) if kind == WRITE else b''
        disk, error, answer = self.disks[name], 0, b''
        with self.reached:
            if kind not in (READ, WRITE, FLUSH):
                error = EINVAL
            elif self.fault and self.fault(self, name, kind != READ):
                error = EIO
            elif kind == READ:
                answer = bytes(disk[pos:pos + size])
            elif kind == WRITE:
                disk[pos:pos + size] = data
                self.events.append(Event(name, pos, data, bool(flags & FUA)))
            else:
                self.events.append(Event(name))
            self.reached.notify_all()
        line.sendall(struct.pack('>IIQ', SIMPLE_REPLY, error, handle) + answer)
        return True

    # ---- power cuts ----

    def cut(self, name: str, event: int, rng: random.Random, block: int = 512) -> bytearray:
        """What disk @name may be when the power goes after so many events."""
        disk, pending = bytearray(self.start[name]), []
        for e in self.events[:event]:
            if e.disk != name:
                continue
            if e.data is None:
                for pos, data in pending:
                    disk[pos:pos + len(data)] = data
                pending = []
            elif e.fua:
                pending = [p for p in pending if not (e.pos <= p[0] and p[0] + len(p[1]) <=
                                                      e.pos + len(e.data))]
                disk[e.pos:e.pos + len(e.data)] = e.data
            else:
                pending += [(e.pos + i, e.data[i:i + block])
                            for i in range(0, len(e.data), block)]
        share = rng.choice([0, 1, 0.1, 0.5, 0.5, 0.9])
        for pos, data in pending:
            if rng.random() < share:
                disk[pos:pos + len(data)] = data
        return disk
