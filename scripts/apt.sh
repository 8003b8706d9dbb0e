# SPDX-License-Identifier: Apache-2.0
# Sourced. Installs Debian packages, and only those that are missing.

fail() {
    echo "error: $1" >&2
    [ -z "${2:-}" ] || echo "hint: $2" >&2
    exit 1
}

# installed PACKAGE: whether dpkg has it configured.
installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# candidate PACKAGE: the version apt would install, empty for none.
candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)' || true
}

# apt_refresh: one `apt-get update` per run at most.
apt_refresh() {
    [ -z "${APT_REFRESHED:-}" ] || return 0
    APT_REFRESHED=1
    apt-get -o DPkg::Lock::Timeout=600 update -qq >/dev/null ||
        fail "cannot read the package lists" "check the network and \`apt-get update\`"
}

# apt_install PACKAGE...: installs those that are missing; no network when none is.
apt_install() {
    local package missing=()
    for package in "$@"; do
        installed "$package" || missing+=("$package")
    done
    [ "${#missing[@]}" = 0 ] || apt_install_newest "${missing[@]}"
}

# apt_install_newest PACKAGE...: installs them, or brings them up to apt's candidate.
apt_install_newest() {
    command -v apt-get >/dev/null ||
        fail "missing: $*, and this system has no apt-get" "install them with this system's package manager"
    [ "$(id -u)" = 0 ] || fail "missing packages: $*" "run \`apt-get install $*\` as root"
    apt_refresh
    echo "installing: $*" >&2
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -y -qq \
        --no-install-recommends "$@" >/dev/null </dev/null ||
        fail "apt-get could not install $*" "run \`apt-get install $*\` to see why"
}
