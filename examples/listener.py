#!/usr/bin/env python3
"""An event listener in Python, on its standard library alone: tells of every program that has ended
unexpectedly, with the last that it wrote to its stderr. listener-py.conf is its configuration.

The rules of the protocol:
- stdout is for READY and RESULT only; whatever else there is to say goes to stderr.
- After READY comes one event: a line of tokens `name:value`, then a payload of `len` characters of UTF-8
  (characters, not bytes).
- The next one comes after the answer and another READY, never before. An event that is not answered,
  because the listener dies over it, comes again.
"""
import http.client
import os
import socket
import sys
import time
import xmlrpc.client


def events():
    """Gives the header and the payload of each event. Asking for the next one answers for the last."""
    # With newline='\n' a carriage return in a payload stays the character that `len` has counted.
    sys.stdin.reconfigure(encoding='utf-8', newline='\n')
    say('READY\n')
    for line in iter(sys.stdin.readline, ''):
        header = tokens(line)
        yield header, sys.stdin.read(int(header['len']))
        say('RESULT 2\nOKREADY\n')


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def tokens(line):
    return dict(token.split(':', 1) for token in line.split())


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__('localhost')
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path):
        super().__init__()
        self.path = path

    def make_connection(self, host):
        _, self._extra_headers, _ = self.get_host_info(host)
        return UnixConnection(self.path)


def supervisord():
    """The supervisord that runs this listener. If it wants a user name and password, they are to be in
    the listener's environment= as SUPERVISOR_USERNAME and SUPERVISOR_PASSWORD."""
    url, name = os.environ['SUPERVISOR_SERVER_URL'], os.environ.get('SUPERVISOR_USERNAME')
    user = f"{name}:{os.environ.get('SUPERVISOR_PASSWORD', '')}@" if name else ''
    scheme, _, address = url.partition('://')
    if scheme == 'unix':
        return xmlrpc.client.ServerProxy(f'http://{user}localhost', UnixTransport(address)).supervisor
    return xmlrpc.client.ServerProxy(f'{scheme}://{user}{address}').supervisor


def last_words(process):
    try:
        return supervisord().tailProcessStderrLog(process, 0, 1000)[0]
    except (xmlrpc.client.Error, OSError) as error:
        return f'(not known: {error})'


def main():
    if 'SUPERVISOR_SERVER_URL' not in os.environ:
        sys.exit(f'{sys.argv[0]}: to be run by supervisord, as an event listener')
    for header, payload in events():
        if header['eventname'] != 'PROCESS_STATE_EXITED':
            continue
        ended = tokens(payload)
        if ended['expected'] == '0':
            process = f"{ended['groupname']}:{ended['processname']}"
            print(time.strftime('%F %T'), process, 'has ended unexpectedly; its last words:', file=sys.stderr)
            for line in last_words(process).splitlines()[-5:]:
                print('   ', line, file=sys.stderr)
            sys.stderr.flush()


main()
