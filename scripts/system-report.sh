#!/bin/bash
# Reports host, load, memory, disks, the busiest processes and failed services on one screen
set -u

if [ -t 1 ]; then bold=$'\e[1m' violet=$'\e[94m' plain=$'\e[0m'; else bold= violet= plain=; fi

section() { printf '\n%s%s%s\n' "$bold$violet" "$1" "$plain"; }
has() { command -v "$1" >/dev/null 2>&1; }

section "Host"
printf '%-10s %s\n' name "$(hostname)" kernel "$(uname -sr)" since "$(uptime -s 2>/dev/null || uptime)"
[ -r /etc/os-release ] && (. /etc/os-release; printf '%-10s %s\n' system "$PRETTY_NAME")

section "Load and memory"
cat /proc/loadavg
has free && free -h

section "Disks"
df -h -x tmpfs -x devtmpfs -x overlay 2>/dev/null || df -h

section "Busiest processes"
ps -eo pid,user,%cpu,%mem,comm --sort=-%cpu 2>/dev/null | head -n 8

section "Failed services"
if has systemctl && systemctl list-units >/dev/null 2>&1; then
    failed=$(systemctl --failed --no-legend --plain)
    echo "${failed:-none}"
else
    echo "systemd does not run here"
fi
