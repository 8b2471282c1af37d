# SPDX-License-Identifier: MIT
"""The protocols as Promela models (test/models), checked by spin; and with bugs seeded.

Larger bounds: scripts/models --large.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

import pytest

import machine as m

MODELS = sorted(glob.glob(os.path.join(m.TOP, 'test/models/*.pml')))
BUGS = []
for path in MODELS:
    with open(path) as f:
        BUGS += [(os.path.basename(path)[:-4], bug)
                 for bug in re.findall(r'^ \*   BUG_(\w+) ', f.read(), re.M)]

pytestmark = pytest.mark.skipif(not shutil.which('spin'), reason='no spin: scripts/setup check')


def run(*arguments):
    return subprocess.run([sys.executable, os.path.join(m.TOP, 'scripts/models'), *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=600 * m.SCALE, check=False)


@pytest.mark.parametrize('model', [os.path.basename(p)[:-4] for p in MODELS])
def test_model_is_right(model):
    done = run(model)
    assert done.returncode == 0, done.stdout
    assert 'ok, ' in done.stdout


@pytest.mark.parametrize('model,bug', BUGS)
def test_seeded_bug_is_found(model, bug):
    done = run('--bug', bug, model)
    assert done.returncode == 1, done.stdout
    assert 'invalid end state' in done.stdout or 'assertion violated' in done.stdout


@pytest.mark.parametrize('path', MODELS, ids=os.path.basename)
def test_functions_that_a_model_stands_for_exist(path):
    """Who renames or removes one must look at the model, too."""
    with open(path) as f:
        text = f.read()
    names = set(re.findall(r'\b(\w+)\(\)', ' '.join(re.findall(r'/\*.*?\*/', text, re.S))))
    own = set(re.findall(r'^(?:inline|active proctype|proctype) (\w+)', text, re.M))
    source = ''
    for room in ('sync', 'sched', 'proc'):
        for name in glob.glob(os.path.join(m.TOP, f'kernel/{room}/*.[ch]')):
            with open(name) as f:
                source += f.read()
    unknown = [n for n in names - own if not re.search(rf'\b{n}\(', source)]
    assert not unknown
