#!/bin/sh
# cross.sh - compiles a test into a static program for another machine. For Debian.
#   tools/cross.sh TARGET test.c [more arguments for the compiler]
#   tools/cross.sh list      the targets: name, GNU triplet, and the least machine that will do
#       --tls                with https, by an mbedTLS that is built once for the target
#       --libc=NAME          musl or glibc. musl is the default (built once, too) and makes the program
#                            a quarter of the size; ppc64 and sparc64 have glibc alone
#       -o FILE              the program; by default the test's name and -TARGET, in this folder
# TARGET is a name or a triplet of the list. A missing compiler is installed through apt if that may be
# done (by root or sudo), else the command is named.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
me=cross.sh
. "$root/tools/targets.sh"
PATH=$root/build/newer/bin:$PATH # what tools/newer.sh has fetched

# -Os is as fast as -O2 here, for the kernel's part of a request is the larger by far (150,000 requests
# to the target of the tests on x86-64: 0.11 to 0.16 s of CPU of our own against 0.13 to 0.18), and 28 KB
# smaller on arm64. Unwind tables are for debuggers: 12 KB. Sections that nobody asks for: 50 KB of a libc.
# The linker's `relro` pads to a whole page of the largest kind, 64 KB on arm64, for nothing here; so
# does `separate-code`, by up to 6 KB, and a common page of 4 KB where data begin, by 2 KB on average. A
# static program lies where it was linked to: code that could lie anywhere, Debian's default, is 2 KB larger.
flags="-Os -fno-pie -no-pie -fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections
    -fdata-sections -static -s -Wl,--gc-sections,-z,norelro,-z,noseparate-code,-z,common-page-size=64"

die() # SENTENCE: the command was wrong
{
    echo "$me: $*" >&2
    exit 2
}

list()
{
    targets | while read -r name gnu arch qemu musl what; do
        printf '%-12s%-24s%s\n' "$name" "$gnu" "$what"
    done
}

# ---- the command ----

libc='' tls='' out='' target='' test=''
left=$#
while [ "$left" -gt 0 ]; do
    arg=$1
    shift
    left=$((left - 1))
    case $arg in
    --tls) tls=yes ;;
    --libc=musl | --libc=glibc) libc=${arg#*=} ;;
    --libc=*) die "--libc is musl or glibc, not \"${arg#*=}\"" ;;
    -o)
        [ "$left" -gt 0 ] || die "-o needs the name of a file"
        out=$1
        shift
        left=$((left - 1))
        ;;
    -*) set -- "$@" "$arg" ;;
    *)
        if [ -z "$target" ]; then
            target=$arg
        elif [ -z "$test" ]; then
            test=$arg
        else
            set -- "$@" "$arg"
        fi
        ;;
    esac
done # what is left in "$@" is for the compiler
case $target,$test in
list,) list; exit 0 ;;
*, | ,*) sed -n '2,/^set /{s/^# \{0,1\}//p;}' "$0" >&2; exit 2 ;;
esac
find_target "$target" || die "there is no target \"$target\": tools/cross.sh list prints them"
[ -f "$test" ] || die "there is no file $test"
[ "$libc,$musl" != musl,none ] || die "there is no musl for $name: leave --libc out"
[ "$musl" != none ] || libc=glibc
libc=${libc:-musl}
[ -n "$out" ] || out=$(basename "$test" .c)-$name

# ---- compiler and libraries ----

# The first two to be had at all; a C library and mbedTLS from source ask for the others.
ready()
{
    find_gcc || return 1
    [ "$libc" = musl ] || "$gcc" -print-file-name=libc.a | grep -q / || return 1
    [ "$libc,$tls" = glibc, ] || { command -v dpkg-source && command -v make; } >/dev/null
}

if ! ready; then
    "$root/tools/deps.sh" "cross:$name" >&2 || exit 1
    ready || {
        echo "$me: there is no $gnu-gcc in this release of Debian: try tools/newer.sh gcc $name" >&2
        exit 1
    }
fi

# The last line that a tool prints is for the compiler; the others matter if it fails.
ask() # WHAT DIR COMMAND...
{
    [ -d "$root/build/$2" ] || echo "$me: building $1 for $name, once" >&2
    shift 2
    if ! said=$("$@" 2>&1); then
        echo "$said" >&2
        exit 1
    fi
    echo "$said" | tail -n 1
}

before='' after=''
if [ "$libc" = musl ]; then
    before=$(ask musl "musl/$gnu" "$root/tools/musl.sh" "$name")
fi
if [ -n "$tls" ]; then
    [ "$libc" = musl ] && with=$gnu-musl || with=$gnu
    after=$(ask mbedTLS "mbedtls/$with" "$root/tools/mbedtls.sh" build "$with")
    before="$before -DLOCUST_TLS"
fi

# shellcheck disable=SC2086 # words
"$gcc" $before $flags -I"$root" "$test" -o "$out" "$@" $after || exit 1

# ---- what it is ----

size=$(wc -c <"$out")
if [ "$libc" = musl ]; then
    version=$(cat "$root/build/musl/$gnu/version")
    libc="musl ${version%%-*}"
fi
[ -z "$tls" ] || tls=", https"
case $out in
/*) run=$out ;;
*) run=./$out ;;
esac
case $(uname -m) in
"$qemu") ;;
*)
    command -v "qemu-$qemu-static" >/dev/null && run="qemu-$qemu-static $run" || run=
    ;;
esac
echo "$out: $(((size + 500) / 1000)) KB, static, $libc$tls, for $name ($what);" \
    "runs there as it is${run:+, here by $run --help}"
