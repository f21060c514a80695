# debian.sh - what the tools share that take something out of Debian's archive, without installing it.
# Sourced by them, in the top folder. They set `me`, their name, and `top`, their folder in build/.
#   die WORD...                                     one sentence; exit code 1
#   start                                           makes $tmp, which is removed at the end
#   find_version WHAT KIND PACKAGE PATTERN SUITE... sets suite, version to the first that fits
#   get_source PACKAGE PATTERN SUITE...             leaves the source in $top/src; sets dsc, version
#   unpack_source DIR                               unpacks it, patched
# Needs apt-get with a Debian archive among its sources; sources need dpkg-dev, too.
# shellcheck shell=sh

die()
{
    echo "$me: $*" >&2
    exit 1
}

# apt, with its state in $tmp.
start()
{
    case $PWD in
    *[[:space:]]*) die "cannot work below $PWD: compilers are told of it in words without blanks" ;;
    esac
    command -v apt-get >/dev/null || die "needs apt-get, so Debian or one of its descendants"
    mkdir -p "$top"
    tmp=$(mktemp -d "$PWD/$top/tmp.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    trap 'exit 1' HUP INT TERM

    # What else this machine's apt is told (proxies, say) still holds, but not its hooks.
    mkdir -p "$tmp/none" "$tmp/state/lists/partial" "$tmp/cache/archives/partial"
    : >"$tmp/status"
    cat >"$tmp/apt.conf" <<END
Dir::State "$tmp/state";
Dir::State::status "$tmp/status";
Dir::Cache "$tmp/cache";
Dir::Etc::SourceList "$tmp/sources.list";
Dir::Etc::SourceParts "$tmp/none";
Dir::Etc::Preferences "$tmp/none/preferences";
Dir::Etc::PreferencesParts "$tmp/none";
APT::Default-Release "";
APT::Sandbox::User "root";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
    # Archives of others may be among them; they lack the suite or Debian's signature.
    archives=$(apt-get --print-uris update |
        sed -n "/-security\/InRelease/d; s|^'\(.*[^/]\)/*/dists/[^/]*/InRelease'.*|\1|p" |
        grep -v '^cdrom:' | sort -u)
    [ -n "$archives" ] || die "apt-get has no archive among its sources"
}

# Sets suite and version to the first that fits; ends with what there is instead.
find_version() # WHAT KIND PACKAGE PATTERN SUITE...
{
    sought=$1 kind=$2 package=$3 pattern=$4
    shift 4
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e $keyring ] && signed=" signed-by=$keyring" || signed=
    [ "$kind" = deb ] && index=Packages || index=Sources
    seen=
    for suite in "$@"; do
        for archive in $archives; do
            echo "$kind [target=$index$signed] $archive $suite main"
        done >"$tmp/sources.list"
        rm -rf "$tmp/state/lists"
        apt-get -c "$tmp/apt.conf" -q update >"$tmp/log" 2>&1 || true
        if ! ls "$tmp/state/lists/"*_main_* >/dev/null 2>&1; then
            grep '^[EW]:' "$tmp/log" | head -n 1 >&2 || true
            seen="$seen, $suite cannot be read"
            continue
        fi
        version=$(apt-cache -c "$tmp/apt.conf" madison "$package" | awk '{ print $3 }')
        seen="$seen, $suite has ${version:-none}"
        version=$(echo "$version" | grep -E "$pattern" | head -n 1)
        [ -z "$version" ] || return 0
    done
    die "found no $sought:${seen#,}"
}

newest_dsc() # PACKAGE PATTERN
{
    find "$top/src" -name "$1_*.dsc" 2>/dev/null | grep -E "/$1_${2#^}" | sort -V | tail -n 1
}

# That of the first suite, where none is there already: packed as Debian has it.
get_source() # PACKAGE PATTERN SUITE...
{
    dsc=$(newest_dsc "$1" "$2")
    if [ -n "$dsc" ]; then
        suite=sources
        version=$(sed -n 's/^Version: //p' "$dsc")
        return
    fi
    source=$1 pattern=$2
    shift 2
    find_version "$source in Debian's sources" deb-src "$source" "$pattern" "$@"
    mkdir "$tmp/src"
    (cd "$tmp/src" && apt-get -c "$tmp/apt.conf" -q source --download-only "$source=$version" \
        >"$tmp/log" 2>&1) || { cat "$tmp/log" >&2; die "cannot download $source $version"; }
    mkdir -p "$top/src"
    mv "$tmp"/src/*.tar.* "$top/src"
    mv "$tmp"/src/*.dsc "$top/src" # last: it stands for the rest
    dsc=$(newest_dsc "$source" "$pattern")
}

unpack_source() # DIR
{
    dpkg-source --no-check -x "$dsc" "$1" >"$tmp/log" 2>&1 ||
        { cat "$tmp/log" >&2; die "cannot unpack $dsc"; }
}
