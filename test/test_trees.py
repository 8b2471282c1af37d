# SPDX-License-Identifier: MIT
"""A disk goes to and fro between Linux and us: usr/test/tree.c sums it up.

In CI we read what we wrote ourselves, 2,000 files. On demand, with Linux:

    scripts/fetch linux
    pytest test/test_trees.py --thorough --files 50000
"""
import os
import subprocess

import machine as m
import mkrootfs

PROGRAM = '/usr/lib/creance/test/tree'
SIZES = ('1024', '2048', '4096')


def images(tmp_path, kind: str, files: int) -> list:
    """A disk for each size of blocks, named in its label."""
    out = []
    for size in SIZES:
        path = str(tmp_path / f'{kind}-{size}')
        subprocess.run(['mkfs.ext4', '-q', '-F', '-b', size, '-L', f'{kind}-{size}',
                        '-N', str(files + files // 2 + 2000), path,
                        f'{max(64, files // 50)}M'], check=True)
        out.append(path)
    return out


def mount(shell) -> None:
    """Each disk at /mnt/LABEL."""
    shell.check('for d in /dev/vd?; do l=$(dd if=$d bs=1 skip=1144 count=16 2>/dev/null | tr -d "\\0")'
                '; mkdir -p /mnt/$l; mount -t ext4 $d /mnt/$l || exit 1; done', timeout=300)


def summed(shell, kind: str, files: int, make: bool) -> dict:
    out = {}
    for size in SIZES:
        if make:
            shell.check(f'{PROGRAM} make /mnt/{kind}-{size} {files} {size}',
                        timeout=600 + files / 20)
        out[size] = shell.check(f'{PROGRAM} sum /mnt/{kind}-{size}',
                                timeout=600 + files / 20).strip()
    return out


def unmount(shell) -> None:
    shell.check('umount /mnt/*', timeout=600)
    shell.console.close()


def check(paths: list) -> None:
    for path in paths:
        done = subprocess.run(['e2fsck', '-fn', path], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout


def test_what_we_wrote_is_there(machine, lab, tmp_path, pytestconfig):
    files = int(pytestconfig.getoption('--files'))
    paths = images(tmp_path, 'ours', files)
    shell = machine(disk=','.join(paths)).shell()
    mount(shell)
    made = summed(shell, 'ours', files, True)
    unmount(shell)
    check(paths)
    shell = machine(disk=','.join(paths)).shell()
    mount(shell)
    assert summed(shell, 'ours', files, False) == made
    unmount(shell)
    check(paths)
    if not pytestconfig.getoption('--thorough'):
        return
    # What Linux makes of it, and the reverse.
    theirs = images(tmp_path, 'linux', files)
    mkrootfs.main(['linux'])
    shell = machine(disk=','.join(paths + theirs), kernel='linux',
                    initrd=os.path.join(m.BUILD, 'rootfs-linux.cpio')).shell(900)
    shell.check('sh /modules/load', timeout=300)
    mount(shell)
    read = summed(shell, 'ours', files, False)
    written = summed(shell, 'linux', files, True)
    unmount(shell)
    assert read == made
    shell = machine(disk=','.join(theirs)).shell()
    mount(shell)
    assert summed(shell, 'linux', files, False) == written
    unmount(shell)
    check(paths + theirs)
    print(made, written)

