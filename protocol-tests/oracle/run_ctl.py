"""Runs Supervisor's supervisorctl command after command in one process: to start Python for each would
take most of a test's time.

Arguments: those that stand before every command. stdin: for each command a JSON list of its words.
stdout: for each a JSON list of its exit status and of what it wrote to stdout.
"""
import contextlib
import io
import json
import sys

from supervisor import supervisorctl

for line in sys.stdin:
    out, status = io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(out):
            supervisorctl.main(sys.argv[1:] + json.loads(line))
    except SystemExit as end:
        status = end.code or 0
    print(json.dumps([status, out.getvalue()]), flush=True)
