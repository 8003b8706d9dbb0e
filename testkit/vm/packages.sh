# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154 # read by `prepare`, which sets $cache and defines fail
# Debian packages, fetched and unpacked without installing them: an apt state of our own, with the
# mirror that this machine's apt uses.

# Prints `OPTIONS|URI` of every archive of this machine's apt that may be Debian's main archive.
apt_sources() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | awk '
        $1 == "deb" {
            options = ""
            if ($2 ~ /^\[/) { match($0, /\[[^]]*\]/); options = substr($0, RSTART + 1, RLENGTH - 2); sub(/\[[^]]*\]/, "") }
            if ($2 !~ /^cdrom:/ && $3 ~ /^(bookworm|trixie|stable|oldstable)$/ && $0 ~ / main/) { print options "|" $2 }
        }'
    cat /etc/apt/sources.list.d/*.sources 2>/dev/null | grep -v '^#' | awk -v RS= '
        {
            uri = suites = types = components = options = ""; enabled = 1
            for (n = split($0, line, "\n"); n > 0; n--) {
                key = tolower(line[n]); sub(/:.*/, "", key); value = line[n]; sub(/^[^:]*: */, "", value)
                if (key == "uris") { split(value, word, " "); uri = word[1] }
                if (key == "suites") suites = " " value " "
                if (key == "types") types = " " value " "
                if (key == "components") components = " " value " "
                if (key == "enabled" && value == "no") enabled = 0
                if (key == "signed-by" && value ~ /^\//) options = options " signed-by=" value
                if (key == "trusted") options = options " trusted=" value
            }
            if (enabled && types ~ / deb / && components ~ / main / && suites ~ / (bookworm|trixie|stable|oldstable) /) { print options "|" uri }
        }'
}

# An apt state of our own: an empty package database, so that every dependency is fetched too.
apt_setup() {
    apt=$cache/apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/none"
    : >"$apt/status"
    source=${BRIG_VM_APT_URI:+|$BRIG_VM_APT_URI}
    # Debian's own path first: others, too, name their suites and components as Debian does.
    [ -n "$source" ] || source=$(apt_sources | grep -E '/debian/?$' | head -n 1)
    [ -n "$source" ] || source=$(apt_sources | head -n 1)
    [ -n "$source" ] || fail "no Debian 12 or 13 archive in /etc/apt/sources.list*" \
        "set BRIG_VM_APT_URI to the address of a Debian mirror"
    options=${source%%|*} uri=${source#*|}
    for keyring in /usr/share/keyrings/debian-archive-keyring.gpg /usr/share/keyrings/debian-archive-keyring.pgp; do
        [ -n "$options" ] || [ ! -e "$keyring" ] || options="signed-by=$keyring"
    done
    for suite in bookworm bookworm-backports; do
        echo "deb [ $options arch=amd64 ] $uri $suite main"
    done >"$apt/sources.list"
    cat >"$apt/conf" <<CONF
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "$apt/none";
Dir::Etc::preferences "$apt/none/none";
Dir::Etc::preferencesparts "$apt/none";
Dir::State "$apt";
Dir::State::status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::archives "$apt/archives";
APT::Architecture "amd64";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Retries "3";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
CONF
    [ -z "${updated:-}" ] || return 0
    echo "vm: fetching packages from $uri into $cache (once)" >&2
    apt-get -qq -c "$apt/conf" update >"$apt/log" 2>&1 || fail "apt-get update failed: $(tail -n 1 "$apt/log")" \
        "look at $apt/log; is the mirror of $apt/sources.list reachable, and does it still carry bookworm-backports?"
    updated=1
}

# unpack DIR PACKAGE[=VERSION]...: fetches exactly these packages and unpacks them into DIR.
unpack() {
    unpack_dir=$1
    shift
    rm -rf "$apt/fetch"
    mkdir -p "$apt/fetch" "$unpack_dir"
    (cd "$apt/fetch" && apt-get -qq -c "$apt/conf" download "$@" >"$apt/log" 2>&1) ||
        fail "apt-get download $* failed: $(tail -n 1 "$apt/log")" "remove $cache/apt and try again"
    for deb in "$apt/fetch"/*.deb; do
        dpkg-deb -x "$deb" "$unpack_dir"
    done
    rm -rf "$apt/fetch"
}
