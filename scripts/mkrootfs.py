#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mkrootfs.py - put together the root file systems

    mkrootfs.py run     build/rootfs.cpio: Debian's busybox and our own programs;
                        what `make run` boots. Small: it must fit in 32 MiB.
    mkrootfs.py abi     build/rootfs-abi.cpio: the same and the programs of usr/test,
                        for machines with little memory.
    mkrootfs.py test    build/rootfs-test.cpio: the same on top of a Debian tree
                        (bash, coreutils, ...) and with the workloads of
                        test/data/workloads.json in /srv: what `make test` boots.
    mkrootfs.py fio     build/rootfs-fio.cpio: test, and Debian's fio.
    mkrootfs.py linux   build/rootfs-linux.cpio: test, and the modules that Debian's
                        Linux needs for a disk with ext4 or FAT (`sh /modules/load`).
    mkrootfs.py stress  build/rootfs-stress.cpio: that Debian tree with stress-ng, for
                        test/test_stress.py.

Idea: layers. First the Debian packages (build/userland, by scripts/fetch),
then scripts/rootfs with our few files of configuration, then our programs
(build/usr). The packages are unpacked but not configured: running their
scripts would need an emulator, and what they would do for us is a handful of
links and files, made here. test/ imports this file for its own images.
"""
import glob
import json
import lzma
import os
import re
import subprocess
import sys
import tempfile

from mkcpio import Tree

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(TOP, 'build')
HERE = os.path.join(TOP, 'scripts')
CROSS = 'riscv64-linux-gnu-'

# In the Debian tree, but of no use in the machine.
UNWANTED = ('usr/lib/riscv64-linux-gnu/gconv/', 'usr/share/common-licenses/',
            'usr/share/bash-completion/', 'usr/share/lintian/', 'usr/share/bug/',
            'usr/share/doc-base/', 'usr/share/menu/', 'usr/lib/systemd/', 'etc/init.d/',
            'etc/pam.d/', 'etc/systemd/', '.fetched')
LINUX_MODULES = ('drivers/virtio/virtio_mmio', 'drivers/block/virtio_blk', 'lib/crc16',
                 'crypto/crc32c_generic', 'fs/mbcache', 'fs/jbd2/jbd2', 'fs/ext4/ext4',
                 'fs/nls/nls_cp437', 'fs/nls/nls_ascii', 'fs/fat/fat', 'fs/fat/vfat')
KEEP = ('gconv-modules', 'UTF-16.so', 'UTF-32.so', 'ISO8859-1.so', 'ISO8859-15.so')


def busybox() -> bytes:
    with open(os.path.join(BUILD, 'userland/run/usr/bin/busybox'), 'rb') as f:
        return f.read()


def applet_links(tree: Tree) -> None:
    """A link to busybox for each program that nothing else provides."""
    with open(os.path.join(HERE, 'rootfs.applets')) as f:
        for path in f.read().split():
            name = os.path.basename(path)
            if not any(tree.has(f'{d}/{name}') for d in ('bin', 'sbin', 'usr/bin', 'usr/sbin')):
                tree.link(path, '/bin/busybox')


def our_files(tree: Tree) -> None:
    tree.copy(os.path.join(HERE, 'rootfs'))
    tree.read_list(os.path.join(HERE, 'rootfs.list'))
    tree.link('init', 'sbin/init')


def stripped(path: str) -> bytes:
    """A program without its debugging information, which gdb reads on the host."""
    with tempfile.NamedTemporaryFile() as f:
        subprocess.run([CROSS + 'strip', '-o', f.name, path], check=True)
        return f.read()


def our_programs(tree: Tree, room: str, into: str) -> None:
    """What usr/ROOM was built into. Nothing there yet is fine."""
    folder = os.path.join(BUILD, 'usr', room)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            tree.file(f'{into}/{name}', stripped(path), 0o755)


def experiments(tree: Tree) -> None:
    """The programs of usr/lde: one file, and a name for each; and lde itself."""
    path = os.path.join(BUILD, 'usr/lde/experiments')
    tree.file('usr/lib/creance/experiments', stripped(path), 0o755)
    tree.link('usr/bin/lde', '/usr/lib/creance/experiments')
    for name in sorted(os.listdir(os.path.join(TOP, 'usr/lde'))):
        name, dot, kind = name.partition('.')
        if kind == 'c' and name != 'experiments' and not name.startswith('lde'):
            tree.link(f'usr/bin/{name}', '/usr/lib/creance/experiments')


def debian(tree: Tree) -> None:
    tree.copy(os.path.join(BUILD, 'userland/test'))
    for name in [n for n in tree.entries if n.startswith(UNWANTED)]:
        if os.path.basename(name) not in KEEP:
            del tree.entries[name]
    # What the packages' own scripts would have done.
    tree.link('etc/alternatives/awk', '/usr/bin/gawk')
    tree.link('usr/bin/awk', '/etc/alternatives/awk')
    with open(os.path.join(BUILD, 'userland/test/usr/share/libc-bin/nsswitch.conf'), 'rb') as f:
        tree.file('etc/nsswitch.conf', f.read())
    tree.file('etc/ld.so.conf', b'include /etc/ld.so.conf.d/*.conf\n')
    tree.file('etc/shells', b'/bin/sh\n/bin/dash\n/bin/bash\n')
    tree.file('etc/environment', b'')
    tree.directory('var/lib/dpkg')


# ---- the workloads ----------------------------------------------------------

def workloads() -> dict:
    with open(os.path.join(TOP, 'test/data/workloads.json')) as f:
        return {w['id']: w for w in json.load(f)['workloads']}


def selected() -> dict:
    """Names of the workloads the image is prepared for -> why not run, or ''."""
    out = {}
    with open(os.path.join(TOP, 'test/data/workloads.selected')) as f:
        for line in f:
            words = line.split('#')[0].split(None, 1)
            if words:
                out[words[0]] = words[1].strip() if len(words) > 1 else ''
    return out


def workload_files(workload: dict) -> str:
    """A folder of the host with its files, and with what the host builds of them."""
    folder = os.path.join(BUILD, 'workloads', workload['id'])
    os.makedirs(folder, exist_ok=True)
    key = json.dumps([workload.get('files'), workload.get('host_build')])
    stamp = folder + '.stamp'
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read() == key:
                return folder
    for name, text in workload.get('files', {}).items():
        path = os.path.join(folder, name.lstrip('/'))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w') as f:
            f.write(text)
    if workload.get('host_build'):
        command = workload['host_build'].replace('riscv64-linux-gnu-', CROSS)
        subprocess.run(['sh', '-c', command], cwd=folder, check=True)
    with open(stamp, 'w') as f:
        f.write(key)
    return folder


def add_workloads(tree: Tree, tiers: tuple = (0, 1, 2, 3)) -> None:
    """/srv/w/ID is where a workload runs; how, is written in /srv/run/ID."""
    every = workloads()
    for name in selected():
        w = every[name]
        if w['kind'] != 'batch' or w['tier'] not in tiers:
            continue
        tree.directory(f'srv/w/{name}')
        tree.copy(workload_files(w), f'srv/w/{name}')
        tree.file(f'srv/command/{name}', w['command'].encode())
        tree.file(f'srv/run/{name}', (
            '#!/bin/busybox sh\n'
            f'cd /srv/w/{name} || exit 125\n'
            'exec /bin/busybox env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin'
            ':/bin HOME=/root LANG=C TERM=vt100 \\\n'
            f'\t{w["shell"]} -c "$(/bin/busybox cat /srv/command/{name})" \\\n'
            f'\t</dev/null >/srv/out/{name} 2>/srv/err/{name}\n').encode(), 0o755)
    tree.directory('srv/out')
    tree.directory('srv/err')


# ---- the images --------------------------------------------------------------

def run_image() -> Tree:
    tree = Tree()
    tree.file('bin/busybox', busybox(), 0o755)
    our_files(tree)
    our_programs(tree, 'demo', 'usr/bin')
    experiments(tree)
    our_programs(tree, 'bench', 'usr/bin')
    our_programs(tree, 'course', 'usr/bin')
    applet_links(tree)
    return tree


def cyclictest(tree: Tree) -> None:
    """Of Debian's rt-tests, if that was fetched."""
    for path in ('usr/bin/cyclictest', 'usr/lib/riscv64-linux-gnu/libnuma.so.1'):
        source = os.path.join(BUILD, 'rt-tests', path)
        if os.path.exists(source):
            with open(source, 'rb') as f:
                tree.file(path, f.read(), 0o755)


def test_image() -> Tree:
    tree = Tree()
    debian(tree)
    tree.file('bin/busybox', busybox(), 0o755)
    our_files(tree)
    our_programs(tree, 'demo', 'usr/bin')
    experiments(tree)
    our_programs(tree, 'bench', 'usr/bin')
    our_programs(tree, 'test', 'usr/lib/creance/test')
    cyclictest(tree)
    tree.file('etc/hostname', b'abihost\n')
    add_workloads(tree)
    applet_links(tree)
    return tree


def stress_image() -> Tree:
    """The test image without the workloads, and stress-ng."""
    tree = Tree()
    debian(tree)
    tree.file('bin/busybox', busybox(), 0o755)
    tree.copy(os.path.join(BUILD, 'stress'))
    our_files(tree)
    our_programs(tree, 'test', 'usr/lib/creance/test')
    applet_links(tree)
    return tree


def abi_image() -> Tree:
    tree = run_image()
    our_programs(tree, 'test', 'usr/lib/creance/test')
    return tree


def linux_modules(tree: Tree) -> None:
    """What Debian's Linux (scripts/fetch linux) has not built in, in the order of loading."""
    lines = []
    for name in LINUX_MODULES:
        path = glob.glob(os.path.join(BUILD, f'linux/usr/lib/modules/*/kernel/{name}.ko.xz'))
        with lzma.open(path[0]) as f:
            tree.file(f'modules/{os.path.basename(name)}.ko', f.read())
        lines.append(f'/bin/busybox insmod /modules/{os.path.basename(name)}.ko\n')
    tree.file('modules/load', ''.join(lines).encode())


def linux_image() -> Tree:
    tree = test_image()
    linux_modules(tree)
    return tree


def fio_image() -> Tree:
    """test, and fio with the libraries that it is linked to (scripts/fetch fio)."""
    root, found = os.path.join(BUILD, 'fio'), {}
    todo = [os.path.join(root, 'usr/bin/fio')]
    while todo:
        text = subprocess.run([CROSS + 'readelf', '-d', todo.pop()], stdout=subprocess.PIPE,
                              text=True, check=True).stdout
        for name in re.findall(r'NEEDED.*\[(.*)\]', text):
            path = glob.glob(f'{root}/usr/lib/riscv64-linux-gnu/**/{name}', recursive=True)
            if path and name not in found:
                found[name] = path[0]
                todo.append(path[0])
    tree = test_image()
    for name, path in [*found.items(), ('../../bin/fio', os.path.join(root, 'usr/bin/fio'))]:
        with open(path, 'rb') as f:
            tree.file(os.path.normpath('usr/lib/riscv64-linux-gnu/' + name), f.read(), 0o755)
    return tree


def small_image() -> Tree:
    """What the workloads of tier 0 need, and no more: test/ boots it in 16 MiB,
    of which QEMU leaves 4 MiB to this archive."""
    tree = Tree()
    tree.file('bin/busybox', busybox(), 0o755)
    our_files(tree)
    with open(os.path.join(BUILD, 'userland/test/usr/sbin/ldconfig'), 'rb') as f:
        tree.file('sbin/ldconfig', f.read(), 0o755)
    add_workloads(tree, (0,))
    applet_links(tree)
    return tree


def main(wanted: list) -> None:
    images = {'run': (run_image, 'rootfs.cpio'), 'abi': (abi_image, 'rootfs-abi.cpio'),
              'test': (test_image, 'rootfs-test.cpio'),
              'linux': (linux_image, 'rootfs-linux.cpio'),
              'stress': (stress_image, 'rootfs-stress.cpio'),
              'fio': (fio_image, 'rootfs-fio.cpio')}
    if not wanted or any(name not in images for name in wanted):
        sys.exit(__doc__)
    for name in wanted:
        make, out = images[name]
        make().write(os.path.join(BUILD, out))


if __name__ == '__main__':
    main(sys.argv[1:])
