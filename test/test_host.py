# SPDX-License-Identifier: MIT
"""Unit tests of the machine-independent parts, on the host, with sanitizers.

Each KTEST() beside the kernel's files (they run at boot too) and in test/host
is one test here. They are built into one program, test/host/Makefile.
"""
import fcntl
import glob
import os
import re
import subprocess

import pytest

import machine as m

UNIT = os.path.join(m.BUILD, 'host/unit')


def names():
    """All tests, found in the source so that collecting builds nothing."""
    files = subprocess.run(['make', '-s', '-f', 'test/host/Makefile', 'print-tests'], cwd=m.TOP,
                           stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    found = []
    for name in files:
        with open(os.path.join(m.TOP, name)) as f:
            found += re.findall(r'^KTEST\((\w+)\)', f.read(), re.M)
    return sorted(found)


@pytest.fixture(scope='session')
def unit():
    """The program, built once although several workers ask for it."""
    os.makedirs(os.path.dirname(UNIT), exist_ok=True)
    with open(os.path.join(m.BUILD, '.host.lock'), 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(['make', '-s', '-j2', '-f', 'test/host/Makefile'], cwd=m.TOP,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    return UNIT


def test_host_program_has_all_tests(unit):
    listed = subprocess.run([unit, '--list'], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert sorted(listed.split()) == names()


@pytest.mark.parametrize('name', names())
def test_host(unit, name):
    done = subprocess.run([unit, name], cwd=m.TOP, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=300 * m.SCALE)
    assert done.returncode == 0, done.stdout[-3000:]
    assert '1 passed, 0 failed' in done.stdout
