# SPDX-License-Identifier: MIT
"""Unit tests of the machine-independent parts, on the host, with sanitizers.

Each KTEST() beside the kernel's files (they run at boot too) and in test/host
is one test here. They are built into two programs, test/host/Makefile: mm/ has
one of its own, with a machine of its own.
"""
import os
import re
import subprocess

import pytest

import machine as m

PROGRAMS = ('unit', 'memory')


def names(program):
    """All tests of a program, found in the source so that collecting builds nothing."""
    files = subprocess.run(['make', '-s', '-f', 'test/host/Makefile', 'print-tests',
                            'OF=' + program], cwd=m.TOP,
                           stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    found = []
    for name in files:
        with open(os.path.join(m.TOP, name)) as f:
            found += re.findall(r'^KTEST\((\w+)\)', f.read(), re.M)
    return sorted(found)


@pytest.mark.parametrize('program', PROGRAMS)
def test_host_program_has_all_tests(host, program):
    listed = subprocess.run([os.path.join(host, program), '--list'], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    assert sorted(listed.split()) == names(program)


@pytest.mark.parametrize('program,name', [(p, n) for p in PROGRAMS for n in names(p)])
def test_host(host, program, name):
    done = subprocess.run([os.path.join(host, program), name], cwd=m.TOP, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=900 * m.SCALE)
    assert done.returncode == 0, done.stdout[-3000:]
    assert '1 passed, 0 failed' in done.stdout
