"""Calls every method of a supervisord's XML-RPC interface and writes down the answers.

Arguments: the socket, the folder of the test. stdout: a JSON list of [call, answer], in the order of
the calls; an answer is {"value": ...} or {"fault": [code, text]} or {"http": status}. Pids, times and
the folder's name are replaced, so that the lists of two supervisors can be compared.
"""
import http.client
import json
import os
import re
import socket
import sys
import threading
import time
import xmlrpc.client

PATH, FOLDER = sys.argv[1:3]


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(PATH)


class Transport(xmlrpc.client.Transport):
    def make_connection(self, host):
        return Connection('localhost')


def proxy():
    return xmlrpc.client.ServerProxy('http://localhost/RPC2', transport=Transport())


def ask(name, *params):
    call = proxy()
    for part in name.split('.'):
        call = getattr(call, part)
    try:
        return {'value': call(*params)}
    except xmlrpc.client.Fault as fault:
        return {'fault': [fault.faultCode, fault.faultString]}
    except xmlrpc.client.ProtocolError as error:
        return {'http': error.errcode}


# Methods that only one side has, as an addition that compatibility.md describes.
ADDED = ['supervisor.getListenerPools']

NORMAL = {'pid': 1, 'start': 1, 'stop': 1, 'now': 1}


def normal(value, key=None):
    if isinstance(value, dict):
        return {k: normal(v, k) for k, v in sorted(value.items())}
    if isinstance(value, list):
        return [normal(v) for v in value if v not in ADDED]
    if key in NORMAL and isinstance(value, int) and value:
        return NORMAL[key]
    if isinstance(value, str):
        value = value.replace(FOLDER, '@DIR@')
        value = re.sub(r'---supervisor-\w{8}\.log', '---supervisor-RANDOM.log', value)
        value = re.sub(r'pid \d+, uptime \S+', 'pid N, uptime T', value)
        return re.sub(r'^[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M$', 'STOPTIME', value)
    return value


answers = []


def call(name, *params):
    answer = ask('supervisor.' + name if '.' not in name else name, *params)
    answers.append([re.sub(' at 0x[0-9a-f]+', '', f'{name}{params!r}'), normal(answer)])
    return answer


def call_sorted(name, *params):
    """For results whose order is that of completion."""
    answer = ask('supervisor.' + name, *params)
    if isinstance(answer.get('value'), list):
        answer['value'].sort(key=str)
    answers.append([f'{name}{params!r}', normal(answer)])


def until(what, condition):
    end = time.monotonic() + 30
    while not condition():
        if time.monotonic() > end:
            sys.exit(f'waited in vain for {what}')
        time.sleep(0.02)


def state(name):
    return ask('supervisor.getProcessInfo', name).get('value', {}).get('statename')


def configure(text):
    with open(os.path.join(FOLDER, 'extra.conf'), 'w') as file:
        file.write(text.replace('@DIR@', FOLDER))


def about_the_daemon():
    for name in ['getAPIVersion', 'getVersion', 'getSupervisorVersion', 'getIdentification', 'getState']:
        call(name)
        call(name, 1)
    pid = ask('supervisor.getPID')['value']
    answers.append(['getPID', isinstance(pid, int)])
    call('nosuch')
    call('_update', 'x')
    call('no.such')
    call('a.b.c')
    call('getProcessInfo')
    call('startProcess', 'a', True, 1)


def about_methods():
    names = call('system.listMethods')['value']
    for name in names:
        if name in ADDED:
            continue
        call('system.methodSignature', name)
        text = ask('system.methodHelp', name)
        answers.append(['help of ' + name, bool(text.get('value'))])
    call('system.methodHelp', 'nosuch')
    call('system.methodSignature', 'supervisor.nosuch')


def infos():
    until('the start', lambda: state('run') == 'RUNNING' and state('crew:b') == 'RUNNING')
    until('the start', lambda: state('deaf') == state('sig') == 'RUNNING')
    until('the failure', lambda: state('bad') == 'FATAL')
    until('the exit', lambda: state('once') == 'EXITED')
    call('getAllProcessInfo')
    for name in ['run', 'run:run', 'crew:a', 'crew:*', 'crew:', 'crew', 'a', '', 'crew:nope', 'nope:*', '<&>']:
        call('getProcessInfo', name)
    call('getAllConfigInfo')


def starts_and_stops():
    for name in ['run', 'nope', 'crew:nope', 'gone', 'noexec', 'badquote', 'idle']:
        call('startProcess', name)
    for _ in range(2):
        call('startProcess', 'quick')
        until('the failure', lambda: state('quick') == 'FATAL')
    call('stopProcess', 'quick')
    call('startProcess', 'idle')
    call('stopProcess', 'idle')
    call('stopProcess', 'idle')
    call('getProcessInfo', 'idle')
    call('startProcess', 'idle', False)
    call('stopProcess', 'idle', '')
    until('the stop', lambda: state('idle') == 'STOPPED')
    for name in ['startProcess', 'stopProcess', 'startProcessGroup', 'stopProcessGroup']:
        call(name, 'nope')
        call(name, 'nope:*')
    call_sorted('stopProcess', 'crew:*')
    call_sorted('stopProcessGroup', 'crew')
    call_sorted('startProcessGroup', 'crew')
    call_sorted('startProcess', 'crew:*')
    call_sorted('startProcessGroup', 'crew:a')
    call_sorted('stopProcessGroup', 'crew', False)
    until('the stop', lambda: state('crew:a') == state('crew:b') == 'STOPPED')
    call_sorted('startProcess', 'crew:', False)
    until('the start', lambda: state('crew:a') == state('crew:b') == 'RUNNING')
    call_sorted('startAllProcesses')
    until('the failures', lambda: state('bad') == state('quick') == 'FATAL')
    call_sorted('stopAllProcesses')
    call_sorted('stopAllProcesses')
    for name in ['run', 'sig', 'cat', 'both', 'deaf']:
        call('startProcess', name)
    call_sorted('startProcessGroup', 'crew')


def waiting():
    """A slow stop holds up nobody, and what it stops is not stopped twice."""
    def traps():
        return ask('supervisor.readProcessLog', 'slow', 0, 0).get('value', '').count('up')
    before = traps()
    call('startProcess', 'slow')
    until('the trap', lambda: traps() > before)
    result = []
    waiter = threading.Thread(target=lambda: result.append(normal(ask('supervisor.stopProcess', 'slow'))))
    waiter.start()
    until('the stop to begin', lambda: state('slow') == 'STOPPING')
    call('stopProcess', 'slow')
    call('sendProcessStdin', 'slow', 'x')
    call('getProcessInfo', 'slow')
    call('signalProcess', 'slow', 'CONT')
    waiter.join()
    answers.append(['stopProcess slow', result])


def signals():
    for given in ['USR1', 'sigusr1', 'nope', '', '999', 10, '10']:
        call('signalProcess', 'sig', given)
    call('signalProcess', 'idle', 'HUP')
    call('signalProcess', 'idle', 'nope')
    call('signalProcess', 'nope', 'nope')
    call('signalProcess', 'nope:*', 'HUP')
    call('signalProcess', 'crew:*', 'CONT')
    call('signalProcessGroup', 'crew', 'nope')
    call('signalProcessGroup', 'crew:a', 'CONT')
    call('signalAllProcesses', 'nope')
    call('signalAllProcesses', 'CONT')


def stdin():
    call('sendProcessStdin', 'cat', 'h\u00e9llo\n')
    call('sendProcessStdin', 'cat', xmlrpc.client.Binary(b'more\n'))
    until('the echo', lambda: 'more' in ask('supervisor.readProcessLog', 'cat', 0, 0).get('value', ''))
    call('readProcessLog', 'cat', 0, 0)
    call('sendProcessStdin', 'nope', 'x')
    call('sendProcessStdin', 'crew:*', 'x')
    call('sendProcessStdin', 'idle', 'x')
    call('sendProcessStdin', 'nope', 5)
    call('sendProcessStdin', 'deaf', 'x')
    call('sendRemoteCommEvent', 'type', 'data')


def logs():
    path = os.path.join(FOLDER, 'text.log')
    for text in ['', '0123456789']:
        with open(path, 'w') as file:
            file.write(text)
        for offset in [-20, -3, 0, 4, 5, 9, 10, 20]:
            for length in [-1, 0, 1, 5, 6, 10, 100]:
                call('readProcessStdoutLog', 'text', offset, length)
                call('tailProcessStdoutLog', 'text', offset, length)
    call('readProcessLog', 'text', '4', 2.9)
    call('tailProcessLog', 'text', '4', 2.9)
    os.remove(path)
    for name in ['text', 'none', 'nope', 'crew:*', 'crew:nope']:
        for method in ['readProcessLog', 'readProcessStdoutLog', 'readProcessStderrLog', 'tailProcessLog',
                       'tailProcessStdoutLog', 'tailProcessStderrLog']:
            call(method, name, 0, 10)
        call('clearProcessLogs', name)
        call('clearProcessLog', name)
    call('clearProcessLogs', 'cat')
    call('readProcessStdoutLog', 'cat', 0, 0)
    call('clearAllProcessLogs')
    for offset, length in [(-1, 1), (0, -1), (0, 2)]:
        answer = ask('supervisor.readLog', offset, length)
        answers.append([f'readLog {offset} {length}', answer if 'fault' in answer else len(answer['value'])])
    call('clearLog')
    call('readMainLog', 0, 0)
    os.remove(os.path.join(FOLDER, 'supervisord.log'))
    call('clearLog')
    call('readLog', 0, 0)


def clearing():
    """Logs of running processes are emptied, are there again if somebody removed them, and go on."""
    def said(text):
        ask('supervisor.sendProcessStdin', 'both', text + '\n')
        for method, beginning in [('readProcessStdoutLog', 'out'), ('readProcessStderrLog', 'err')]:
            until('the text', lambda: beginning + text in ask('supervisor.' + method, 'both', 0, 0)['value'])
            call(method, 'both', 0, 0)
    info = ask('supervisor.getProcessInfo', 'both')['value']
    for round, method in enumerate(['clearProcessLogs', 'clearProcessLog', 'clearAllProcessLogs']):
        for text in ['first', 'second']:
            said(f'{text}{round}')
            if text == 'second':
                os.remove(info['stdout_logfile'])
            call(method, *([] if method == 'clearAllProcessLogs' else ['both']))
            for channel in ['stdout', 'stderr']:
                path = info[channel + '_logfile']
                answers.append([f'{method} {channel}', [os.path.exists(path), os.path.getsize(path)]])
            call('readProcessStdoutLog', 'both', 0, 0)
            call('tailProcessStderrLog', 'both', 0, 100)


def multicalls():
    calls = [
        {'methodName': 'supervisor.getState'},
        {'methodName': 'supervisor.startProcess', 'params': ['idle']},
        {'methodName': 'supervisor.stopProcess', 'params': ['idle']},
        {'methodName': 'supervisor.stopProcess', 'params': ['idle']},
        {'methodName': 'system.multicall', 'params': [[]]},
        {'params': []},
        {'methodName': 'no.such'},
        {'methodName': 'supervisor.getState', 'params': [1, 2]},
        {'methodName': 'system.methodSignature', 'params': ['supervisor.getPID']},
    ]
    call('system.multicall', calls)
    call('system.multicall', [])


def reloading():
    call('reloadConfig')
    configure('[program:new]\ncommand=sleep 1000\nstartsecs=0\n[program:run]\ncommand=sleep 1001\nstartsecs=0\n')
    call('reloadConfig')
    call('reloadConfig')
    call('addProcessGroup', 'new')
    until('the start', lambda: state('new') == 'RUNNING')
    call('addProcessGroup', 'new')
    call('addProcessGroup', 'nope')
    call('reloadConfig')
    call('removeProcessGroup', 'new')
    call('removeProcessGroup', 'nope')
    call('stopProcess', 'new')
    call('removeProcessGroup', 'new')
    call('getProcessInfo', 'new')
    call('addProcessGroup', 'new')
    configure('')
    call('reloadConfig')
    configure('[program:new]\nautostart=true\n')
    for _ in range(2):
        answer = ask('supervisor.reloadConfig')
        answers.append(['bad reloadConfig', [answer['fault'][0], answer['fault'][1].split(' ')[0]]])
    call('getAllConfigInfo')
    configure('')


def ending():
    """The server answers until the last process is dead, which takes a while."""
    said = lambda: ask('supervisor.readProcessLog', 'slow', 0, 0).get('value', '').count('up')
    before = said()
    ask('supervisor.startProcess', 'slow')
    until('the trap', lambda: said() > before)
    call('shutdown')
    for name in ['shutdown', 'restart', 'getState', 'getPID', 'getAllProcessInfo', 'reloadConfig']:
        call(name)
    call('sendRemoteCommEvent', 'a', 'b')
    call('system.methodSignature', 'supervisor.getPID')
    call('system.multicall', [{'methodName': 'supervisor.getPID'}, {'methodName': 'system.listMethods'}])


for part in [about_the_daemon, about_methods, infos, starts_and_stops, waiting, signals, stdin, logs,
             clearing, multicalls, reloading, ending]:
    part()
json.dump(answers, sys.stdout)
