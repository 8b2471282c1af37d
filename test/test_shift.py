# SPDX-License-Identifier: MIT
"""usr/test/shift.c: a range goes out of a file, or comes in, while it is mapped."""
import subprocess

import pytest

from test_paths import boot


@pytest.mark.parametrize('size', [1024, 4096])
def test_no_store_is_lost(machine, lab, tmp_path, size):
    image = str(tmp_path / 'image')
    subprocess.run(f'mkfs.ext4 -q -F -b {size} {image} 32M'.split(), check=True)
    shell = boot(machine, lab, image)
    shell.check('mkdir -p /m; mount -t ext4 /dev/vda /m')
    assert 'PASSED' in shell.check('/usr/lib/creance/test/shift /m/file 200', timeout=300)
    shell.check('umount /m')
    shell.console.close()
    subprocess.run(['e2fsck', '-fn', image], check=True, stdout=subprocess.DEVNULL)
