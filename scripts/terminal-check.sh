#!/bin/bash
# Shows what the terminal can do: colours, a progress bar, the window's size, and a question
set -u

for code in 31 32 33 34 35 36; do printf '\e[%sm ███ \e[0m' "$code"; done
printf '\n\n'

for done in $(seq 0 5 100); do
    printf '\r\e[K%3d %% [%-20s]' "$done" "$(printf '%*s' $((done / 5)) '' | tr ' ' '#')"
    sleep 0.1
done
printf '\n\n'

if [ -t 0 ]; then
    read -r rows cols < <(stty size)
    echo "The window has $cols columns and $rows rows."
    read -r -p "What is your name? " name
    echo "Hello, ${name:-stranger}."
else
    echo "There is no terminal here, so nothing is asked."
fi
