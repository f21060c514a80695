# targets.sh - the machines that tools/cross.sh compiles for; sourced by the tools that ask about them.
#   targets            prints them all: the fields of find_target
#   find_target WORD   sets name gnu arch qemu musl what, by a name or a GNU triplet; else false
#   find_gcc           sets gcc to the installed compiler of $gnu; else false
#   packages           prints what Debian calls that compiler and its C library (of $gnu, $arch)
# shellcheck shell=sh disable=SC2034

# name, GNU triplet, Debian's name, qemu's name; what the compiler must be told for musl ("-": nothing;
# "none": no musl, which knows no sparc64 and on ppc64 not the ABI of Debian's compiler); the least
# machine that Debian's compiler makes code for.
targets()
{
    cat <<'END'
x86_64 x86_64-linux-gnu amd64 x86_64 - PC, server
i386 i686-linux-gnu i386 i386 - PC since the Pentium Pro
arm64 aarch64-linux-gnu arm64 aarch64 - ARMv8: Raspberry Pi 3 and later
armhf arm-linux-gnueabihf armhf arm - ARMv7 with FPU: Raspberry Pi 2 and later
armel arm-linux-gnueabi armel arm - ARMv5 and later: Raspberry Pi 1 and Zero, too
riscv64 riscv64-linux-gnu riscv64 riscv64 - RV64GC
mips mips-linux-gnu mips mips - MIPS32 release 2, big-endian
mipsel mipsel-linux-gnu mipsel mipsel - MIPS32 release 2, little-endian
mips64 mips64-linux-gnuabi64 mips64 mips64 - MIPS64 release 2, big-endian
mips64el mips64el-linux-gnuabi64 mips64el mips64el - MIPS64 release 2, little-endian
ppc64el powerpc64le-linux-gnu ppc64el ppc64le -mlong-double-64 POWER8 and later
ppc64 powerpc64-linux-gnu ppc64 ppc64 none 64-bit PowerPC, big-endian
powerpc powerpc-linux-gnu powerpc ppc -mlong-double-64 32-bit PowerPC with FPU
s390x s390x-linux-gnu s390x s390x - IBM z196 and later
m68k m68k-linux-gnu m68k m68k - 68020 and later with FPU
sparc64 sparc64-linux-gnu sparc64 sparc64 none UltraSPARC
loongarch64 loongarch64-linux-gnu loong64 loongarch64 - LoongArch of 64 bits
END
}

find_target() # WORD
{
    while read -r name gnu arch qemu musl what; do
        case $1 in
        "$name" | "$gnu") return 0 ;;
        esac
    done <<END
$(targets)
END
    return 1
}

# The newest, where the package says its version in the command's name.
find_gcc()
{
    gcc=$gnu-gcc
    command -v "$gcc" >/dev/null && return 0
    gcc=$(IFS=: && for dir in $PATH; do ls "$dir/" 2>/dev/null; done |
        grep "^$gnu-gcc-[0-9]*$" | sort -t- -k5n | tail -n 1)
    [ -n "$gcc" ]
}

packages()
{
    if [ "$arch" = "$(dpkg --print-architecture 2>/dev/null)" ]; then
        echo "gcc=$gnu-gcc libc6-dev"
        return
    fi
    gcc_package=gcc-$(echo "$gnu" | tr _ -)
    if ! find_gcc; then
        gcc=$gnu-gcc
        # Where there is no default compiler there may be one of a version, as for new machines.
        newest=$(apt-cache pkgnames gcc- 2>/dev/null | grep "^gcc-[0-9]*-${gcc_package#gcc-}$" |
            sort -V | tail -n 1)
        if [ -n "$newest" ] && ! apt-cache show "$gcc_package" >/dev/null 2>&1; then
            gcc_package=$newest
            newest=${newest#gcc-}
            gcc=$gnu-gcc-${newest%%-*}
        fi
    fi
    echo "$gcc_package=$gcc libc6-dev-$arch-cross"
}
