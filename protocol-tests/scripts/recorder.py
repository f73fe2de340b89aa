"""A listener that answers OK to everything and keeps it: recorder.py FILE, a JSON pair of header and payload a
line."""

import io
import json
import sys

stdin = io.TextIOWrapper(sys.stdin.buffer, encoding='utf-8', newline='')
with open(sys.argv[1], 'a') as out:
    while True:
        print('READY', flush=True)
        header = stdin.readline()
        if not header:
            break
        payload = stdin.read(int(header.rsplit('len:', 1)[1]))
        out.write(json.dumps([header, payload]) + '\n')
        out.flush()
        print('RESULT 2\nOK', end='', flush=True)
