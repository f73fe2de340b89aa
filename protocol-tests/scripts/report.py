"""Child program of the tests: writes what it was given as JSON, then stays or exits.

usage: report.py stay|exit:CODE [ANYTHING...]
The report is report/GROUP:NAME.json beside this file; it is complete once it exists.
"""
import json
import os
import signal
import sys


def descriptors():
    kinds = {}
    first = {}
    for fd in sorted(int(name) for name in os.listdir('/proc/self/fd')):
        try:
            target = os.readlink('/proc/self/fd/%d' % fd)
        except OSError:
            continue  # the descriptor of the listing itself
        if target.startswith('/proc/'):
            continue
        kind = target.split(':')[0]
        kinds[str(fd)] = 'same as %d' % first[target] if target in first else kind
        first.setdefault(target, fd)
    return kinds


def umask():
    value = os.umask(0)
    os.umask(value)
    return '%03o' % value


def signal_masks():
    lines = open('/proc/self/status').read().splitlines()
    masks = dict(line.split(':\t') for line in lines if line.startswith(('SigBlk', 'SigIgn')))
    # Python itself ignores the first two; the others belong to the C library
    not_ours = (signal.SIGPIPE, signal.SIGXFSZ, 32, 33)
    ignored = int(masks['SigIgn'], 16) & ~sum(1 << (number - 1) for number in not_ours)
    return {'blocked': masks['SigBlk'], 'ignored': '%016x' % ignored}


def report():
    return {
        'argv': open('/proc/self/cmdline').read().split('\0')[:-1],
        'cwd': os.getcwd(),
        'descriptors': descriptors(),
        'environment': dict(os.environ),
        'gid': os.getgid(),
        'groups': sorted(os.getgroups()),
        'leads its group': os.getpgid(0) == os.getpid(),
        'session of its parent': os.getsid(0) == os.getsid(os.getppid()),
        'signals': signal_masks(),
        'uid': os.getuid(),
        'umask': umask(),
    }


def write(here):
    os.makedirs(os.path.join(here, 'report'), exist_ok=True)
    name = '%(SUPERVISOR_GROUP_NAME)s:%(SUPERVISOR_PROCESS_NAME)s.json' % os.environ
    path = os.path.join(here, 'report', name)
    fresh = '%s.%d' % (path, os.getpid())
    text = json.dumps(report(), indent=1, sort_keys=True)
    with open(fresh, 'w') as file:
        file.write(text)
    os.rename(fresh, path)


write(os.path.dirname(os.path.abspath(__file__)))
if sys.argv[1].startswith('exit:'):
    sys.exit(int(sys.argv[1][5:]))
while True:
    signal.pause()
