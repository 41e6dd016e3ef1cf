#!/usr/bin/env bash
# A chain of four servers, each on a network of its own with the next one only. A file is on the fourth alone. Thirty people
# at the first find it by search, see the way to it, and download it while it arrives; the first of them leaves half-way.
# It crosses each line once. A person with a real browser finds another one, sees the way and downloads it; a folder comes
# as a zip while it arrives. Then the upper three are cut off, and a second browser gets it from the first at once; what was
# only looked at is found still, and the page says who can't be reached.
# Needs root for the network namespaces. PICTURES=FOLDER keeps screenshots of the pages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${HANDOUT:=$here/../../target/debug/handout}"
. "$here/common.bash"
need_root

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

add_person() { # add_person NAME [--role ROLE]: the password goes to $work/NAME.password
    handout_on 1 admin people add "$@" --json | grep -o '"password":"[^"]*"' | cut -d'"' -f4 >"$work/$1.password"
    [ -s "$work/$1.password" ] || fail "no password for $1"
}

sign_in() {
    local name=$1
    add_person "$name"
    person "$name" -c "$work/$name.jar" -o "$work/$name.html" --data-urlencode "name=$name" \
        --data-urlencode "password=$(cat "$work/$name.password")" "$site/sign-in" || fail "$name can't sign in"
    [ -s "$work/$name.jar" ] || fail "$name has no session"
    # A first password is good for choosing another.
    local own="four tall pines of $name"
    person "$name" -c "$work/$name.jar" -o "$work/$name.html" -H "Origin: $site" --data-urlencode "new=$own" \
        --data-urlencode "old=$(cat "$work/$name.password")" "$site/account/password" || fail "$name keeps the first password"
    echo "$own" >"$work/$name.password"
}

# browse NAME WORDS WAY [PICTURES]: the file that came is then $work/NAME.files/*
browse() {
    mkdir -p "$work/$1.files"
    on 0 timeout 120 "$here/browse.py" "$site" "$1" "$(cat "$work/$1.password")" "$2" "$3" "$work/$1.files" \
        ${4:+"$4"} >"$work/$1.browser.log" 2>&1 || fail "$1's browser: $(cat "$work/$1.browser.log")"
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
mkdir -p "$work/files/Chemistry/deep" "$work/files/Physics"
head -c 3000000 /dev/urandom >"$work/files/Chemistry/acids.bin"
head -c 3000000 /dev/urandom >"$work/files/Chemistry/deep/bases.bin"
head -c 5000000 /dev/urandom >"$work/files/Geography map.bin"
head -c 1000 /dev/urandom >"$work/files/Physics/levers.bin"
head -c 1000 /dev/urandom >"$work/files/Physics/pulleys.bin"
for name in Chemistry "Geography map.bin" Physics; do
    handout_on 4 share "$work/files/$name" >>"$work/share.log" 2>&1 || fail "the fourth can't share $name"
done

# A server that nobody owns asks every browser whether it is the owner's.
add_person head --role owner
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

id_of() { # id_of PERSON WORD: the share that a search finds above
    person "$1" "$site/api/v1/search?q=$2" | grep -o '"elsewhere":\[{.*' | grep -o '"id":"[a-z2-7]*"' | head -1 | cut -d'"' -f4
}

# A folder comes as a zip although none of it is here yet.
status=$(person ann -o "$work/chemistry.zip" -w '%{http_code}' "$site/s/$(id_of ann chemistry)/zip")
[ "$status" = 200 ] || fail "no zip of what arrives: $status $(cat "$work/chemistry.zip")"
python3 -m zipfile -e "$work/chemistry.zip" "$work/unzipped" || fail "the zip of what arrives is broken"
diff -r "$work/files/Chemistry" "$work/unzipped/Chemistry" || fail "the zip of what arrives differs"

# A person with a browser.
sign_in carla
[ -z "${PICTURES:-}" ] || mkdir -p "$PICTURES"
browse carla "geography map" 'you → Lab → School → District → State' "${PICTURES:-}"
cmp "$work"/carla.files/* "$work/files/Geography map.bin" || fail "what the browser downloaded differs"
echo "a browser found by search what only the fourth had, showed the way, and downloaded it"

# Somebody only looks at this one.
physics=$(id_of ann physics)
person ann "$site/s/$physics" | grep -q 'pulleys.bin' || fail "the page of a share above does not list its files"
sign_in dora

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

browse dora "geography map" ''
cmp "$work"/dora.files/* "$work/files/Geography map.bin" || fail "what the second browser downloaded differs"
echo "four_servers: a second browser got from the first server what the first browser had asked for"
person ben "$site/?q=pulleys" >"$work/pulleys.html"
grep -q 'In another server' "$work/pulleys.html" || fail "what was looked at is not found any more: $(cat "$work/pulleys.html")"
status=$(person ben -o "$work/physics.txt" -w '%{http_code}' "$site/s/$physics/f/0/levers.bin")
[ "$status" -ge 500 ] && grep -q "School can't be reached" "$work/physics.txt" ||
    fail "it is not said who can't be reached: $status $(cat "$work/physics.txt")"
