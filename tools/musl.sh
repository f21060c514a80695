#!/bin/sh
# musl.sh - builds musl, a small C library for static programs, from Debian's source.
#   tools/musl.sh TARGET        a target of tools/cross.sh; puts it into build/musl
# The last line is what the target's compiler needs to be told, and -static at the end.
# Installs nothing. Needs apt-get with a Debian archive among its sources, dpkg-dev, make, and the compiler.
#
# Debian's own musl-dev packages exist for a few of the targets, not for big-endian MIPS, PowerPC or m68k,
# nor in Debian 12 for RISC-V. From source it is one version for all, and takes half a minute of one core.
set -eu
cd "$(dirname "$0")/.."
me=musl.sh top=build/musl
. tools/debian.sh
. tools/targets.sh

[ $# = 1 ] || { sed -n '2,/^set /{s/^# \{0,1\}//p;}' tools/musl.sh >&2; exit 2; }
find_target "$1" || die "there is no target \"$1\": tools/cross.sh list prints them"
[ "$musl" != none ] || die "there is no musl for $name"
dir=$PWD/$top/$gnu
specs=$dir/lib/musl-gcc.specs
[ "$musl" = - ] && options="-specs $specs" || options="-specs $specs $musl"

# The specs hold paths: of this very folder, unless it was moved since.
if grep -q " $dir/include" "$specs" 2>/dev/null; then
    echo "$top/$gnu has musl $(cat "$dir/version") already; remove it to have it made anew"
    echo "$options"
    exit 0
fi

find_gcc || die "$name needs $gnu-gcc: please install $(packages | sed 's/=[^ ]*//g')"
command -v dpkg-source >/dev/null || die "please install dpkg-dev"
start
get_source musl '^1\.[2-9]' trixie forky sid
unpack_source "$tmp/musl"
# For size, but for the string functions; not relocatable: it is for static programs. 1.5 KB of each.
[ "$musl" = - ] && cc="$gcc -fno-pie" || cc="$gcc -fno-pie $musl"
(cd "$tmp/musl" &&
    ./configure --target="$gnu" --prefix="$dir" --disable-shared --enable-optimize=string \
        CC="$cc" AR="$gnu-ar" RANLIB="$gnu-ranlib" &&
    make -j "$(getconf _NPROCESSORS_ONLN)" && make DESTDIR="$tmp/out" install) >"$tmp/log" 2>&1 ||
    { grep -iE 'error' "$tmp/log" | head -n 5 >&2; die "cannot compile musl by $cc"; }
echo "$version" >"$tmp/out$dir/version"
rm -rf "$dir"
mv "$tmp/out$dir" "$dir"
echo "$top/$gnu has musl $version"
echo "$options"
