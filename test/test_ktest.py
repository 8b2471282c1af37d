# SPDX-License-Identifier: MIT
"""The kernel's own unit tests (KTEST in *_test.c), run in the kernel at boot."""
import glob
import os
import re
import subprocess

import pytest

import machine as m

TESTS = glob.glob(os.path.join(m.TOP, 'kernel/**/*_test.c'), recursive=True)


@pytest.mark.skipif(not TESTS, reason='no kernel/*/*_test.c')
def test_kernel_unit_tests(machine):
    env = {k: v for k, v in os.environ.items() if not k.startswith(('MAKE', 'MFLAGS'))}
    image = os.path.join(m.BUILD, 'obj-ktest/Image')
    done = subprocess.run(['make', 'KTEST=1', 'build/obj-ktest/Image'], cwd=m.TOP, env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    console = machine(kernel=image, append='ktest=all', initrd=os.path.join(m.BUILD, 'rootfs.cpio'))
    console.expect(r'ktest: \d+ passed, \d+ failed', 300)
    passed, failed = re.search(r'ktest: (\d+) passed, (\d+) failed', console.text).groups()
    assert int(failed) == 0, '\n'.join(re.findall(r'.*ktest: .*(?:not true|expected|FAILED).*',
                                                  console.text))
    assert int(passed) > 0
