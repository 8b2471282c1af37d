# SPDX-License-Identifier: MIT
"""Checks of the exercise "mailbox"."""
import pytest


@pytest.fixture(scope='module')
def post(program):
    return program('post.c')


def poster(shell):
    if shell.run('ls /dev/mailbox').status:
        pytest.fail('there is no /dev/mailbox', pytrace=False)
    return lambda what: shell.check(f'post {what}', 300).strip()


@pytest.fixture(scope='module')
def box(boot, post):
    return poster(boot([post], harts=2))


@pytest.fixture(scope='module')
def counted_box(boot, post):
    """Where the clock counts instructions: elsewhere it goes on when the host has no time."""
    return poster(boot([post], harts=1, icount=True))


@pytest.mark.points(2)
def test_one_message(box):
    """What is written is read, whole; too long a message is refused."""
    assert box('one') == 'ok'


@pytest.mark.points(2)
def test_does_not_wait_when_told_so(box):
    """O_NONBLOCK: EAGAIN when it is empty, and when it is full."""
    assert box('nonblock') == 'ok'


@pytest.mark.points(2)
def test_reader_sleeps(counted_box):
    """A reader waits for a writer, and uses no time of the hart while it waits."""
    assert counted_box('sleep') == 'ok'


@pytest.mark.points(3)
def test_many_producers_and_consumers(box):
    """3 writers, 3 readers, 2 harts, 1500 messages: each arrives once, complete."""
    assert box('many') == 'ok'


@pytest.mark.points(1)
def test_a_signal_ends_the_wait(box):
    """A signal ends the wait with EINTR."""
    assert box('signal') == 'ok'
