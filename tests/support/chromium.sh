#!/bin/sh
# Starts $CHROMIUM as Playwright wants it, but without the pages of its own that it opens with each window (what its
# address bar would suggest) and ahead of need: half of what a window costs. Only the last --disable-features counts.
# Every page is ours and is left soon: no process of its own for each of them (a sixth less), no code made faster for
# what runs long (a tenth).
spared=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,SpareRendererForSitePerProcess
for argument do
    shift
    case $argument in --disable-features=*) argument=$argument,$spared ;; esac
    set -- "$@" "$argument"
done
exec "$CHROMIUM" --disable-site-isolation-trials --js-flags=--no-opt,--no-maglev "$@"
