# SPDX-License-Identifier: MIT
"""Every path system call with every error: what Linux says, on ext4 and on tmpfs.

usr/test/paths.c is the table. What its cases give on Linux is in data/paths:
`ext4.txt` is whole, `tmpfs.txt` has the lines where tmpfs differs there. Both
are written by Linux itself:

    scripts/fetch linux
    pytest test/test_paths.py --kernel linux --record
"""
import base64
import gzip
import os
import subprocess

import pytest

import machine as m
import mkrootfs

DATA = os.path.join(m.TOP, 'test/data/paths')
PROGRAM = '/usr/lib/creance/test/paths'
MOUNT = {'ext4': 'mount -t ext4 /dev/vda /m', 'tmpfs': 'mount -t tmpfs none /m'}


def expectations(kind: str) -> dict:
    """Case -> result."""
    out = {}
    for name in ('ext4', kind):
        with open(os.path.join(DATA, name + '.txt')) as f:
            out.update(line.rstrip('\n').split(' =', 1) for line in f)
    return out


def boot(machine, lab, image: str):
    """A shell in a machine with @image as its disk; Linux gets its modules."""
    if lab.kernel != 'linux':
        return machine(disk=image).shell()
    mkrootfs.main(['linux'])
    shell = machine(disk=image, initrd=os.path.join(m.BUILD, 'rootfs-linux.cpio')).shell(600)
    shell.check('sh /modules/load')
    return shell


def results(shell, kind: str) -> str:
    shell.check(f'mkdir -p /m; {MOUNT[kind]}')
    shell.check(f'{PROGRAM} /m > /tmp/out 2> /tmp/err || cat /tmp/err /tmp/out', timeout=900)
    text = shell.check('gzip -c /tmp/out | base64', timeout=120)
    shell.check('umount /m')
    return gzip.decompress(base64.b64decode(text)).decode()


def record(kind: str, text: str) -> None:
    lines = text.splitlines()
    if kind != 'ext4':
        with open(os.path.join(DATA, 'ext4.txt')) as f:
            same = set(f.read().splitlines())
        lines = [line for line in lines if line not in same]
    with open(os.path.join(DATA, kind + '.txt'), 'w') as f:
        f.write('\n'.join(lines) + '\n')


@pytest.mark.parametrize('kind', ['ext4', 'tmpfs'])
def test_calls_give_what_linux_gives(machine, lab, tmp_path, kind, pytestconfig):
    image = str(tmp_path / 'image')
    subprocess.run(['mkfs.ext4', '-q', '-F', image, '64M'], check=True)
    shell = boot(machine, lab, image)
    text = results(shell, kind)
    shell.console.close()
    with open(os.path.join(m.LOGS, f'paths-{kind}.txt'), 'w') as f:
        f.write(text)
    if pytestconfig.getoption('--record'):
        record(kind, text)
    expected = expectations(kind)
    found = dict(line.split(' =', 1) for line in text.splitlines())
    subprocess.run(['e2fsck', '-fn', image], check=True, stdout=subprocess.DEVNULL)
    wrong = [f'{case}\n   here:  {found.get(case)}\n   linux: {expected.get(case)}'
             for case in {**expected, **found} if found.get(case) != expected.get(case)]
    assert len(expected) >= 800
    assert not wrong, f'{len(wrong)} of {len(expected)} cases differ:\n' + '\n'.join(wrong[:200])
