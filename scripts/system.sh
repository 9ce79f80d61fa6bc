#!/bin/sh
# Install the Debian packages that the named parts need, where this is root on Debian; otherwise say what is missing.
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
for part in "$@"; do
    case $part in
    chromium)
        # The browser tests drive a real Chromium and look at Chinese pages.
        command -v "${CHROMIUM:-chromium}" >/dev/null && fc-list 2>/dev/null | grep -qi cjk && continue
        install chromium fonts-noto-cjk fontconfig
        ;;
    java)
        # Spark runs on it.
        command -v java >/dev/null || [ -x "${JAVA_HOME:-}/bin/java" ] && continue
        install default-jre-headless
        ;;
    brokers)
        # Their servers, for the tests of streams.
        PATH=$PATH:/usr/sbin
        command -v nats-server >/dev/null && command -v mosquitto >/dev/null && continue
        install nats-server mosquitto
        ;;
    scanner)
        # clamd itself, for the tests of files that are harmful; they bring their own signature, nothing is fetched.
        PATH=$PATH:/usr/sbin
        command -v clamd >/dev/null && continue
        install clamav-daemon
        ;;
    python3-venv) install python3-venv ;;
    *)
        echo "usage: scripts/system.sh chromium|java|brokers|scanner|python3-venv..." >&2
        exit 2
        ;;
    esac
done
