#!/bin/sh
# mbedtls.sh - puts versions of mbedTLS into build/mbedtls to build and test https with.
#   tools/mbedtls.sh build [--small-in] [TARGET]   3.6, small: client only, static, from source
#       TARGET      native (the default; compiled by CC), musl, a GNU triplet such as
#                   aarch64-linux-gnu, or that with -musl at its end (for tools/musl.sh)
#       --small-in  receives at most 4 KB per record or handshake message: for servers known to
#                   send no more; saves 12 KB per connection
#   tools/mbedtls.sh fetch VERSION   Debian's own build: 2.28, 3.6.6, 3.6.7 (or a newer 3.6) or 4
#   tools/mbedtls.sh list            prints what is there: name, version, flags
# The last line of build and fetch is what cc needs after the C file. Honours CC and CFLAGS.
# Installs nothing. Needs apt-get with a Debian archive among its sources; build needs dpkg-dev too.
set -eu
cd "$(dirname "$0")/.."
me=mbedtls.sh top=build/mbedtls
. tools/debian.sh
. tools/targets.sh

usage()
{
    sed -n '2,/^set /{s/^# \{0,1\}//p;}' "tools/mbedtls.sh" >&2
    exit 2
}

# Debian's newer archives hold `push foo@GOTPCREL` with a relocation that ld before 2.41 relaxes
# into a call, so that signing crashes: --no-relax keeps it from that.
flags() # DIR
{
    case $1 in
    */debian-3.*) relax=" -Wl,--no-relax" ;;
    *) relax= ;;
    esac
    echo "-isystem $PWD/$1/include -L$PWD/$1/lib -lmbedtls -lmbedx509 -lmbedcrypto$relax"
}

version_of() # DIR: since 3.0 the version stands in build_info.h
{
    sed -n 's/^#define MBEDTLS_VERSION_STRING  *"\(.*\)".*/\1/p' \
        "$1/include/mbedtls/build_info.h" "$1/include/mbedtls/version.h" 2>/dev/null | head -n 1
}

# Ends here if DIR exists; it appears whole or not at all.
unless_done() # DIR
{
    [ -d "$1" ] || return 0
    echo "$1 has mbedTLS $(version_of "$1") already; remove it to have it made anew"
    flags "$1"
    exit 0
}

deliver() # DIR: moves $tmp/out there
{
    for file in include/mbedtls/ssl.h lib/libmbedtls.a lib/libmbedx509.a lib/libmbedcrypto.a; do
        [ -f "$tmp/out/$file" ] || die "mbedTLS $version of Debian $suite has no $file"
    done
    got=$(version_of "$tmp/out")
    case $version in
    "$got"[!0-9]*) ;;
    *) die "Debian calls it mbedTLS $version, but its headers say ${got:-nothing}" ;;
    esac
    mv "$tmp/out" "$1"
    echo "$1 has mbedTLS $got"
    flags "$1"
}

# ---- fetch ----

fetch() # VERSION
{
    dir=$top/debian-$1
    case $1 in
    2.28) pattern='^2\.28\.' suites=bookworm ;;
    3.6.6) pattern='^3\.6\.6([^0-9]|$)' suites='trixie trixie-updates forky sid' ;;
    3.6.7) pattern='^3\.6\.([7-9]|[1-9][0-9])' suites='sid forky trixie' ;;
    4) pattern='^4\.' suites='experimental sid forky' ;;
    *) usage ;;
    esac
    unless_done "$dir"
    start
    # shellcheck disable=SC2086 # the list is meant to be split
    find_version "mbedTLS $1 in Debian" deb libmbedtls-dev "$pattern" $suites
    (cd "$tmp" && apt-get -c "$tmp/apt.conf" -q download "libmbedtls-dev=$version" \
        >"$tmp/log" 2>&1) || { cat "$tmp/log" >&2; die "cannot download libmbedtls-dev $version"; }
    dpkg-deb -x "$tmp"/libmbedtls-dev_*.deb "$tmp/deb"

    # The archives only: the .so links would point to packages that are not here.
    mkdir -p "$tmp/out/lib"
    mv "$tmp/deb/usr/include" "$tmp/out/include"
    mv "$tmp"/deb/usr/lib/*/*.a "$tmp/out/lib"
    case $version in
    "$1"[!0-9]*) ;;
    *) echo "Debian $suite has moved on from mbedTLS $1 to $version, which is taken for it" ;;
    esac
    deliver "$dir"
}

# ---- build ----

# Replaces mbedtls_config.h, so that whoever includes the headers sees the same settings.
config()
{
    cat <<'END'
/* mbedTLS 3.6 for an https client; made by tools/mbedtls.sh. */

#define MBEDTLS_HAVE_ASM
#define MBEDTLS_HAVE_TIME
#define MBEDTLS_HAVE_TIME_DATE
#define MBEDTLS_PLATFORM_C
#define MBEDTLS_VERSION_C

/* TLS */
#define MBEDTLS_SSL_TLS_C
#define MBEDTLS_SSL_CLI_C
#define MBEDTLS_SSL_PROTO_TLS1_2
#define MBEDTLS_SSL_PROTO_TLS1_3
#define MBEDTLS_SSL_TLS1_3_COMPATIBILITY_MODE
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ENABLED
#define MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL_ENABLED /* resumption */
#define MBEDTLS_KEY_EXCHANGE_ECDHE_ECDSA_ENABLED
#define MBEDTLS_KEY_EXCHANGE_ECDHE_RSA_ENABLED
#define MBEDTLS_SSL_ALL_ALERT_MESSAGES
#define MBEDTLS_SSL_ALPN
#define MBEDTLS_SSL_EXTENDED_MASTER_SECRET
#define MBEDTLS_SSL_KEEP_PEER_CERTIFICATE
#define MBEDTLS_SSL_SERVER_NAME_INDICATION
#define MBEDTLS_SSL_SESSION_TICKETS
#define MBEDTLS_SSL_OUT_CONTENT_LEN 4096 /* a client's own certificate chain must fit in, too */

/* Certificates and keys. SHA-1 is not accepted in signatures, but many a root is signed so. */
#define MBEDTLS_X509_USE_C
#define MBEDTLS_X509_CRT_PARSE_C
#define MBEDTLS_X509_REMOVE_INFO
#define MBEDTLS_X509_RSASSA_PSS_SUPPORT
#define MBEDTLS_ASN1_PARSE_C
#define MBEDTLS_ASN1_WRITE_C
#define MBEDTLS_BASE64_C
#define MBEDTLS_OID_C
#define MBEDTLS_PEM_PARSE_C
#define MBEDTLS_PK_C
#define MBEDTLS_PK_PARSE_C
#define MBEDTLS_PK_PARSE_EC_COMPRESSED
#define MBEDTLS_PK_PARSE_EC_EXTENDED
#define MBEDTLS_PK_WRITE_C
#define MBEDTLS_SHA1_C

/* Keys and curves */
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_ECDH_C
#define MBEDTLS_ECDSA_C
#define MBEDTLS_ECP_C
#define MBEDTLS_ECP_DP_SECP256R1_ENABLED
#define MBEDTLS_ECP_DP_SECP384R1_ENABLED
#define MBEDTLS_ECP_DP_SECP521R1_ENABLED
#define MBEDTLS_ECP_DP_CURVE25519_ENABLED
#if defined(__SIZEOF_INT128__) /* five times as fast there; its code for others is slow */
#define MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED
#endif
#define MBEDTLS_ECP_NIST_OPTIM
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V15
#define MBEDTLS_PKCS1_V21

/* Ciphers and hashes, by the CPU's own instructions where it has them */
#define MBEDTLS_AES_C
#define MBEDTLS_AESCE_C
#define MBEDTLS_AESNI_C
#define MBEDTLS_PADLOCK_C
#define MBEDTLS_CHACHA20_C
#define MBEDTLS_CHACHAPOLY_C
#define MBEDTLS_CIPHER_C
#define MBEDTLS_GCM_C
#define MBEDTLS_HKDF_C
#define MBEDTLS_MD_C
#define MBEDTLS_POLY1305_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_SHA256_USE_ARMV8_A_CRYPTO_IF_PRESENT
#define MBEDTLS_SHA384_C
#define MBEDTLS_SHA512_C
#define MBEDTLS_SHA512_USE_A64_CRYPTO_IF_PRESENT

/* Random numbers, and PSA, which TLS 1.3 stands on. A fixed key store would hold 32 keys: so many
 * handshakes at a time. */
#define MBEDTLS_CTR_DRBG_C
#define MBEDTLS_ENTROPY_C
#define MBEDTLS_PSA_CRYPTO_C
#define MBEDTLS_PSA_ASSUME_EXCLUSIVE_BUFFERS
#define MBEDTLS_PSA_KEY_STORE_DYNAMIC
END
    # Servers that know the extension (few do, OpenSSL 3.0 does not) send records that fit.
    [ -z "$small_in" ] || cat <<'END'

/* --small-in */
#define MBEDTLS_SSL_IN_CONTENT_LEN 4096
#define MBEDTLS_SSL_RECORD_SIZE_LIMIT
END
}

# Sets cc, ar and what CFLAGS are if not set. -Os would save a tenth of the size and take a fifth more
# CPU for each handshake; the unwind tables of a program for a board are 37 KB for nobody.
find_compiler() # TARGET
{
    ar="ar" optimize="-O2"
    case $1 in
    native) cc=${CC:-cc} install="a C compiler" ;;
    musl) cc=musl-gcc install=musl-tools ;;
    *-linux-*)
        find_target "${1%-musl}" || gnu=${1%-musl} arch=
        find_gcc || gcc=$gnu-gcc
        optimize="-O2 -fno-asynchronous-unwind-tables"
        cc=$gcc ar=$gnu-ar install=${arch:+$(packages | sed 's/=[^ ]*//g')}
        install=${install:-"gcc-$(echo "$gnu" | tr _ -)"}
        ;;
    *) die "TARGET is native, musl or a triplet such as arm-linux-gnueabihf, not \"$1\"" ;;
    esac
    command -v "${cc%% *}" >/dev/null || die "$1 needs ${cc%% *}: please install $install"
    case $1 in
    *-linux-*-musl)
        options=$(tools/musl.sh "$gnu") || exit 1
        cc="$cc $(echo "$options" | tail -n 1)"
        ;;
    esac
}

# X25519 by Everest's code, which comes with mbedTLS, wherever a point is multiplied: mbedTLS asks it in
# key agreements alone, and TLS 1.3 makes its key pairs otherwise.
everest() # DIR
{
    ecp=$1/library/ecp.c
    grep -q '^static int ecp_mul_mxz(' "$ecp" && grep -q 'CHK(ecp_mul_mxz(grp, R, m, P, f_rng, p_rng));' "$ecp" ||
        die "$ecp is not what it was"
    cat >"$tmp/everest.c" <<'END'
#if defined(MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED)
#include "everest/Hacl_Curve25519.h"
static int ecp_mul_everest(mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P)
{
    unsigned char scalar[32], point[32], product[32];
    int ret = mbedtls_mpi_write_binary_le(m, scalar, sizeof(scalar));
    if (ret == 0) {
        ret = mbedtls_mpi_write_binary_le(&P->X, point, sizeof(point));
    }
    if (ret == 0) {
        Hacl_Curve25519_crypto_scalarmult(product, scalar, point);
        ret = mbedtls_mpi_read_binary_le(&R->X, product, sizeof(product));
    }
    if (ret == 0) {
        ret = mbedtls_mpi_lset(&R->Z, 1);
        mbedtls_mpi_free(&R->Y);
    }
    mbedtls_platform_zeroize(scalar, sizeof(scalar));
    mbedtls_platform_zeroize(product, sizeof(product));
    return ret;
}
#define ECP_MUL_X25519(grp, R, m, P) \
    ((grp)->id == MBEDTLS_ECP_DP_CURVE25519 ? ecp_mul_everest(R, m, P) : ecp_mul_mxz(grp, R, m, P, f_rng, p_rng))
#else
#define ECP_MUL_X25519(grp, R, m, P) ecp_mul_mxz(grp, R, m, P, f_rng, p_rng)
#endif

END
    at=$(grep -n 'ecp_mul_restartable_internal(mbedtls_ecp_group \*grp' "$ecp" | head -n 1 | cut -d: -f1)
    sed -i -e "$((at - 1))r $tmp/everest.c" \
        -e 's/CHK(ecp_mul_mxz(grp, R, m, P, f_rng, p_rng));/CHK(ECP_MUL_X25519(grp, R, m, P));/' "$ecp"
}

build()
{
    small_in=
    if [ "${1-}" = --small-in ]; then
        small_in=-small-in
        shift
    fi
    target=${1:-native}
    [ $# -le 1 ] || usage
    dir=$top/$target$small_in
    unless_done "$dir"
    find_compiler "$target"
    command -v dpkg-source >/dev/null || die "please install dpkg-dev"
    start
    get_source mbedtls '^3\.6\.' sid forky trixie

    unpack_source "$tmp/mbedtls"
    config >"$tmp/mbedtls/include/mbedtls/mbedtls_config.h"
    # getrandom() is Linux's; mbedTLS asks it under glibc alone, and else wants a /dev/urandom.
    poll="$tmp/mbedtls/library/entropy_poll.c"
    grep -q 'defined(__linux__) && defined(__GLIBC__))' "$poll" || die "$poll is not what it was"
    sed -i 's/defined(__linux__) && defined(__GLIBC__))/defined(__linux__))/' "$poll"
    everest "$tmp/mbedtls"
    make -C "$tmp/mbedtls/library" -j "$(getconf _NPROCESSORS_ONLN)" static CC="$cc" AR="$ar" \
        CFLAGS="${CFLAGS:-$optimize} -ffunction-sections -fdata-sections" >"$tmp/log" 2>&1 ||
        { grep -E 'error|Error' "$tmp/log" | head -n 5 >&2; die "cannot compile mbedTLS by $cc"; }

    mkdir -p "$tmp/out/lib"
    mv "$tmp/mbedtls/include" "$tmp/out/include"
    mv "$tmp/mbedtls/3rdparty/everest/include/everest" "$tmp/out/include/everest" # ecdh.h includes it
    mv "$tmp"/mbedtls/library/*.a "$tmp/out/lib"
    deliver "$dir"
}

list()
{
    for dir in "$top"/*/; do
        dir=${dir%/}
        [ -d "$dir/lib" ] || continue
        printf '%-28s %-8s %s\n' "${dir##*/}" "$(version_of "$dir")" "$(flags "$dir")"
    done
}

case ${1-} in
build) shift; build "$@" ;;
fetch) [ $# = 2 ] || usage; fetch "$2" ;;
list) [ $# = 1 ] || usage; list ;;
*) usage ;;
esac
