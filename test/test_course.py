# SPDX-License-Identifier: MIT
"""The course kit: each exercise can be failed, and can be solved; grades are just.

When test_solution fails because a patch does not apply, the kernel has moved
on: apply what still fits, mend the rest, and write the patch again (see
test/exercises/README.md).
"""
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

import machine as m

FOLDER = os.path.join(m.TOP, 'test/exercises')
EXERCISES = sorted(name for name in os.listdir(FOLDER)
                   if os.path.isdir(os.path.join(FOLDER, name)) and name != '__pycache__')
CHAPTERS = [*range(4, 11), *range(13, 24), *range(26, 33)]
REPORTS = ('junit', 'gradescope', 'classroom')


def grade(folder, *arguments, env=None) -> tuple:
    """scripts/grade's exit status, text, and reports."""
    command = [sys.executable, os.path.join(m.TOP, 'scripts/grade'), *arguments]
    for form in REPORTS:
        command += ['--' + form, str(folder / form)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env=env and {**os.environ, **env}, timeout=1800 * m.SCALE, check=False)
    assert all((folder / form).exists() for form in REPORTS), result.stdout
    return result.returncode, result.stdout, {
        'junit': ET.parse(folder / 'junit').getroot(),
        'gradescope': json.loads((folder / 'gradescope').read_text()),
        'classroom': json.loads((folder / 'classroom').read_text())}


@pytest.fixture
def scratch(tmp_path):
    """A copy of this tree, with what is built of it, so that little is built again."""
    names = subprocess.run(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'],
                           cwd=m.TOP, stdout=subprocess.PIPE, text=True, check=True).stdout
    tree = tmp_path / 'tree'
    for name in filter(None, names.split('\0')):
        # The tests are graded with, not graded: their data is large.
        if name.startswith('test/') or not os.path.exists(os.path.join(m.TOP, name)):
            continue
        os.makedirs(os.path.dirname(tree / name), exist_ok=True)
        shutil.copy2(os.path.join(m.TOP, name), tree / name, follow_symlinks=False)
    (tree / 'build').mkdir()
    for name in ('obj', 'usr', 'uapi'):
        shutil.copytree(os.path.join(m.BUILD, name), tree / 'build' / name, symlinks=True)
    for name in ('Image', 'kernel.elf', 'rootfs.cpio'):
        shutil.copy2(os.path.join(m.BUILD, name), tree / 'build' / name)
    for name in ('third_party', 'userland'):
        os.symlink(os.path.join(m.BUILD, name), tree / 'build' / name)
    yield tree
    shutil.rmtree(tree)


def test_unsolved_exercises_fail(tmp_path):
    """On the tree as it is: nobody gets a point for nothing, and all could be asked."""
    status, text, reports = grade(tmp_path, '--no-build')
    assert status == 1, text
    for suite in reports['junit']:
        assert int(suite.get('errors')) == 0, text
        assert int(suite.get('failures')) == int(suite.get('tests')) > 0, text
    tests = reports['gradescope']['tests']
    assert sum(t['max_score'] for t in tests) == 10 * len(EXERCISES)
    assert sum(t['score'] for t in tests) == 0
    assert {t['status'] for t in reports['classroom']['tests']} == {'fail'}


@pytest.mark.parametrize('name', EXERCISES)
def test_solution(scratch, tmp_path, name):
    """The worked solution applies, builds, and gets full marks."""
    patch = os.path.join(FOLDER, name, 'solution.patch')
    with open(patch) as f:
        result = subprocess.run(['patch', '-p1', '--no-backup-if-mismatch'], cwd=scratch, stdin=f,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                check=False)
    assert result.returncode == 0, f'the patch needs a refresh:\n{result.stdout}'
    status, text, reports = grade(tmp_path, '--tree', str(scratch), name)
    assert status == 0, text
    assert reports['classroom']['status'] == 'pass'
    assert sum(t['score'] for t in reports['gradescope']['tests']) == 10


def only_errors(reports: dict, kind: str) -> None:
    """Nothing is called a wrong answer."""
    cases = reports['junit'].findall('.//testcase')
    assert cases and all(case.find('error').get('type') == kind for case in cases)
    assert not reports['junit'].findall('.//failure')
    assert reports['classroom']['status'] == 'error'
    assert {t['status'] for t in reports['classroom']['tests']} == {'error'}


def test_a_tree_that_does_not_build(scratch, tmp_path):
    with open(scratch / 'kernel/main.c', 'a') as f:
        f.write('\nthis is no C\n')
    status, text, reports = grade(tmp_path, '--tree', str(scratch), 'syscall')
    assert status == 2 and 'it does not build' in text and 'kernel/main.c' in text
    only_errors(reports, 'build')


def test_a_program_that_does_not_compile(scratch, tmp_path):
    os.makedirs(scratch / 'usr/course', exist_ok=True)
    (scratch / 'usr/course/ticket.h').write_text('this is no C\n')
    status, text, reports = grade(tmp_path, '--tree', str(scratch), '--no-build', 'ticket_lock')
    assert status == 2 and 'it does not build' in text and 'usr/course/ticket.h' in text
    only_errors(reports, 'build')


def test_a_machine_that_does_not_boot(tmp_path):
    build = tmp_path / 'tree/build'
    build.mkdir(parents=True)
    image = bytearray(open(os.path.join(m.BUILD, 'Image'), 'rb').read())
    image[4096:65536] = bytes(65536 - 4096)
    (build / 'Image').write_bytes(image)
    shutil.copy(os.path.join(m.BUILD, 'rootfs.cpio'), build)
    status, text, reports = grade(tmp_path, '--tree', str(tmp_path / 'tree'), '--no-build',
                                  'syscall', env={'CREANCE_TIMEOUT_SCALE': '0.04'})
    assert status == 2 and 'the machine does not boot' in text
    only_errors(reports, 'boot')


def test_a_missing_tool(tmp_path):
    status, text, reports = grade(tmp_path, 'syscall', env={'PATH': str(tmp_path)})
    assert status == 2 and 'a tool is missing' in text and 'riscv64-linux-gnu-gcc' in text
    only_errors(reports, 'tool')
    assert reports['gradescope']['tests'] == []  # no score: the teacher is told


# ---- the documents ------------------------------------------------------------

def course() -> str:
    with open(os.path.join(m.TOP, 'docs/course.md')) as f:
        return f.read()


def test_every_chapter_has_its_row():
    rows = [int(n) for n in re.findall(r'^\| (\d+) ', course(), re.M)]
    assert rows == CHAPTERS


@pytest.mark.parametrize('name', EXERCISES)
def test_every_exercise_is_complete_and_in_the_map(name):
    files = os.listdir(os.path.join(FOLDER, name))
    assert {'README.md', f'check_{name}.py', 'solution.patch'} <= set(files)
    assert f'test/exercises/{name}/README.md' in course()


@pytest.mark.parametrize('name', EXERCISES)
def test_tasks_name_what_exists(name):
    """Files that a task sends its reader to (but not those it asks for)."""
    with open(os.path.join(FOLDER, name, 'README.md')) as f:
        text = f.read()
    for target in re.findall(r'`((?:arch|kernel|drivers|test|scripts|docs)/[\w./-]+\.\w+)`', text):
        assert os.path.exists(os.path.join(m.TOP, target)), target
