"""Child program of the tests: writes numbered lines of 100 bytes, as fast as they are taken.

usage: flood.py BYTES   (0: without end)
Then it stays; `done` beside this file tells that all was taken.
"""
import os
import signal
import sys

LINE = 100
BATCH = 600  # lines in one write, less than a pipe holds

wanted = int(sys.argv[1]) // LINE or 1 << 60
n = 0
while n < wanted:
    count = min(BATCH, wanted - n)
    data = b''.join(b'%099d\n' % number for number in range(n, n + count))
    while data:
        data = data[os.write(1, data):]
    n += count
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'done'), 'w').close()
while True:
    signal.pause()
