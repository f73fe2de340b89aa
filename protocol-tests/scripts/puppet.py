"""A listener or program that does what a test tells it to: puppet.py NAME [deaf]

What comes on stdin is added to the file NAME.in, each life behind a line of its own; NAME.ctl is a FIFO
with the orders, one a line:

    say HEX     write these bytes to stdout, in one call
    err HEX     the same to stderr
    close       close stdin
    hush        close stdout
    read        a puppet that was started deaf reads stdin from now on
    env         write the environment and the parent's pid to NAME.env
    exit N      exit with this status
"""

import json
import os
import select
import signal
import sys


class Stop(Exception):
    pass


def stop(*_):
    raise Stop


def copy():
    data = os.read(0, 65536)
    if not data:
        return False
    os.write(inward, data)
    return True


def write(fd, data):
    while data:
        data = data[os.write(fd, data):]


def order():
    line = b''
    while not line.endswith(b'\n'):
        line += os.read(orders, 1)
    return line.decode().split()


def obey(word, *rest):
    global listening
    if word in ('say', 'err'):
        write(1 if word == 'say' else 2, bytes.fromhex(rest[0]))
    elif word == 'close':
        os.close(0)
        listening = False
    elif word == 'hush':
        os.close(1)
    elif word == 'read':
        listening = True
    elif word == 'env':
        with open(name + '.env.new', 'w') as file:
            json.dump({'ppid': os.getppid(), **os.environ}, file)
        os.rename(name + '.env.new', name + '.env')
    elif word == 'exit':
        drain()
        os._exit(int(rest[0]))


def drain():
    """Keeps what is in the pipe already."""
    while listening and select.select([0], [], [], 0)[0]:
        if not copy():
            break


name = sys.argv[1]
listening = 'deaf' not in sys.argv[2:]
signal.signal(signal.SIGTERM, stop)
inward = os.open(name + '.in', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
os.write(inward, b'\n--- a life\n')
try:
    os.mkfifo(name + '.ctl')
except FileExistsError:
    pass
orders = os.open(name + '.ctl', os.O_RDWR)
try:
    while True:
        ready = select.select([orders] + [0] * listening, [], [])[0]
        if 0 in ready:
            listening = copy()
        elif orders in ready:
            obey(*order())
except Stop:
    drain()
