#!/bin/sh
# newer.sh - takes what this release of Debian lacks out of a newer one, into build/newer.
#   tools/newer.sh qemu         the static qemu-user programs of version 10 or later, as qemu-*-static
#   tools/newer.sh gcc TARGET   version 14 of the compiler for a target of tools/cross.sh, as TRIPLET-gcc-14
# Debian 12 has no compiler for LoongArch, and its qemu 7.2 gives programs for MIPS and SPARC this
# machine's error numbers where a socket tells them by SO_ERROR: ECONNREFUSED is 146 on MIPS, not 111.
# tools/cross.sh and tests/whole/cross.py look into build/newer/bin before the rest of PATH.
# Installs nothing. Needs apt-get with a Debian archive among its sources.
set -eu
cd "$(dirname "$0")/.."
me=newer.sh top=build/newer
. tools/debian.sh
. tools/targets.sh
suites="trixie forky sid"

download() # WORDS OF APT-GET
{
    apt-get -c "$tmp/apt.conf" -q -y -o Dir::Cache::archives="$tmp/cache/archives" \
        -o APT::Install-Recommends=no "$@" >"$tmp/log" 2>&1 ||
        { grep '^E:' "$tmp/log" >&2; die "cannot download $package of Debian $suite"; }
}

qemu()
{
    if [ -e "$top/bin/qemu-arm-static" ]; then
        echo "$top/bin has $("$top/bin/qemu-arm-static" --version | head -n 1) already"
        return
    fi
    start
    # shellcheck disable=SC2086 # words
    find_version qemu-user deb qemu-user '^1:[1-9][0-9]\.' $suites
    (cd "$tmp/cache/archives" && download download "qemu-user=$version")
    dpkg-deb -x "$tmp"/cache/archives/qemu-user_*.deb "$tmp/deb"
    mkdir -p "$top/bin"
    for program in "$tmp"/deb/usr/bin/qemu-*; do
        [ -L "$program" ] || mv "$program" "$top/bin/${program##*/}-static"
    done
    echo "$top/bin has qemu-user $version"
}

# Programs of a newer release want its C library, too. Each becomes a script that starts it by the newer
# loader, with its own name, from which a compiler knows where its parts are.
script() # PROGRAM
{
    mv "$1" "$1.elf"
    cat >"$1" <<END
#!/bin/sh
me=\$(readlink -f "\$0")
loader=\${me%%/gcc-$name/*}/gcc-$name/$loader
exec "\$loader" --library-path "\${loader%/*}" --argv0 "\$me" "\$me.elf" "\$@"
END
    chmod +x "$1"
}

gcc()
{
    find_target "$1" || die "there is no target \"$1\": tools/cross.sh list prints them"
    if PATH=$top/bin:$PATH find_gcc; then
        echo "$name has $gcc already"
        return
    fi
    start
    package=gcc-14-$(echo "$gnu" | tr _ -)
    # shellcheck disable=SC2086 # words
    find_version "$package" deb "$package" '^14' $suites
    download install --download-only "$package" "libc6-dev-$arch-cross"
    root=$tmp/gcc-$name
    for deb in "$tmp"/cache/archives/*.deb; do
        dpkg-deb -x "$deb" "$root"
    done
    loader=$(cd "$root" && ls usr/lib/*/ld-linux*.so.?) # of this machine; the target's lies elsewhere
    for program in "$root/usr/bin/$gnu"-* "$root/usr/$gnu/bin"/* "$root/usr/libexec/gcc-cross/$gnu"/*/*; do
        if [ -f "$program" ] && [ ! -L "$program" ] && [ "${program%.so}" = "$program" ]; then
            script "$program"
        fi
    done
    mkdir -p "$top/bin"
    mv "$root" "$top/gcc-$name"
    for program in "$top/gcc-$name/usr/bin/$gnu"-*; do
        [ "${program%.elf}" != "$program" ] || ln -sf "../gcc-$name/usr/bin/${program##*/}" "$top/bin"
    done
    echo "$top/bin has $gnu-gcc-14 of gcc $version"
}

case $#,$* in
1,qemu) qemu ;;
2,gcc\ *) gcc "$2" ;;
*) sed -n '2,/^set /{s/^# \{0,1\}//p;}' tools/newer.sh >&2; exit 2 ;;
esac
