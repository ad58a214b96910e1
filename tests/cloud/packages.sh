# Sourced by `up`: install what packages.txt names. Shell, because a bare
# machine has no python3 yet.

packages_wanted() { grep -v '^#' "$CLOUD_DIR/packages.txt" | tr ' ' '\n' | grep .; }

packages_missing() {
    local want have
    want=$(packages_wanted | sort -u)
    # shellcheck disable=SC2086  # one word a package is what is meant
    have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $want 2>/dev/null |
        sed -n 's/^installed //p' | sort -u)
    comm -23 <(printf '%s\n' "$want") <(printf '%s\n' "$have")
}

# Debian starts a service as soon as its package is unpacked. 101 forbids that:
# `up` starts its own instances, on its own ports. A guard that somebody else
# put there stays as it is.
POLICY=/usr/sbin/policy-rc.d
policy_guard() {
    [ -e $POLICY ] && return 0
    printf '#!/bin/sh\n# stackwatch tests/cloud/up\nexit 101\n' >$POLICY
    chmod 755 $POLICY
    trap policy_unguard EXIT
}
policy_unguard() { grep -qs 'stackwatch tests/cloud/up' $POLICY && rm -f $POLICY; return 0; }

packages_install() {
    local log=$RUN/log/apt.log missing
    missing=$(packages_missing)
    [ -z "$missing" ] && return 0
    policy_guard
    local apt=(apt-get -y -q --no-install-recommends
        -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0)
    export DEBIAN_FRONTEND=noninteractive
    # The package lists may be absent or old on a bare machine: look again
    # only if the first try fails. So a machine with fresh lists pays nothing.
    # shellcheck disable=SC2086
    if ! "${apt[@]}" install $missing >"$log" 2>&1 &&
        ! { apt-get -q update && dpkg --configure -a && "${apt[@]}" install $missing; } >>"$log" 2>&1; then
        printf 'FAILED packages, log %s, its last lines:\n' "$log" >&2
        tail -20 "$log" >&2
        return 1
    fi
    policy_unguard
}
