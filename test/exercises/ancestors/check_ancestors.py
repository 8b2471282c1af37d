# SPDX-License-Identifier: MIT
"""Checks of the exercise "ancestors"."""
import pytest


@pytest.fixture(scope='module')
def shell(boot):
    return boot()


def family(text: str) -> list:
    return [line.split(' ', 1) for line in text.splitlines()]


@pytest.mark.points(3)
def test_begins_with_itself_and_ends_with_init(shell):
    """The first line is the process itself, the last is process 1."""
    lines = family(shell.check('cat /proc/self/ancestors'))
    assert lines[0][1] == 'cat' and lines[-1] == ['1', 'init']


@pytest.mark.points(3)
def test_every_line_is_the_parent_of_the_one_above(shell):
    """Each line is the parent (PPid) of the one before."""
    text = shell.check("sh -c 'sh -c \"cat /proc/\\$\\$/ancestors; for p in \\$(cut -d\\\" \\\" -f1 "
                       "/proc/\\$\\$/ancestors); do grep PPid /proc/\\$p/status; done; true\"; true'")
    lines = [line for line in text.splitlines() if not line.startswith('PPid')]
    parents = [line.split()[1] for line in text.splitlines() if line.startswith('PPid')]
    assert len(lines) >= 4
    assert [line.split()[0] for line in lines[1:]] + ['0'] == parents


@pytest.mark.points(2)
def test_orphans_belong_to_init(shell):
    """A process whose parent has exited has process 1 as its parent."""
    shell.check("sh -c 'sleep 1000 & echo $!' > /tmp/pid; p=$(cat /tmp/pid); "
                'until [ "$(cat /proc/$p/comm)" = sleep ]; do :; done')
    text = shell.check('cat /proc/$p/ancestors')
    shell.check('kill $p')
    assert [line[1] for line in family(text)] == ['sleep', 'init']


@pytest.mark.points(2)
def test_while_the_tree_changes(shell):
    """Reading while hundreds of processes come and go never fails and leaves the machine alive."""
    shell.check('(for i in $(seq 150); do sh -c "true & true" ; done) & worker=$!; '
                'while kill -0 $worker 2>/dev/null; do cat /proc/[0-9]*/ancestors '
                '>/tmp/all 2>/dev/null; done; wait; cat /proc/1/ancestors', 300)
    assert shell.check('cat /proc/1/ancestors') == '1 init\n'
