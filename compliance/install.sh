#!/bin/sh
# Installs the real clients and servers that the compliance tests and the benchmark use.
# For Debian and its kin, as root; does nothing when all of them are there.
set -eu

PACKAGES="
    curl openssl swaks libnet-ssleay-perl msmtp golang-go
    haproxy
    postfix libsasl2-modules libsasl2-modules-db sasl2-bin
    dovecot-core
    libdb5.3t64 libgnutls-dane0t64 libidn12 libidn2-0 libnsl2 libpcre2-8-0
    libevent-2.1-7t64 libpam0g
    php-cli libphp-phpmailer php-symfony-mailer
    php-illuminate-mail php-illuminate-config php-illuminate-events php-illuminate-view
    php-vlucas-phpdotenv
    ruby ruby-mail ruby-actionmailer
    default-jdk-headless libjakarta-mail-java libmail-java libspring-context-support-java
    nodejs npm
    chromium fonts-noto-cjk
    gcc libc6-dev libssl-dev
    strace e2fsprogs pgbouncer iproute2
"

# Mail servers that Debian will not have beside Postfix are unpacked and run from there, in a jail
# (compliance/jail.py); the libraries that they need are in the list above.
UNPACKED="exim4-daemon-light opensmtpd"
home=/var/cache/gatepost-compliance

missing=""
for package in $PACKAGES; do
    # Node.js and Java may come from elsewhere than Debian; any that runs will do.
    case $package in default-jdk-headless) command -v javac ;; nodejs) command -v node ;; npm) command -v npm ;; gcc) command -v cc ;; *) false ;; esac \
        >/dev/null && continue
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' \
        || missing="$missing $package"
done
packed=""
for package in $UNPACKED; do
    [ -d "$home/$package" ] || packed="$packed $package"
done
[ -n "$missing$packed" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "compliance/install.sh: install these yourself:$missing$packed" >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "compliance/install.sh: root is needed to install:$missing$packed" >&2
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
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086  # a list of words is meant
    apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing </dev/null >/dev/null
fi
for package in $packed; do
    mkdir -p "$home/$package.part"
    cd "$home/$package.part"
    apt-get download -qq -o APT::Sandbox::User=root "$package" </dev/null >/dev/null
    dpkg-deb --extract ./*.deb .
    rm ./*.deb
    mv "$home/$package.part" "$home/$package"
done
