"""Asks the reference whether it takes configurations.

stdin: a JSON list of {"dir", "args", "env"}; stdout: a JSON list of {"status", "error"} in that order.
status 0: taken; 2: refused, error is the text after "Error: "; 1: a traceback, error is its last line.
Each is checked in a fork of its own.
"""
import io
import json
import os
import sys
import traceback

from supervisor import supervisord
from supervisor.options import ServerOptions


def check(case):
    os.chdir(case['dir'])
    os.environ.clear()
    os.environ.update(case['env'])
    os.umask(0o022)
    options = ServerOptions()
    options.stdout = options.stderr = sys.stderr = said = io.StringIO()
    try:
        options.realize(case['args'], doc=supervisord.__doc__, progname='supervisord')
    except SystemExit as end:
        lines = said.getvalue()
        start = lines.find('Error: ') + len('Error: ')
        return {'status': end.code or 0, 'error': lines[start:].rsplit('\nFor help', 1)[0]}
    except BaseException:
        return {'status': 1, 'error': traceback.format_exc().strip().splitlines()[-1]}
    return {'status': 0, 'error': ''}


def check_apart(case):
    reading, writing = os.pipe()
    if os.fork() == 0:
        with os.fdopen(writing, 'w') as answer:
            json.dump(check(case), answer)
            answer.flush()
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        result = json.load(answer)
    os.wait()
    return result


json.dump([check_apart(case) for case in json.load(sys.stdin)], sys.stdout)
