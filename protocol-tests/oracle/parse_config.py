"""Reads configurations with the reference and prints what it makes of them.

Usage: python parse_config.py REQUESTS

REQUESTS is a file with one JSON object per line: {"args": [...], "directory": "..."}. For each the
script changes to the directory, lets the reference's ServerOptions take the arguments, and prints
one line: {"error": "..."} or the whole resolved configuration. What the reference settles only
after reading (groups and processes of one name, sizes below zero) is settled here. {"split": "..."} asks how a command is split into words.
"""

import json
import os
import shlex
import sys
import warnings

warnings.simplefilter("ignore")
sys.argv[0] = "supervisord"

from supervisor import events, options  # noqa: E402


class Refused(Exception):
    pass


class Options(options.ServerOptions):
    def usage(self, msg):
        raise Refused(str(msg))

    def help(self, dummy):
        raise Refused("(help)")

    def version(self, dummy):
        raise Refused("(version)")


def natural(number):
    return max(0, number)


def log_file(value):
    if value is options.Automatic:
        return "auto"
    return value or "none"


def channel(process, name):
    def of(suffix):
        return getattr(process, name + suffix)

    return {
        "logfile": log_file(of("_logfile")),
        "maxbytes": natural(of("_logfile_maxbytes")),
        "backups": natural(of("_logfile_backups")),
        "capture_maxbytes": natural(of("_capture_maxbytes")),
        "events_enabled": of("_events_enabled"),
        "syslog": of("_syslog"),
    }


def autorestart(value):
    if value is options.auto_restart("unexpected"):
        return "unexpected"
    return "always" if value else "never"


def process(config):
    plain = """name command priority autostart startsecs startretries exitcodes stopwaitsecs stopasgroup
        killasgroup redirect_stderr directory umask serverurl""".split()
    shown = {name: getattr(config, name) for name in plain}
    shown["autorestart"] = autorestart(config.autorestart)
    shown["stopsignal"] = int(config.stopsignal)
    shown["user"] = config.uid
    shown["environment"] = list(map(list, config.environment.items()))
    shown["stdout"] = channel(config, "stdout")
    shown["stderr"] = channel(config, "stderr")
    return shown


def members(configs):
    """What starts, in order: of two with one name the last; by priority, as in no [group:x] of theirs."""
    return sorted({config.name: config for config in configs}.values(), key=lambda config: config.priority)


def pool(group):
    handler = group.result_handler
    return {
        "events": sorted(events.getEventNameByType(kind) for kind in group.pool_events),
        "buffer_size": group.buffer_size,
        "result_handler": "%s:%s" % (handler.__module__, handler.__qualname__),
    }


def socket(config):
    shown = {"url": config.url, "backlog": config.backlog}
    if config.url.startswith("unix:"):
        shown["mode"] = config.mode
        shown["owner"] = config.owner and [owner & 0xFFFFFFFF for owner in config.owner]
    return shown


def group(config):
    shared = config.process_configs and getattr(config, "socket_config", None)
    return {
        "name": config.name,
        "priority": config.priority,
        "processes": [process(p) for p in members(config.process_configs)],
        "pool": pool(config) if isinstance(config, options.EventListenerPoolConfig) else None,
        "fcgi": socket(shared) if shared else None,
    }


def server(config):
    shown = {"section": config["section"], "credentials": None}
    if config["username"]:
        shown["credentials"] = [config["username"], config["password"]]
    if "port" in config:
        shown.update(host=config["host"], port=config["port"])
    else:
        uid, gid = config["chown"]
        owner = None if uid == -1 else [uid, None if gid == -1 else gid]
        shown.update(file=config["file"], mode=config["chmod"], owner=owner)
    return shown


def supervisord(o):
    plain = "logfile pidfile umask directory identifier".split()
    shown = {name: getattr(o, name) for name in plain}
    for name in "logfile_maxbytes logfile_backups minfds minprocs".split():
        shown[name] = natural(getattr(o, name))
    for name in "nodaemon silent nocleanup strip_ansi".split():
        shown[name] = bool(getattr(o, name))
    # The default comes as a name, or as octal digits.
    shown["loglevel"] = options.logging_level(o.loglevel) if isinstance(o.loglevel, str) else o.loglevel
    shown["umask"] = options.octal_type(o.umask) if isinstance(o.umask, str) else o.umask
    shown["childlogdir"] = os.path.abspath(o.childlogdir)
    shown["user"] = o.uid
    shown["environment"] = list(map(list, o.configroot.supervisord.environment.items()))
    return shown


def configuration(o):
    groups = list({g.name: g for g in reversed(o.process_group_configs)}.values())
    by_order = [g for g in o.process_group_configs if any(g is kept for kept in groups)]
    if o.uid is None:
        o.set_uid_or_exit()
    return {
        "supervisord": supervisord(o),
        "groups": [group(g) for g in by_order],
        "servers": [server(s) for s in o.server_configs],
        "rpc_interfaces": [name for name, factory, extras in o.rpcinterface_factories],
        "messages": [["Critical", text] for text in o.parse_criticals]
        + [["Warn", text] for text in o.parse_warnings]
        + [["Info", text] for text in o.parse_infos],
    }


def split(command):
    try:
        return shlex.split(command)
    except ValueError as error:
        return {"error": str(error)}


def answer(request):
    if "split" in request:
        return split(request["split"])
    os.chdir(request["directory"])
    o = Options()
    try:
        o.realize(request["args"], "", "supervisord")
        return configuration(o)
    except Refused as refused:
        return {"error": str(refused)}
    except Exception as crash:
        return {"error": "%s" % crash, "crash": type(crash).__name__}
    finally:
        o.poller.close()


with open(sys.argv[1]) as requests:
    for line in requests:
        print(json.dumps(answer(json.loads(line)), sort_keys=True))
