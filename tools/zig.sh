#!/bin/sh
# zig.sh - puts Zig's C compiler into build/zig: `zig cc -target aarch64-macos` and many others, with
# the headers of macOS, the BSDs and several C libraries of Linux in it.
#   tools/zig.sh         fetches it unless it is there (100 MB, 400 MB unpacked); prints its path
#   tools/zig.sh find    prints its path, and fetches nothing
# A `zig` in PATH is taken as it is. Needs python3 and its pip, and a package index, as pip is told.
set -eu
cd "$(dirname "$0")/.."
version=0.17.1
zig=$PWD/build/zig/$version/ziglang/zig

# What PyPI has of that version, one for each kind of machine to compile on; pip takes none but these.
hashes="
    ea6cc5d87b033cf0aedfbc8f9549a908cae6c50ac31f1698188fa48a74524b54 linux x86_64
    b7c5f02fccd40f89b999ee16a1f5ddced56e6182370f8affe494bcf8a28cf07e linux aarch64
    d65ae4223b0c351cb3b4596262b8d9773acc9ca94ef8ea9b5fe3ddfa07dd204f linux riscv64
    d3bf27478d4593f2df7daf5c59b616a543b8f9e2cc9235bef84d8e54862a4334 linux ppc64le
    87f24e5cdca55f5d47c1e20570eebb61a53957fafe4c35c69740e13affe407ba linux s390x
    7ec229ead4a08f3bc537ed33fa8c0f811739b81a0d05afbea89db30afb4df1cc linux armv7l
    d0549d5db63961ad9ed83ef628a45e3309542410dbcb6010116f4f2a3274d966 linux i686
    09953b6af7f64168b915180a42774f520f92d86ef6331b28e33915c7e1f0bb23 macos arm64
    4e0b4b9c02b8d0d220e9948010f860b62ff11d96abb39762eca5fa2ef3f7bc97 macos x86_64"

die()
{
    echo "zig.sh: $*" >&2
    exit 1
}

case ${1-} in
'' | find) ;;
*) sed -n '2,/^set /{s/^# \{0,1\}//p;}' tools/zig.sh >&2; exit 2 ;;
esac
command -v zig && exit 0
if [ -x "$zig" ]; then
    echo "$zig"
    exit 0
fi
[ "${1-}" != find ] || die "there is no zig here: tools/zig.sh fetches it"

# Debian has pip in a package of its own; a python3 beside Debian's may have it, or not.
pip=
for try in "python3 -m pip" "/usr/bin/python3 -m pip" pip3; do
    if [ -z "$pip" ] && $try --version >/dev/null 2>&1; then
        pip=$try
    fi
done
[ -n "$pip" ] || die "needs pip for python3 (in Debian: python3-pip), which is missing"

mkdir -p build/zig
tmp=$(mktemp -d "$PWD/build/zig/tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' HUP INT TERM
{
    printf 'ziglang==%s' "$version"
    echo "$hashes" | while read -r sum _; do
        [ -z "$sum" ] || printf ' --hash=sha256:%s' "$sum"
    done
    echo
} >"$tmp/requirements"
$pip install -q --no-input --disable-pip-version-check --no-deps --no-compile --only-binary=:all: \
    --require-hashes -r "$tmp/requirements" --target "$tmp/out" >"$tmp/log" 2>&1 || {
    die "pip cannot get ziglang $version: $(grep -m 1 ERROR "$tmp/log" | cut -c 1-200)"
}
chmod +x "$tmp/out/ziglang/zig"
"$tmp/out/ziglang/zig" version >/dev/null || die "zig $version does not run on this machine"
rm -rf "build/zig/$version"
mv "$tmp/out" "build/zig/$version"
echo "$zig"
