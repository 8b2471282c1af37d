# SPDX-License-Identifier: MIT
"""`make gdb`: its commands, on a machine that runs one of our programs."""
import os
import re
import shutil
import subprocess

import pytest

import machine as m

SCRIPT = """
wait-for Things to try
wait-for # 
program countdown
type countdown
continue
protocol
threads
page-walk $pc
step-syscall
step-syscall
step-syscall
trap-frame
"""


@pytest.mark.skipif(not shutil.which('gdb-multiarch'), reason='scripts/setup gdb')
def test_step_through_a_system_call(tmp_path, pytestconfig):
    if pytestconfig.getoption('--kernel'):
        pytest.skip("these commands know our kernel's structures")
    script = tmp_path / 'script'
    script.write_text(SCRIPT)
    done = subprocess.run([os.path.join(m.TOP, 'scripts/gdb'), '-batch', '-x', str(script)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=900 * m.SCALE,
                          env={**os.environ, 'HARTS': '1'}, errors='replace')
    out = done.stdout
    assert 'user mode: countdown' in out, out[-3000:]
    assert re.search(r'\d+ +running +\d+ +countdown', out), out[-3000:]
    assert re.search(r'is at physical 0x8', out), out[-3000:]
    ecall = re.search(r'^program +(0x\w+) .*: ecall, a7 = (\d+)', out, re.M)
    assert ecall, out[-3000:]
    assert f'sepc = {ecall.group(1)} (the ecall), scause = 8' in out, out[-3000:]
    after = int(ecall.group(1), 16) + 4
    assert re.search(rf'^program +{after:#x} .*the instruction after the ecall', out, re.M), \
        out[-3000:]
