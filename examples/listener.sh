#!/bin/sh
# An event listener in POSIX sh: ends supervisord as soon as a program is given up (FATAL), the usual way
# to have a container end together with what it is there for. listener-sh.conf is its configuration.
#
# The rules of the protocol:
#   - stdout is for READY and RESULT only; whatever else there is to say goes to stderr.
#   - After READY comes one event: a line of tokens `name:value`, then a payload of `len` characters.
#   - The next one comes after the answer and another READY, never before.
#
# `len` counts characters and dd counts bytes: the same as long as the names of programs and groups are
# ASCII, since PROCESS_STATE, PROCESS_GROUP and TICK events hold nothing else of anybody's choice. Events
# with output or messages in them (PROCESS_LOG, PROCESS_COMMUNICATION) are for listener.py.

if [ -z "$SUPERVISOR_ENABLED" ]; then
    echo "$0: to be run by supervisord, as an event listener" >&2
    exit 1
fi

# The tokens below stand without quotes, since they are to become words; words are no file names.
set -f

# value NAME TOKEN...: the value of the token of that name.
value() {
    name=$1
    shift
    for token; do
        case $token in
            "$name":*) printf '%s\n' "${token#*:}" ;;
        esac
    done
}

while printf 'READY\n' && IFS= read -r header; do
    payload=$(dd bs=1 count="$(value len $header)" 2>/dev/null)
    if [ "$(value eventname $header)" = PROCESS_STATE_FATAL ]; then
        echo "$(value processname $payload) was given up: ending supervisord" >&2
        kill -QUIT "$PPID"
    fi
    printf 'RESULT 2\nOK'
done
