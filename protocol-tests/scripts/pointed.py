"""A listener that does one thing wrong at one point of the protocol, once: pointed.py NAME POINT ACTION

ACTION is stop (SIGSTOP), kill (SIGKILL) or garbage (bytes that mean nothing on stdout). NAME.heard gets the pool's
number of each event before the answer is complete, NAME.done tells that it was done.
"""
import os
import signal
import sys

name, wanted, action = sys.argv[1], sys.argv[2], sys.argv[3]
# The points, in the order in which they are passed.
POINTS = ('before-ready', 'ready', 'header-begun', 'header', 'payload-begun', 'payload', 'result-begun',
          'result-line', 'body-begun', 'body')


def point(here):
    assert here in POINTS
    if here != wanted or os.path.exists(name + '.done'):
        return
    open(name + '.done', 'w').close()
    if action == 'garbage':
        os.write(1, b'\0\xff garbage that means nothing\n')
    else:
        os.kill(os.getpid(), signal.SIGSTOP if action == 'stop' else signal.SIGKILL)


def read(count):
    data = b''
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            os._exit(0)
        data += piece
    return data


def read_header():
    header = read(5)
    point('header-begun')
    while not header.endswith(b'\n'):
        header += read(1)
    point('header')
    return dict(word.split(':') for word in header.decode().split())


heard = os.open(name + '.heard', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
while True:
    point('before-ready')
    os.write(1, b'READY\n')
    point('ready')
    tokens = read_header()
    length = int(tokens['len'])
    read(length // 2)
    point('payload-begun')
    read(length - length // 2)
    point('payload')
    os.write(1, b'RESU')
    point('result-begun')
    os.write(1, b'LT 2\n')
    point('result-line')
    os.write(1, b'O')
    point('body-begun')
    os.write(heard, b'%d\n' % int(tokens['poolserial']))
    os.write(1, b'K')
    point('body')
