#!/bin/sh
# deps.sh - installs the Debian packages that are needed and missing.
#   tools/deps.sh SET...
#       test bench      what tests and benches need
#       cross           what `make cross` needs: a compiler for every target of tools/cross.sh, and qemu
#       cross:TARGET    what tools/cross.sh needs for this one
# Without apt-get, root or sudo it names what is missing, and the command, and exits with 1.
set -eu

. "$(dirname "$0")/targets.sh"

# package=command; a command that exists is enough, wherever it came from.
test_packages="gcc=gcc g++=g++ clang=clang clang-format=clang-format clang-tidy=clang-tidy
    cppcheck=cppcheck valgrind=valgrind gdb=gdb universal-ctags=ctags python3=python3 nginx-light=nginx
    dnsmasq-base=dnsmasq mosquitto=mosquitto mosquitto-clients=mosquitto_sub iproute2=ip musl-tools=musl-gcc libc6-dbg libmbedtls-dev zlib1g-dev openssl=openssl
    curl=curl faketime=faketime apache2=apache2 lighttpd=lighttpd lighttpd-mod-deflate haproxy=haproxy
    caddy=caddy nodejs=node dpkg-dev=dpkg-source python3-locust=locust
    python3-jsonschema python3-pymongo python3-grpcio libgnutls30 knot=knotd bind9-dnsutils=dig chromium=chromium
    chromium-driver=chromedriver postgresql"
test_targets="arm64 armhf mips s390x" # see VARIANTS in tests/run
qemu_package="qemu-user-static=qemu-arm-static"
cross_packages="dpkg-dev=dpkg-source make=make"
cross_test_packages="$cross_packages $qemu_package python3=python3 nginx-light=nginx openssl=openssl"
bench_packages="wrk=wrk hey=hey strace=strace nghttp2-client=h2load apache2-utils=ab
    libboost-context-dev dnsperf=dnsperf knot=knotd"

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

# Whether apt can install it. Where its lists are empty it knows nothing yet.
known() # PACKAGE
{
    installed "$1" || apt-cache show "$1" >/dev/null 2>&1 || ! apt-cache show gcc >/dev/null 2>&1
}

# For the machines in $boards; not every release has a compiler for every one.
compilers()
{
    for board in $boards; do
        find_target "$board"
        for entry in $(packages); do
            if known "${entry%%=*}"; then
                echo "$entry"
            fi
        done
    done
}

missing()
{
    PATH=$PATH:/usr/sbin:/sbin
    for entry in $wanted ${clang:+$(clang_runtime)} $(compilers); do
        package=${entry%%=*}
        command=${entry#"$package"}
        [ -n "$command" ] && command -v "${command#=}" >/dev/null && continue
        installed "$package" || printf ' %s' "$package"
    done
}

[ $# -gt 0 ] || { sed -n '2,/^set /{s/^# \{0,1\}//p;}' "$0" >&2; exit 2; }
wanted='' boards='' clang=''
for set in "$@"; do
    case $set in
    test) wanted="$wanted $test_packages $qemu_package" boards="$boards $test_targets" clang=yes ;;
    bench) wanted="$wanted $bench_packages" ;;
    cross) wanted="$wanted $cross_test_packages" boards="$boards $(targets | sed 's/ .*//')" ;;
    cross:*)
        find_target "${set#*:}" || { echo "deps.sh: there is no target \"${set#*:}\"" >&2; exit 2; }
        wanted="$wanted $cross_packages" boards="$boards $name"
        ;;
    *) echo "deps.sh: takes test, bench, cross and cross:TARGET, not \"$set\"" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query >/dev/null; then
    installed() { [ -z "$command" ]; } # only commands can be looked for
    known() { :; }
    clang_runtime() { :; }
    missing=$(missing)
    [ -z "$missing" ] || { echo "deps.sh: please install what Debian calls$missing" >&2; exit 1; }
    exit 0
fi
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
missing=$(missing | tr ' ' '\n' | sort -u | tr '\n' ' ') # anew, where apt's lists were empty
[ -n "${missing# }" ] || exit 0
# shellcheck disable=SC2086 # the list is meant to be split
$apt_get install --no-remove --no-install-recommends $missing >/dev/null

# The tests start their own servers; those that the packages start would hold their ports for ever.
for service in nginx apache2 lighttpd haproxy caddy dnsmasq postgresql; do
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
