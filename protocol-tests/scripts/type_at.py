"""Runs a command in a pseudo-terminal: type_at.py COMMAND ARG... with steps as JSON on stdin.

Each step is [text to wait for, keys to type then]. All that was shown goes to stdout. The exit status is
the command's, or 128 and the number of steps that did not come to pass.
"""
import json
import os
import pty
import select
import signal
import sys
import time

steps = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
shown, seen, end = b"", 0, time.time() + 30
while time.time() < end:
    if select.select([terminal], [], [], 0.05)[0]:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            break
    while steps and steps[0][0].encode() in shown[seen:]:
        text, keys = steps.pop(0)
        seen = shown.index(text.encode(), seen) + len(text)
        os.write(terminal, keys.encode())
        end = time.time() + 30
sys.stdout.buffer.write(shown)
if time.time() >= end:
    os.kill(pid, signal.SIGKILL)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(128 + len(steps) if steps or time.time() >= end else status)
