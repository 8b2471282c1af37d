# SPDX-License-Identifier: MIT
"""browser.py - headless Chromium for tests, by its DevTools protocol over a pipe

Idea: with --remote-debugging-pipe Chromium reads commands from descriptor 3 and
writes answers and events to 4, JSON with a NUL after each. So no library and no
port is needed. The page is opened as a file, with the network switched off.
Source: Chrome DevTools Protocol (Target, Page, Runtime, Network, Input).
"""
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

import machine as m

NAMES = ('chromium', 'chromium-browser', 'google-chrome')
FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--disable-extensions', '--hide-scrollbars', '--window-size=1300,850']
TIMEOUT_S = 300
# Move two descriptors to 3 and 4, out of each other's way, and become the browser.
START = '''
import fcntl, os, sys
ends = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
for want, fd in zip((3, 4), ends):
    os.dup2(fd, want)
os.execv(sys.argv[3], sys.argv[3:])
'''


def find() -> str:
    return next((path for path in map(shutil.which, NAMES) if path), '')


class PageError(AssertionError):
    """A script of the page threw, or the browser does not answer."""


class Browser:
    """One page in a browser of its own; use it in `with`."""

    def __init__(self, path: str) -> None:
        self.profile = tempfile.mkdtemp(prefix='creance-browser-')
        to_read, self.to = os.pipe()
        self.of, to_write = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, '-c', START, str(to_read), str(to_write), find(), *FLAGS,
             '--remote-debugging-pipe', f'--user-data-dir={self.profile}', 'about:blank'],
            pass_fds=[to_read, to_write], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.number, self.pending, self.events = 0, b'', []
        self.session = None
        target = next(t for t in self.call('Target.getTargets')['targetInfos']
                      if t['type'] == 'page')
        self.session = self.call('Target.attachToTarget', targetId=target['targetId'],
                                 flatten=True)['sessionId']
        for domain in ('Page', 'Runtime', 'Network', 'Log'):
            self.call(domain + '.enable')
        self.call('Network.emulateNetworkConditions', offline=True, latency=0,
                  downloadThroughput=0, uploadThroughput=0)
        self.call('Page.navigate', url='file://' + os.path.abspath(path))
        self.wait_for('Page.loadEventFired')

    def __enter__(self):
        return self

    def __exit__(self, *error) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.to)
        os.close(self.of)
        shutil.rmtree(self.profile, ignore_errors=True)

    def _read(self, limit: float) -> dict:
        """The next message; an event is noted as well."""
        while b'\0' not in self.pending:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([self.of], [], [], left)[0]:
                raise PageError('the browser does not answer')
            chunk = os.read(self.of, 1 << 20)
            if not chunk:
                raise PageError('the browser has ended')
            self.pending += chunk
        text, _, self.pending = self.pending.partition(b'\0')
        message = json.loads(text)
        if 'method' in message:
            self.events.append(message)
        return message

    def call(self, method: str, **params) -> dict:
        self.number += 1
        message = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            message['sessionId'] = self.session
        data = json.dumps(message).encode() + b'\0'
        while data:
            data = data[os.write(self.to, data):]
        limit = time.monotonic() + TIMEOUT_S * m.SCALE
        while True:
            answer = self._read(limit)
            if answer.get('id') == self.number:
                if 'error' in answer:
                    raise PageError(f'{method}: {answer["error"]}')
                return answer['result']

    def wait_for(self, event: str) -> None:
        limit = time.monotonic() + TIMEOUT_S * m.SCALE
        while not any(e['method'] == event for e in self.events):
            self._read(limit)

    def run(self, script: str):
        """The value of a JavaScript expression; a promise is waited for."""
        result = self.call('Runtime.evaluate', expression=script, awaitPromise=True,
                           returnByValue=True)
        if 'exceptionDetails' in result:
            details = result['exceptionDetails']
            raise PageError(details.get('exception', {}).get('description', str(details)))
        return result['result'].get('value')

    def wait_until(self, condition: str) -> None:
        """Look at each frame whether the expression holds."""
        self.run('new Promise((done, failed) => { let frames = 0; const look = () => {'
                 f' if ({condition}) done(true); else if (++frames > 20000)'
                 ' failed(new Error("it never became so")); else requestAnimationFrame(look);'
                 ' }; look(); })')

    def mouse(self, kind: str, x: float, y: float, **more) -> None:
        self.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, **more)

    def click(self, x: float, y: float) -> None:
        self.mouse('mouseMoved', x, y)
        for kind in ('mousePressed', 'mouseReleased'):
            self.mouse(kind, x, y, button='left', clickCount=1)

    def requests(self) -> list:
        """Addresses that the page asked for."""
        return [e['params']['request']['url'] for e in self.events
                if e['method'] == 'Network.requestWillBeSent']

    def complaints(self) -> list:
        """What scripts threw and what the console shows as errors."""
        return [str(e['params']) for e in self.events
                if e['method'] == 'Runtime.exceptionThrown'
                or (e['method'] == 'Log.entryAdded' and e['params']['entry']['level'] == 'error')]

    def screenshot(self, path: str) -> None:
        import base64
        with open(path, 'wb') as f:
            f.write(base64.b64decode(self.call('Page.captureScreenshot')['data']))
