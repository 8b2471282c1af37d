#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mkcpio.py - write a root file system as a cpio archive

Idea: the kernel unpacks its first root from a "newc" cpio archive. The format
is a header of hexadecimal numbers, a name and the bytes, so it is simpler to
write it here than to need root (for device nodes and owners) and cpio.
The same input gives the same bytes: names sorted, one time stamp, root:root.

    mkcpio.py -o OUT [--list FILE] DIRECTORY...

A later directory adds to, and replaces parts of, the earlier ones. FILE has
further entries, in the words of Linux's gen_init_cpio:

    dir  /name mode          nod  /name mode c|b major minor
    slink /name target       file /name path mode
    mode /name mode          (of an entry that is there already)
"""
import argparse
import os
import stat

TIME = 1735689600  # 2025-01-01: every file's date


class Tree:
    """Names and what they are, in memory: what the archive will hold."""

    def __init__(self) -> None:
        self.entries: dict = {}  # 'etc/passwd' -> (mode, bytes, (major, minor))

    def resolve(self, name: str) -> str:
        """@name with links to directories (/bin -> usr/bin) followed."""
        parts, out = [p for p in name.split('/') if p], ''
        for i, part in enumerate(parts):
            path = f'{out}/{part}'.strip('/')
            entry = self.entries.get(path)
            if i < len(parts) - 1 and entry and stat.S_ISLNK(entry[0]):
                target = entry[1].decode()
                path = target.strip('/') if target[0] == '/' else f'{out}/{target}'.strip('/')
            out = path
        return out

    def add(self, name: str, mode: int, data: bytes = b'', device: tuple = (0, 0)) -> None:
        name = self.resolve(name)
        parent = os.path.dirname(name)
        if parent and parent not in self.entries:
            self.directory(parent)
        self.entries[name] = (mode, data, device)

    def directory(self, name: str, mode: int = 0o755) -> None:
        self.add(name, stat.S_IFDIR | mode)

    def file(self, name: str, data: bytes, mode: int = 0o644) -> None:
        self.add(name, stat.S_IFREG | mode, data)

    def link(self, name: str, target: str) -> None:
        self.add(name, stat.S_IFLNK | 0o777, target.encode())

    def node(self, name: str, mode: int, kind: str, major: int, minor: int) -> None:
        self.add(name, (stat.S_IFCHR if kind == 'c' else stat.S_IFBLK) | mode,
                 device=(major, minor))

    def mode(self, name: str, mode: int) -> None:
        name = self.resolve(name)
        old, data, device = self.entries[name]
        self.entries[name] = (stat.S_IFMT(old) | mode, data, device)

    def has(self, name: str) -> bool:
        return self.resolve(name) in self.entries

    def copy(self, folder: str, into: str = '') -> None:
        """Everything under a folder of the host."""
        for top, dirs, files in os.walk(folder):
            dirs.sort()
            inner = os.path.relpath(top, folder)
            base = into if inner == '.' else os.path.join(into, inner)
            for name in dirs + files:
                path = os.path.join(top, name)
                st = os.lstat(path)
                inside = os.path.join(base, name)
                if stat.S_ISLNK(st.st_mode):
                    if not (self.has(inside) and self.is_directory(inside)):
                        self.link(inside, os.readlink(path))
                elif stat.S_ISDIR(st.st_mode):
                    if not self.has(inside):
                        self.directory(inside, stat.S_IMODE(st.st_mode) & 0o7755)
                elif stat.S_ISREG(st.st_mode):
                    with open(path, 'rb') as f:
                        mode = stat.S_IMODE(st.st_mode) & ~0o022
                        self.file(inside, f.read(), mode)
            dirs[:] = [d for d in dirs if not os.path.islink(os.path.join(top, d))]

    def is_directory(self, name: str) -> bool:
        return stat.S_ISDIR(self.entries[self.resolve(name)][0])

    def read_list(self, path: str) -> None:
        with open(path) as f:
            for line in f:
                w = line.split('#')[0].split()
                if not w:
                    continue
                if w[0] == 'dir':
                    self.directory(w[1], int(w[2], 8))
                elif w[0] == 'nod':
                    self.node(w[1], int(w[2], 8), w[3], int(w[4]), int(w[5]))
                elif w[0] == 'slink':
                    self.link(w[1], w[2])
                elif w[0] == 'file':
                    with open(w[2], 'rb') as src:
                        self.file(w[1], src.read(), int(w[3], 8))
                elif w[0] == 'mode':
                    self.mode(w[1], int(w[2], 8))
                else:
                    raise SystemExit(f'{path}: what is "{w[0]}"?')

    def archive(self) -> bytes:
        out = bytearray()

        def entry(number: int, name: str, mode: int, data: bytes, device: tuple) -> None:
            raw = name.encode() + b'\0'
            links = 2 if stat.S_ISDIR(mode) else 1
            fields = (number, mode, 0, 0, links, TIME, len(data), 0, 0, *device, len(raw), 0)
            out.extend(b'070701' + b''.join(b'%08X' % f for f in fields) + raw)
            out.extend(b'\0' * (-len(out) % 4))
            out.extend(data)
            out.extend(b'\0' * (-len(out) % 4))

        for number, name in enumerate(sorted(self.entries), 1):
            entry(number, name, *self.entries[name])
        entry(0, 'TRAILER!!!', 0, b'', (0, 0))
        out.extend(b'\0' * (-len(out) % 512))
        return bytes(out)

    def write(self, path: str) -> None:
        """Write the archive; leave the file alone if it would not change."""
        data = self.archive()
        try:
            with open(path, 'rb') as f:
                if f.read() == data:
                    os.utime(path)
                    return
        except FileNotFoundError:
            pass
        with open(path + '.part', 'wb') as f:
            f.write(data)
        os.replace(path + '.part', path)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('-o', '--output', required=True)
    p.add_argument('--list')
    p.add_argument('directories', nargs='*')
    args = p.parse_args()
    tree = Tree()
    for d in args.directories:
        tree.copy(d)
    if args.list:
        tree.read_list(args.list)
    tree.write(args.output)


if __name__ == '__main__':
    main()
