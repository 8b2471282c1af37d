#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mkdisk.py - an ext4 disk image with a root file system on it

    mkdisk.py ARCHIVE IMAGE [--size 1G]

Idea: what is in the cpio archive (scripts/mkrootfs.py) is unpacked into a folder
of our own, `mkfs.ext4 -d` copies that into a new file system, and debugfs gives
everything to root and sets what an ordinary user cannot make: device nodes, and
modes that would lock him out. So no root is needed. The image is sparse.
"""
import argparse
import os
import shutil
import stat
import subprocess
import tempfile


def tool(name: str) -> str:
    """Debian keeps these in /usr/sbin, which is not in everyone's PATH."""
    return shutil.which(name) or '/usr/sbin/' + name


def entries(data: bytes):
    """What a "newc" archive holds: (name, mode, (major, minor), bytes)."""
    at = 0
    while data[at:at + 6] == b'070701':
        field = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, major, minor, name_size = field[1], field[6], field[9], field[10], field[11]
        name = data[at + 110:at + 110 + name_size - 1].decode()
        start = (at + 110 + name_size + 3) & ~3
        if name == 'TRAILER!!!':
            return
        yield name, mode, (major, minor), data[start:start + size]
        at = (start + size + 3) & ~3


def unpack(archive: bytes, folder: str) -> list:
    """Into @folder, as far as an ordinary user can; returns debugfs's commands for the rest."""
    commands = []
    for name, mode, (major, minor), content in entries(archive):
        path = os.path.join(folder, name)
        inside = f'"/{name}"' if name != '.' else '/'
        if name != '.' and not stat.S_ISDIR(mode):
            os.makedirs(os.path.dirname(path), exist_ok=True)
        if stat.S_ISDIR(mode):
            os.makedirs(path, exist_ok=True)
        elif stat.S_ISLNK(mode):
            os.symlink(content.decode(), path)
        elif stat.S_ISREG(mode):
            with open(path, 'wb') as f:
                f.write(content)
        else:
            kind = 'c' if stat.S_ISCHR(mode) else 'b'
            parent, base = os.path.split(name)
            commands += [f'cd "/{parent}"', f'mknod {base} {kind} {major} {minor}', 'cd /']
        if not stat.S_ISLNK(mode):
            commands.append(f'set_inode_field {inside} mode 0{mode:o}')
        commands += [f'set_inode_field {inside} uid 0', f'set_inode_field {inside} gid 0']
    return commands


def make(archive: str, image: str, size: str) -> None:
    with open(archive, 'rb') as f:
        data = f.read()
    part = image + '.part'
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(image))) as folder:
        root = os.path.join(folder, 'root')
        os.mkdir(root)
        commands = unpack(data, root)
        if os.path.exists(part):
            os.unlink(part)
        subprocess.run([tool('mkfs.ext4'), '-q', '-F', '-L', 'creance', '-d', root,
                        '-E', 'root_owner=0:0', part, size], check=True)
        script = os.path.join(folder, 'commands')
        with open(script, 'w') as f:
            f.write('\n'.join(commands) + '\n')
        done = subprocess.run([tool('debugfs'), '-w', '-f', script, part], text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        errors = [line for line in done.stderr.splitlines() if not line.startswith('debugfs ')]
        if done.returncode or errors:
            raise SystemExit('mkdisk: debugfs: ' + '\n'.join(errors))
    os.rename(part, image)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('archive')
    p.add_argument('image')
    p.add_argument('--size', default='1G')
    a = p.parse_args()
    make(a.archive, a.image, a.size)


if __name__ == '__main__':
    main()
