#!/bin/sh
# Lists the packages that could be upgraded, and says whether a restart is due; changes nothing
set -eu

command -v apt-get >/dev/null || { echo "This script knows Debian and Ubuntu only (apt-get)." >&2; exit 1; }

echo "What an upgrade would change, by the package lists of this machine:"
# -s simulates: nothing is installed, no lock is taken.
found=$(apt-get -s -o Debug::NoLocking=true upgrade | awk '$1 == "Inst" { gsub(/[][()]/, ""); printf "  %-36s %s -> %s\n", $2, $3, $4 }')
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    printf '\n%s packages can be upgraded.\n' "$(printf '%s\n' "$found" | wc -l)"
else
    echo "  nothing: everything is up to date"
fi

if [ -f /var/run/reboot-required ]; then
    echo "A restart of the machine is due."
fi
