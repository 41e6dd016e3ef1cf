# What the scripts of this folder share; they source it. Who does sets `work`, the folder of its logs.

fail() {
    echo "FAILED: $*" >&2
    tail -n 20 "$work"/*.log >&2 || true
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

# Whether network namespaces can be made, or the end.
need_root() {
    [ "$(id -u)" -eq 0 ] && return
    echo "$(basename "$0") makes network namespaces, which needs root" >&2
    exit 1
}
