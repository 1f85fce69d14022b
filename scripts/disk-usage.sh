#!/bin/sh
# Shows how full every disk is, and the ten largest folders below the one given (default /var)
set -eu

folder=${1:-/var}
[ -d "$folder" ] || { echo "There is no folder $folder." >&2; exit 1; }

echo "Disks"
df -h -x tmpfs -x devtmpfs -x overlay 2>/dev/null || df -h

echo
echo "Largest folders below $folder"
# Folders that may not be read are left out; what could be read still counts.
{ du -xh -d 2 "$folder" 2>/dev/null || :; } | sort -rh | head -n 11
