"""An event listener that adds the name of each event to the file it is given, and answers OK."""

import sys

with open(sys.argv[1], 'a') as record:
    while True:
        print('READY', flush=True)
        header = sys.stdin.readline()
        if not header:
            break
        fields = dict(token.split(':') for token in header.split())
        sys.stdin.read(int(fields['len']))
        record.write(fields['eventname'] + '\n')
        record.flush()
        sys.stdout.write('RESULT 2\nOK')
        sys.stdout.flush()
