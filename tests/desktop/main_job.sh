#!/usr/bin/env bash
# The main job with real windows: three computers on a network of their own (mDNS, nothing typed). A file is dragged onto
# the first one's window; the second one's window shows it and is clicked; the first is closed; the third fetches it from
# the second. Needs root for the network namespaces.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${HANDOUT:=$here/../../target/debug/handout}"
. "$here/common.bash"
need_root

work=$(mktemp -d)
net="handout-test-$$"
started=()
clean_up() {
    local pid
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    for host in sw h1 h2 h3; do ip netns del "$net-$host" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT

make_network() {
    local host
    ip netns add "$net-sw"
    ip -n "$net-sw" link add br0 type bridge mcast_snooping 0
    ip -n "$net-sw" link set br0 up
    for host in 1 2 3; do
        ip netns add "$net-h$host"
        ip link add eth0 netns "$net-h$host" type veth peer name "port$host" netns "$net-sw"
        ip -n "$net-sw" link set "port$host" master br0 up
        ip -n "$net-h$host" link set lo up
        ip -n "$net-h$host" link set eth0 up
        ip -n "$net-h$host" addr add "10.91.0.$host/24" dev eth0
    done
}

# A display with a window manager, on a number of its own; prints nothing, sets DISPLAY for whoever asks: display N
start_display() {
    local number=$1
    Xvfb ":$number" -screen 0 1280x900x24 -nolisten tcp -noreset >"$work/xvfb-$number.log" 2>&1 &
    started+=($!)
    wait_for 20 "display :$number answers" env DISPLAY=":$number" xdpyinfo
    env DISPLAY=":$number" openbox --sm-disable >"$work/openbox-$number.log" 2>&1 &
    started+=($!)
}

on() { # on HOST COMMAND...: runs it on a computer
    local host=$1
    shift
    ip netns exec "$net-h$host" "$@"
}

handout_on() { # handout_on HOST ARGS...: that computer's Handout
    local host=$1
    shift
    on "$host" env HOME="$work/user$host" HANDOUT_HOME="$work/user$host/handout" "$HANDOUT" "$@"
}

start_window() {
    local host=$1 display=$2 name=$3
    mkdir -p "$work/user$host/handout"
    echo "name = \"$name\"" >"$work/user$host/handout/settings.toml"
    # A lone session bus keeps accessibility and choosers of the person's own desktop out of this.
    on "$host" env HOME="$work/user$host" HANDOUT_HOME="$work/user$host/handout" DISPLAY=":$display" \
        dbus-run-session -- "$HANDOUT" >"$work/window$host.log" 2>&1 &
    started+=($!)
    wait_for 30 "$name's window is open" env DISPLAY=":$display" xdotool search --onlyvisible --name '^Handout$'
}

lists() { handout_on "$1" shares --json | grep -q "Lesson 4"; }
has_it() { [ -f "$work/user2/handout/downloads/Lesson 4 – übung.bin" ]; }

make_network
first=$((100 + $$ % 400))
second=$((first + 1))
start_display "$first"
start_display "$second"
start_window 1 "$first" "Ann"
start_window 2 "$second" "Ben"

mkdir -p "$work/files"
head -c 20000000 /dev/urandom >"$work/files/Lesson 4 – übung.bin"
sum=$(b3sum --no-names "$work/files/Lesson 4 – übung.bin")

DISPLAY=":$first" /usr/bin/python3 "$here/drag.py" "$work/files/Lesson 4 – übung.bin" || fail "the file can't be dragged"
dropped=$(date +%s%N)
wait_for 10 "Ben's Handout knows the share" lists 2
echo "Ben's computer knew of it $((($(date +%s%N) - dropped) / 1000000)) ms after the drop"

# The row's button is reached by keyboard, as a person without a mouse would: search for it, then get it.
DISPLAY=":$second" "$here/get_first" || fail "the share can't be got in the window"
wait_for 30 "Ben has the file" has_it
[ "$(b3sum --no-names "$work/user2/handout/downloads/Lesson 4 – übung.bin")" = "$sum" ] || fail "Ben's copy differs"

window=$(DISPLAY=":$first" xdotool search --onlyvisible --name '^Handout$' | tail -1)
# The window manager's own key asks the window to close, as a click on its cross does.
DISPLAY=":$first" xdotool windowactivate --sync "$window" key alt+F4
gone() { ! handout_on 2 peers --json | grep -q '"Ann"'; }
wait_for 10 "Ann is gone from Ben's room" gone

id=$(handout_on 2 transfers --json | grep -o '"share":"[a-z2-7]*"' | head -1 | cut -d'"' -f4)
handout_on 3 get "$id" --into "$work/user3" --quiet || fail "the third can't get it from the second"
[ "$(b3sum --no-names "$work/user3/Lesson 4 – übung.bin")" = "$sum" ] || fail "the third copy differs"
echo "main_job: a file went from window to window, and on from there"
