# SPDX-License-Identifier: MIT
"""Access control lists: Debian's setfacl and getfacl, and who may do what then.

What the script below says on Linux, on ext4 and on tmpfs alike, is in data/acl.txt:

    scripts/fetch acl linux
    pytest test/test_acl.py --kernel linux --record
"""
import os
import shutil
import subprocess

import pytest

import machine as m
from test_paths import boot

TOOLS = os.path.join(m.BUILD, 'acl/usr/bin')
EXPECTED = os.path.join(m.TOP, 'test/data/acl.txt')

pytestmark = pytest.mark.skipif(not os.path.isdir(TOOLS), reason='scripts/fetch acl')

# Each line is run and its output kept. "who": user 1000 of group 1000.
SCRIPT = r'''
umask 022; mkdir d; echo secret > d/f; chmod 600 d/f; chown 10:20 d/f; who cat d/f
setfacl -m u:1000:r d/f; stat -c %a d/f; getfacl -nc d/f; who cat d/f; who sh -c 'echo x >> d/f'
setfacl -m m::- d/f; stat -c %a d/f; who cat d/f
chmod 640 d/f; getfacl -nc d/f; who cat d/f
chmod 660 d/f; who sh -c 'echo x >> d/f'; setfacl -m u:1000:rw d/f; who sh -c 'echo more >> d/f'; cat d/f
setfacl -x u:1000 -m g:1000:r d/f; who cat d/f; setfacl -m g:20:rw d/f; as 1000 20 cat d/f
setfacl -m u:1000:-,g:1000:rw d/f; who cat d/f; as 1001 1000 cat d/f; as 1001 5 cat d/f
setfacl -m g:1000:w,g:1002:r d/f; /usr/bin/setpriv --reuid 1001 --regid 1000 --groups 1002 cat d/f; as 1001 1000 cat d/f
setfacl -m g:1000:-,o::r d/f; as 1001 1000 cat d/f; as 1001 5 cat d/f
chmod 606 d/f; getfacl -nc d/f; who cat d/f; as 1001 1000 cat d/f
who setfacl -b d/f; as 10 10 setfacl -m u:5:r d/f; as 10 10 getfacl -nc d/f
setfacl -b d/f; stat -c %a d/f; getfacl -nc d/f; ls -l d/f | cut -c1-11
chmod 700 d; who ls d; setfacl -m u:1000:rx d; who ls d; who touch d/x; ls -ld d | cut -c1-11
setfacl -m u:1000:x d; who ls d; chmod 644 d/f; who cat d/f
setfacl -b d; chmod 755 d; setfacl -d -m u:1000:rwx,g::rx,o::- d; getfacl -nc d
umask 077; mkdir d/sub; touch d/new; ln -s f d/link; mkfifo d/pipe; getfacl -nc d/sub d/new d/pipe
mkdir -m 700 d/sub/deep; getfacl -nc d/sub/deep; setfacl -k d; touch d/plain; stat -c %a d/plain; getfacl -nc d
umask 022; touch d/p2; mkdir d/m2; stat -c %a d/p2 d/m2; getfacl -nc d/sub/deep
setfacl -d -m u:5:r d/f; setfacl -m u:5:r d/link; getfacl -nc d/f; setfacl --set u::rw,g::r,o::r d/f; stat -c %a d/f
setfacl -m u:7:rw d/f; mv d/f d/g; ln d/g d/h; getfacl -nc d/h; chown 11 d/h; getfacl -n d/h
setfacl -m u:8:r d/h; chmod 4711 d/h; stat -c %a d/h; getfacl -nc d/h; chmod g+s d/sub; mkdir d/sub/s; stat -c %a d/sub/s
mkdir e; setfacl -m u:1000:rwx e; who touch e/mine; who mkdir e/dir; who mv e/mine e/dir/; ls -R e; who rm -r e/dir
'''


def run_script(shell, where: str) -> str:
    shell.check(f'mkdir {where}/w; cd {where}/w; as() {{ u=$1 g=$2; shift 2; '
                '/usr/bin/setpriv --reuid $u --regid $g --clear-groups "$@"; }; '
                'who() { as 1000 1000 "$@"; }; export PATH=$PATH:/m/bin LC_ALL=C')
    out = ''
    for line in SCRIPT.strip().splitlines():
        result = shell.run(f'( {line} ) 2>&1')
        out += f'$ {line}\n{result.output.replace(chr(13), "").strip()}\n'
    return out


@pytest.mark.parametrize('kind', ['ext4', 'ext4-small-inodes', 'tmpfs'])
def test_lists_decide(machine, lab, tmp_path, kind, pytestconfig):
    source, image = tmp_path / 'source', str(tmp_path / 'image')
    os.makedirs(source / 'bin')
    for tool in 'getfacl', 'setfacl':
        shutil.copy(os.path.join(TOOLS, tool), source / 'bin')
    options = '-I 128' if kind == 'ext4-small-inodes' else ''
    subprocess.run(f'mkfs.ext4 -q -F {options} -d {source} {image} 32M'.split(), check=True)
    shell = boot(machine, lab, image)
    shell.check('mkdir -p /m /t; mount -t ext4 /dev/vda /m; mount -t tmpfs none /t; chmod 755 /m /t')
    text = run_script(shell, '/t' if kind == 'tmpfs' else '/m')
    if pytestconfig.getoption('--record'):
        with open(EXPECTED, 'w') as f:
            f.write(text)
    with open(EXPECTED) as f:
        assert text == f.read()
    if kind != 'tmpfs':
        # What is on the disk says the same, and is read again.
        command = 'cd /m/w && getfacl -nR . 2>/dev/null; who ls d/sub; as 1001 1000 ls d/sub'
        before = shell.run(command).output
        shell.check('cd /; umount /m; mount -t ext4 /dev/vda /m')
        assert shell.run(command).output == before
        shell.check('cd /; umount /m')
        shell.console.close()
        subprocess.run(['e2fsck', '-fn', image], check=True, stdout=subprocess.DEVNULL)
