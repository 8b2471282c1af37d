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


# An interrupt when the kernel is about to leave with a sleep that was interrupted.
INTERRUPT_ON_THE_WAY_OUT = """
wait-for # 
python
class WayOut(gdb.Breakpoint):
    hits = 0
    def stop(self):
        result = int(gdb.parse_and_eval('(long)((struct trap_frame *)$sp)->a[0]'))
        if result == -516 and not self.hits:
            gdb.execute('set $sip = $sip | 2')
            self.hits = 1
        return False
way_out = WayOut('return_to_user')
end
type sleep 1000 & p=$!; until grep -q "(sleep) S" /proc/$p/stat; do :; done; kill -STOP $p; kill -CONT $p; sleep 1; kill $p; wait $p; echo said $? o""ver
wait-for over
python print(f'{way_out.hits} times')
"""


# Debian's gdb 13 now and then crashes, or waits for itself, when a thread of Python's runs beside
# breakpoints written in Python.
TRIES = 5


def gdb(tmp_path, script):
    """What `scripts/gdb` prints for @script."""
    path = tmp_path / 'script'
    path.write_text(script)
    for _ in range(TRIES):
        process = subprocess.Popen([os.path.join(m.TOP, 'scripts/gdb'), '-batch', '-x', str(path)],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True,
                                   env={**os.environ, 'HARTS': '1'}, errors='replace')
        try:
            out = process.communicate(timeout=200 * m.SCALE)[0]
            if 'fatal error internal to GDB' not in out:
                break
        except subprocess.TimeoutExpired:
            process.terminate()  # it ends gdb and QEMU
            out = process.communicate()[0]
    return out


@pytest.mark.skipif(not shutil.which('gdb-multiarch'), reason='scripts/setup gdb')
def test_step_through_a_system_call(tmp_path, pytestconfig):
    if pytestconfig.getoption('--kernel'):
        pytest.skip("these commands know our kernel's structures")
    out = gdb(tmp_path, SCRIPT)
    assert 'user mode: countdown' in out, out[-3000:]
    assert re.search(r'\d+ +running +\d+ +countdown', out), out[-3000:]
    assert re.search(r'is at physical 0x8', out), out[-3000:]
    ecall = re.search(r'^program +(0x\w+) .*: ecall, a7 = (\d+)', out, re.M)
    assert ecall, out[-3000:]
    assert f'sepc = {ecall.group(1)} (the ecall), scause = 8' in out, out[-3000:]
    after = int(ecall.group(1), 16) + 4
    assert re.search(rf'^program +{after:#x} .*the instruction after the ecall', out, re.M), \
        out[-3000:]


@pytest.mark.skipif(not shutil.which('gdb-multiarch'), reason='scripts/setup gdb')
def test_interrupt_on_the_way_out(tmp_path, pytestconfig):
    """It does not make the kernel forget that a call is to be restarted.

    The sleep is interrupted by a stop, and a device or another hart interrupts
    that call's way out: the sleep still goes on, and ends by SIGTERM.
    """
    if pytestconfig.getoption('--kernel'):
        pytest.skip("looks into our kernel's trap frames")
    out = gdb(tmp_path, INTERRUPT_ON_THE_WAY_OUT)
    assert re.search('^1 times', out, re.M), out[-3000:]
    assert 'said 143' in out, out[-3000:]
