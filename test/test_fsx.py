# SPDX-License-Identifier: MIT
"""usr/test/fsx.c: random operations on one file, compared with a copy in memory.

On demand, for a million: pytest test/test_fsx.py --operations 1000000
"""
import os
import subprocess

import pytest

import machine as m
from test_paths import boot

PROGRAM = '/usr/lib/creance/test/fsx'
FORMATS = {'ext4-1k': '-t ext4 -b 1024', 'ext4-2k': '-t ext4 -b 2048', 'ext4-4k': '-t ext4 -b 4096',
           'ext3-1k': '-t ext3 -b 1024', 'tmpfs': ''}


@pytest.mark.parametrize('name', FORMATS)
def test_random_operations(machine, lab, tmp_path, name, pytestconfig):
    count = int(pytestconfig.getoption('--operations'))
    if name in ('ext4-2k', 'ext3-1k'):
        count //= 4
    image = str(tmp_path / 'image')
    subprocess.run(f'mkfs.ext4 -q -F {FORMATS[name]} {image} 64M'.split(), check=True)
    shell = boot(machine, lab, image)
    kind, options = name.split('-')[0], '-d -c 500'
    if kind == 'tmpfs':
        kind, options = 'tmpfs none', ''
    else:
        kind += ' /dev/vda'
    shell.check(f'mkdir -p /m; mount -t {kind} /m')
    # Several seeds: each begins with an empty file.
    part = max(count // 10, 1000)
    for seed in range(count // part):
        out = shell.check(f'{PROGRAM} -n {part} -s {seed + 1} {options} /m/file',
                          timeout=600 + part / 20)
        assert 'PASSED' in out
    shell.check('umount /m')
    shell.console.close()
    subprocess.run(['e2fsck', '-fn', image], check=True, stdout=subprocess.DEVNULL)
