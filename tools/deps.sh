#!/bin/sh
# deps.sh - installs the Debian packages that the tests (and benches) need and that are missing.
#   tools/deps.sh test          tools/deps.sh test bench
# Without apt-get, root or sudo it names what is missing, and the command, and exits with 1.
set -eu

# package=command; a command that exists is enough, wherever it came from.
test_packages="gcc=gcc g++=g++ clang=clang clang-format=clang-format clang-tidy=clang-tidy
    cppcheck=cppcheck valgrind=valgrind gdb=gdb python3=python3 nginx-light=nginx
    dnsmasq-base=dnsmasq musl-tools=musl-gcc libc6-dbg libmbedtls-dev zlib1g-dev openssl=openssl
    curl=curl faketime=faketime apache2=apache2 lighttpd=lighttpd lighttpd-mod-deflate haproxy=haproxy
    caddy=caddy nodejs=node dpkg-dev=dpkg-source python3-locust=locust"
arm64_packages="qemu-user-static=qemu-aarch64-static gcc-aarch64-linux-gnu=aarch64-linux-gnu-gcc
    libc6-dev-arm64-cross"
bench_packages="wrk=wrk hey=hey strace=strace nghttp2-client=h2load libboost-context-dev"

installed()
{
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The sanitizers of clang are a package of their own in some releases, with its major version in the
# name. Prints nothing where apt does not know such a package (yet).
clang_runtime()
{
    v=$(clang -dumpversion 2>/dev/null || apt-cache depends clang 2>/dev/null |
        sed -n 's/.*Depends: clang-//p')
    package=libclang-rt-${v%%.*}-dev
    if installed "$package" || apt-cache show "$package" >/dev/null 2>&1; then
        echo "$package"
    fi
}

missing()
{
    PATH=$PATH:/usr/sbin:/sbin
    for entry in $wanted; do
        package=${entry%%=*}
        command=${entry#"$package"}
        [ -n "$command" ] && command -v "${command#=}" >/dev/null && continue
        installed "$package" || printf ' %s' "$package"
    done
}

wanted=
for set in "$@"; do
    case $set in
    test)
        wanted="$wanted $test_packages"
        [ "$(uname -m)" = aarch64 ] || wanted="$wanted $arm64_packages"
        ;;
    bench) wanted="$wanted $bench_packages" ;;
    *) echo "deps.sh: takes test and bench, not \"$set\"" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    installed() { [ -z "$command" ]; } # only commands can be looked for
    missing=$(missing)
    [ -z "$missing" ] || { echo "deps.sh: please install what Debian calls$missing" >&2; exit 1; }
    exit 0
fi
wanted="$wanted $(clang_runtime)"
missing=$(missing)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    sudo=
elif sudo -n true 2>/dev/null; then
    sudo=sudo
else
    echo "deps.sh: some packages are missing, please run: sudo apt-get install$missing" >&2
    exit 1
fi

echo "deps.sh: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt_get="$sudo apt-get -q -y -o DPkg::Lock::Timeout=300"
$apt_get update >/dev/null
wanted="$wanted $(clang_runtime)" # known only now, where apt's lists were empty
missing=$(missing | tr ' ' '\n' | sort -u | tr '\n' ' ')
# shellcheck disable=SC2086 # the list is meant to be split
$apt_get install --no-install-recommends $missing >/dev/null

# The tests start their own servers; those that the packages start would hold their ports for ever.
for service in nginx apache2 lighttpd haproxy caddy dnsmasq; do
    case " $missing " in
    *" $service"*)
        if [ -d /run/systemd/system ]; then
            $sudo systemctl disable --now "$service" >/dev/null 2>&1 || true
        elif [ -x "/etc/init.d/$service" ]; then
            $sudo "/etc/init.d/$service" stop >/dev/null 2>&1 || true
        fi
        ;;
    esac
done
