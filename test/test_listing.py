# SPDX-License-Identifier: MIT
"""usr/test/listing.c: a directory that changes while it is read gives each name once."""
import subprocess

import pytest

from test_paths import boot

WORK = {'delete': 10000, 'seek': 10000, 'create': 5000, 'grow': 3000, 'tell': 5000}
PROGRAM = '/usr/lib/creance/test/listing'


@pytest.mark.parametrize('kind', ['ext4-1k', 'ext4-4k', 'tmpfs'])
def test_each_name_comes_once(machine, lab, tmp_path, kind):
    image = str(tmp_path / 'image')
    size = 4096 if kind == 'ext4-4k' else 1024
    subprocess.run(f'mkfs.ext4 -q -F -b {size} -N 60000 {image} 64M'.split(), check=True)
    shell = boot(machine, lab, image)
    shell.check('mkdir -p /m; mount -t ' + ('tmpfs none /m' if kind == 'tmpfs' else 'ext4 /dev/vda /m'))
    for what, count in WORK.items():
        assert 'PASSED' in shell.check(f'{PROGRAM} {what} /m/{what} {count}', timeout=300)
    shell.check('umount /m')
    shell.console.close()
    subprocess.run(['e2fsck', '-fn', image], check=True, stdout=subprocess.DEVNULL)
