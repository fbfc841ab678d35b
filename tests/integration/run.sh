#!/bin/sh
# Installs what the integration tests need, where that is possible, and runs them.
# As root on a machine with apt-get it installs what is missing. In CI a tool that is
# still missing is a failure; elsewhere its tests are skipped, with the reason shown.
# Called by `make test-integration`, which sets PYTHON_BIN.
set -eu

missing() {
    for tool in chromium goaccess logrotate mtail prometheus-alertmanager tmux; do
        command -v "$tool" >/dev/null 2>&1 || printf '%s ' "$tool"
    done
    # Its tests start it themselves; it is not on the PATH of everybody.
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || printf 'rabbitmq-server '
}

wanted=$(missing)
if [ -n "$wanted" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing: $wanted"
    apt-get update -qq </dev/null || echo "apt-get update failed; trying all the same" >&2
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        $wanted </dev/null >/dev/null || echo "apt-get install failed" >&2
    wanted=$(missing)
fi
if [ -n "$wanted" ]; then
    echo "missing: $wanted" >&2
    [ -z "${CI:-}" ] || exit 1
fi

exec "$PYTHON_BIN" -m pytest -m integration
