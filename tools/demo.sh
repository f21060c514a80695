#!/bin/sh
# demo.sh - starts build/target, loads it with build/demo for ten seconds, prints the table.
# Called by `make demo`; exits with the demo's status.
set -eu
cd "$(dirname "$0")/.."

fifo=build/demo.fifo
rm -f "$fifo"
mkfifo "$fifo"
build/target --port 0 >"$fifo" &
target=$!
trap 'kill $target 2>/dev/null || true; rm -f "$fifo"' EXIT
trap : INT TERM # the demo ends by itself on Ctrl-C, with its report

exec 3<"$fifo" # stays open, so that the target can go on printing
if ! read -r line <&3; then
    echo "demo.sh: build/target ended before it listened" >&2
    exit 1
fi

status=0
build/demo --headless -u 200 -r 100 -t 10s --host "http://${line#listening on }" || status=$?
exit $status
