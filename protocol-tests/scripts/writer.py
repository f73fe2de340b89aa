"""A program of the fault bench: numbered lines of 16 bytes on its outputs, until TERM or for so many lines.

usage: writer.py NAME INTERVAL LINES FD...    (LINES 0: without end)

A life that ended by itself or by TERM is entered in ledger/NAME: its pid, and how many lines each output got.
"""
import os
import signal
import sys

name, interval, wanted = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) or 1 << 60
outputs = [int(fd) for fd in sys.argv[4:]]
# TERM is taken between two lines only, so that the ledger is exact.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
pid, n = os.getpid(), 0
while n < wanted:
    for fd in outputs:
        os.write(fd, b'%7d %7d\n' % (pid, n))
    n += 1
    if signal.sigtimedwait([signal.SIGTERM], interval):
        break
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'ledger')
ledger = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
os.write(ledger, b'%d %d\n' % (pid, n))
os._exit(0 if n < wanted else 3)
