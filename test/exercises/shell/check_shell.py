# SPDX-License-Identifier: MIT
"""Checks of the exercise "shell"."""
import pytest

FILE = 'usr/course/shell.c'


@pytest.fixture(scope='module')
def run(boot, program):
    shell = boot([program(FILE, wanted=[FILE])])

    def script(*lines, timeout=60):
        text = '\\n'.join(lines).replace("'", "'\\''")
        return shell.run(f"printf '{text}\\n' > /tmp/in; shell < /tmp/in 2>&1", timeout)

    return script


@pytest.mark.points(2)
def test_runs_commands_one_after_the_other(run):
    """Commands run with their arguments, in order, each waited for."""
    result = run('echo one  two', 'sleep 1', 'echo three')
    assert result.output == 'one two\nthree\n' and result.status == 0


@pytest.mark.points(1)
def test_exit_status(run):
    """It exits as the last command did, or as "exit" says."""
    assert run('true', 'false').status == 1
    assert run('exit 7', 'echo not here').status == 7


@pytest.mark.points(1)
def test_not_found(run):
    """A program that is not there is said, and the next line runs."""
    assert run('no-such-program x', 'echo still here').output == \
        'no-such-program: not found\nstill here\n'


@pytest.mark.points(1)
def test_cd(run):
    """cd changes the shell's own directory."""
    assert run('cd /proc', 'pwd', 'cd /', 'pwd').output == '/proc\n/\n'


@pytest.mark.points(2)
def test_redirection(run):
    """> and < connect files."""
    assert run('echo saved > /tmp/out', 'echo shown', 'cat < /tmp/out').output == 'shown\nsaved\n'


@pytest.mark.points(2)
def test_pipes(run):
    """| connects two commands, or three; all ends are closed, so that it ends."""
    assert run('echo a b | tr a-z A-Z').output == 'A B\n'
    assert run('seq 1 1000 | grep 9 | wc -l', 'echo end').output == '271\nend\n'


@pytest.mark.points(1)
def test_background(run):
    """& does not wait."""
    assert run('sleep 1000 &', 'echo at once', 'killall sleep').output.startswith('at once\n')
