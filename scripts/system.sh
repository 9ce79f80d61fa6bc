#!/bin/sh
# Install the Debian packages that the named part needs, where this is root on Debian; otherwise say what is missing.
set -eu
install() {
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "Please install: $* (for example: sudo apt-get install $*)" >&2
        exit 1
    fi
}
case $1 in
chromium)
    # The browser tests drive a real Chromium and look at Chinese pages.
    command -v "${CHROMIUM:-chromium}" >/dev/null && fc-list 2>/dev/null | grep -qi cjk && exit 0
    install chromium fonts-noto-cjk fontconfig
    ;;
python3-venv) install python3-venv ;;
*) echo "usage: scripts/system.sh chromium|python3-venv" >&2; exit 2 ;;
esac
