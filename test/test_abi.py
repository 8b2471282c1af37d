# SPDX-License-Identifier: MIT
"""The promises of the system-call interface: every program of usr/test/.

Each prints "ok NAME" or "not ok NAME" a claim and ends with 0 when all hold.
With --kernel linux the same programs run on Debian's Linux.
"""
import os

import pytest

import machine as m

# Tools for other tests, not tests by themselves.
TOOLS = {'fsx', 'hog', 'jobs', 'listing', 'paths', 'powercut', 'regions', 'runner', 'shift',
         'tree'}
PROGRAMS = sorted(f[:-2] for f in os.listdir(os.path.join(m.TOP, 'usr/test'))
                  if f.endswith('.c') and f[:-2] not in TOOLS)


@pytest.mark.parametrize('program', PROGRAMS)
def test_abi(shell, program):
    result = shell.run(f'cd /tmp && /usr/lib/creance/test/{program}', 180)
    wrong = [line for line in result.output.splitlines() if line.startswith('not ok')]
    assert not wrong, '\n'.join(wrong)
    assert result.status == 0, result.output[-2000:]
