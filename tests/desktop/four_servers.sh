#!/usr/bin/env bash
# A chain of four servers, each on a network of its own with the next one only. A file is on the fourth alone. Thirty people
# at the first find it by search, see the way to it, and download it while it arrives; the first of them leaves half-way.
# It crosses each line once. Then the upper three are cut off, and one more gets it from the first at once.
# Needs root for the network namespaces.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${HANDOUT:=$here/../../target/debug/handout}"
if [ "$(id -u)" -ne 0 ]; then
    echo "four_servers.sh makes network namespaces, which needs root" >&2
    exit 1
fi

work=$(mktemp -d)
net="handout-chain-$$"
names=(- Lab School District State)
started=()
clean_up() {
    local pid host
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    for host in 0 1 2 3 4; do ip netns del "$net-$host" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*" >&2
    tail -n 15 "$work"/*.log >&2 || true
    exit 1
}

# Waits until a command succeeds: wait_for SECONDS WHAT COMMAND...
wait_for() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || fail "waited in vain until $what"
        sleep 0.1
    done
}

on() { # on HOST COMMAND...: 0 is the people's computer, 1 to 4 the servers
    local host=$1
    shift
    ip netns exec "$net-$host" "$@"
}

handout_on() {
    local host=$1
    shift
    on "$host" env HOME="$work/$host" HANDOUT_HOME="$work/$host/home" "$HANDOUT" "$@"
}

# Host N and host N+1 share the network 10.92.N.0/24, as .1 (below) and .2 (above).
make_network() {
    local host
    for host in 0 1 2 3 4; do
        ip netns add "$net-$host"
        ip -n "$net-$host" link set lo up
    done
    for host in 0 1 2 3; do
        ip link add above netns "$net-$host" type veth peer name below netns "$net-$((host + 1))"
        ip -n "$net-$host" addr add "10.92.$host.1/24" dev above
        ip -n "$net-$((host + 1))" addr add "10.92.$host.2/24" dev below
        ip -n "$net-$host" link set above up
        ip -n "$net-$((host + 1))" link set below up
    done
}

# Each server's key, and from it the id by which its neighbours know it.
make_key() {
    mkdir -p "$work/$1/home"
    (umask 077 && openssl genpkey -algorithm ed25519 -out "$work/$1/home/identity.key")
    openssl pkey -in "$work/$1/home/identity.key" -pubout -outform DER | openssl dgst -sha256 -binary |
        base32 -w0 | tr -d = | tr '[:upper:]' '[:lower:]' >"$work/$1/id"
}

configure() {
    local host=$1
    {
        echo "name = \"${names[$host]}\""
        echo "listen = \"0.0.0.0:47548\""
        echo "discovery = false"
        if [ "$host" -lt 4 ]; then
            printf '[[upstreams]]\naddress = "10.92.%s.2:47548"\nid = "%s"\nname = "%s"\n' \
                "$host" "$(cat "$work/$((host + 1))/id")" "${names[$((host + 1))]}"
        fi
        if [ "$host" -gt 1 ]; then
            printf '[[downstreams]]\nid = "%s"\n' "$(cat "$work/$((host - 1))/id")"
        fi
    } >"$work/$host/server.toml"
}

start_server() {
    # By exec, so that the number is the server's own and not that of a shell around it.
    (
        exec ip netns exec "$net-$1" env HOME="$work/$1" HANDOUT_HOME="$work/$1/home" \
            "$HANDOUT" serve --config "$work/$1/server.toml" >"$work/server$1.log" 2>&1
    ) &
    started+=($!)
    servers[$1]=$!
}

site="https://10.92.0.2:47548"
person() { # person NAME CURL-ARGS...: a request of somebody's browser
    local name=$1
    shift
    on 0 curl -sS -k --max-time 60 -b "$work/$name.jar" "$@"
}

sign_in() {
    local name=$1 password
    password=$(handout_on 1 admin add-person "$name" --json | grep -o '"password":"[^"]*"' | cut -d'"' -f4)
    [ -n "$password" ] || fail "no password for $name"
    person "$name" -c "$work/$name.jar" -o "$work/$name.html" --data-urlencode "name=$name" \
        --data-urlencode "password=$password" "$site/sign-in" || fail "$name can't sign in"
    [ -s "$work/$name.jar" ] || fail "$name has no session"
}

received() { # received HOST DEVICE: bytes that came in
    ip -n "$net-$1" -s -j link show "$2" | grep -o '"rx":{"bytes":[0-9]*' | head -1 | grep -o '[0-9]*$'
}

make_network
declare -A servers
for host in 1 2 3 4; do make_key "$host"; done
for host in 1 2 3 4; do
    configure "$host"
    start_server "$host"
done
for host in 1 2 3 4; do
    wait_for 30 "${names[$host]} answers" on "$host" curl -sk "https://127.0.0.1:47548/healthz"
done
# The line to the top is that of a school, so that the file is on its way for a while.
ip netns exec "$net-4" tc qdisc add dev below root tbf rate 120mbit burst 256kb latency 100ms || fail "the line can't be slowed"

size=40000000
mkdir -p "$work/files"
head -c "$size" /dev/urandom >"$work/files/Biology lesson.bin"
sum=$(b3sum --no-names "$work/files/Biology lesson.bin")
handout_on 4 share "$work/files/Biology lesson.bin" >"$work/share.log" 2>&1 || fail "the fourth can't share the file"

sign_in ann
found() {
    person ann "$site/api/v1/search?q=biology" >"$work/search.json" && grep -q '"elsewhere":\[{' "$work/search.json"
}
wait_for 30 "the first server finds what only the fourth has" found
grep -q '"route":\["you","Lab","School","District","State"\]' "$work/search.json" || fail "the way is missing: $(cat "$work/search.json")"
share=$(grep -o '"elsewhere":\[{.*' "$work/search.json" | grep -o '"id":"[a-z2-7]*"' | head -1 | cut -d'"' -f4)
person ann "$site/?q=biology" | grep -q 'you → Lab → School → District → State' || fail "the page does not show the way"
person ann "$site/s/$share" >"$work/share.html"
grep -q 'you → Lab → School → District → State' "$work/share.html" || fail "the share's page does not show the way"

file="$site/s/$share/f/0/lesson.bin"
pids=()
begun=$(date +%s%N)
for number in $(seq 30); do
    person ann -o "$work/got$number" -w '%{http_code} %{time_starttransfer} %{time_total}\n' "$file" >"$work/took$number" 2>/dev/null &
    pids+=($!)
done
sleep 0.8
# The first one closes the browser.
kill "${pids[0]}" 2>/dev/null || true
for number in $(seq 2 30); do
    wait "${pids[$((number - 1))]}" || fail "download $number ended with an error: $(cat "$work/took$number")"
    [ "$(b3sum --no-names "$work/got$number")" = "$sum" ] || fail "download $number differs: $(cat "$work/took$number")"
done
echo "29 of 30 downloads came whole in $((($(date +%s%N) - begun) / 1000000)) ms; one of them (status, first byte, all): $(cat "$work/took9")"
awk '{ if ($2 * 2 > $3) exit 1 }' "$work/took9" || fail "it was not given on while it arrived: $(cat "$work/took9")"
for host in 1 2 3; do
    bytes=$(received "$host" above)
    echo "the line to ${names[$((host + 1))]} carried $bytes bytes for a file of $size"
    [ "$bytes" -lt $((size * 13 / 10)) ] || fail "the file crossed the line to ${names[$((host + 1))]} more than once"
done

# The upper three are cut off, and whoever comes next is served at once.
for host in 2 3 4; do
    kill -9 "${servers[$host]}" 2>/dev/null || true
    wait "${servers[$host]}" 2>/dev/null || true
done
ip -n "$net-1" link set above down
sign_in ben
here_now() { person ben "$site/api/v1/search?q=biology" | grep -q '"here":true'; }
wait_for 10 "the first server has it in its own database" here_now
begun=$(date +%s%N)
person ben -o "$work/again" "$file" || fail "the second browser gets nothing"
took=$((($(date +%s%N) - begun) / 1000000))
[ "$(b3sum --no-names "$work/again")" = "$sum" ] || fail "the second browser's copy differs"
[ "$took" -lt 4000 ] || fail "it took $took ms from the first server alone"
echo "four_servers: with the upper three cut off, the next browser had it from the first in $took ms"
