#!/bin/sh
# Installs the real clients and servers that the compliance tests and the benchmark use.
# For Debian and its kin, as root; does nothing when all of them are there.
set -eu

PACKAGES="
    curl openssl swaks libnet-ssleay-perl msmtp golang-go
    haproxy
    postfix libsasl2-modules libsasl2-modules-db sasl2-bin
    nodejs npm
    gcc libc6-dev libssl-dev
    strace e2fsprogs
"

missing=""
for package in $PACKAGES; do
    # Node.js may come from elsewhere than Debian; any that runs will do.
    case $package in nodejs) command -v node ;; npm) command -v npm ;; gcc) command -v cc ;; *) false ;; esac \
        >/dev/null && continue
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' \
        || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "compliance/install.sh: install these yourself:$missing" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "compliance/install.sh: root is needed to install:$missing" >&2
    exit 1
fi

# Nothing that we install may start by itself: the tests start what they need, on free ports.
guard=/usr/sbin/policy-rc.d
if [ ! -e "$guard" ]; then
    trap 'rm -f "$guard"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$guard"
    chmod 755 "$guard"
fi

export DEBIAN_FRONTEND=noninteractive
if command -v debconf-set-selections >/dev/null; then
    echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
fi
apt-get update -qq
# shellcheck disable=SC2086  # a list of words is meant
apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing </dev/null >/dev/null
