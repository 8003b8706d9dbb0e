#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Everything that is checked, from a clean clone: set-up, format, lint, build, demo, then the tests
# in three tiers. Ends with the skips, each named and compared with tests/skips.allowed, and the test
# runner's own summary lines.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/apt.sh
export PATH="$PATH:${HOME:-/root}/.cargo/bin"
[ "$(id -u)" = 0 ] || fail "the tests run containers, which needs root for now" "run \`sudo make test\`; \`make check\` needs none"
scripts/setup-test.sh

log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
export BRIG_SKIP_LOG=$log/skips
: > "$BRIG_SKIP_LOG"

tier() { printf '\n== %s\n' "$1"; }

# tests NAME CARGO_TEST_ARGUMENTS...: runs them, keeps the output for the summary.
failed=()
tests() {
    local name=$1
    shift
    tier "$name"
    cargo test "$@" 2>&1 </dev/null | tee "$log/$name" || failed+=("$name")
}

tier format
if cargo fmt --version >/dev/null 2>&1; then
    cargo fmt --all --check || fail "the code is not formatted" "run \`make fmt\`"
else
    echo "lint::rustfmt no rustfmt of this Rust version in apt" >> "$BRIG_SKIP_LOG"
fi
tier lint
if cargo clippy --version >/dev/null 2>&1; then
    cargo clippy --workspace --all-targets -- -D warnings
else
    echo "lint::clippy no clippy of this Rust version in apt" >> "$BRIG_SKIP_LOG"
fi
tier build
scripts/build.sh
# What README promises a new user.
tier demo
scripts/demo.sh </dev/null

# The filters must be compared with libseccomp's here, not skipped.
export BRIG_REQUIRE_ORACLE=1
tests unit --workspace --exclude brig-tests
tests root -p brig-tests --test e2e -- --skip vm::
tests machine -p brig-tests --test e2e -- vm::

tier summary
sort -u "$BRIG_SKIP_LOG" > "$log/skipped"
echo "skipped: $(wc -l < "$log/skipped")"
sed 's/^/  /' "$log/skipped"
# The first word of a line is the test, in both files.
grep -v -e '^#' -e '^$' tests/skips.allowed 2>/dev/null | awk '{print $1}' | sort -u > "$log/allowed" || true
awk '{print $1}' "$log/skipped" | sort -u | comm -23 - "$log/allowed" > "$log/excess"
if [ -s "$log/excess" ]; then
    failed+=(skips)
    sed 's/^/skip that is not in tests\/skips.allowed: /' "$log/excess"
fi
# The runner's own lines: one a test executable, the largest tier last.
for name in unit machine root; do
    grep '^test result:' "$log/$name" | grep -v ' 0 passed; 0 failed; 0 ignored' | sed "s/^/$name: /; s/^root: //" || true
done
[ "${#failed[@]}" = 0 ] || fail "failed: ${failed[*]}"
