/* ============================================================================================
 * >>config  settings made uniform, system headers
 *
 * Purpose     turns each on/off setting into a LOCUST__WITH_ of 0 or 1, gives the others their
 *             defaults, stops at settings that contradict each other, and includes all system
 *             headers.
 * Invariants  below here only LOCUST__WITH_ and LOCUST__OS_ are tested, with #if: -Wundef then
 *             warns of a misspelt one, where #ifdef would silently be false.
 * Names       locust__apart locust__api_data locust__cold locust__on locust__os_apple
 *             locust__os_bsd locust__os_linux locust__parks locust__printf locust__sys
 *             locust__unused locust__with_
 * ============================================================================================ */

/* Is a setting that is defined switched on? It is if it is a number but 0, or empty, as after
 * `#define LOCUST_TLS`: then 1 - setting - 1 reads 1 - - 1, which is 2. */
#define LOCUST__ON(setting) ((setting + 0) || (1 - setting - 1) == 2)

#if defined(LOCUST_TLS) && LOCUST__ON(LOCUST_TLS)
#define LOCUST__WITH_TLS 1
#else
#define LOCUST__WITH_TLS 0
#endif

#if defined(LOCUST_ZLIB) && LOCUST__ON(LOCUST_ZLIB)
#define LOCUST__WITH_ZLIB 1
#else
#define LOCUST__WITH_ZLIB 0
#endif

#if defined(LOCUST_HTTP2) && LOCUST__ON(LOCUST_HTTP2)
#define LOCUST__WITH_HTTP2 1
#else
#define LOCUST__WITH_HTTP2 0
#endif
#if defined(LOCUST_NO_REPORTS) && LOCUST__ON(LOCUST_NO_REPORTS)
#define LOCUST__WITH_REPORTS 0
#else
#define LOCUST__WITH_REPORTS 1
#endif

#if defined(LOCUST_NO_COOKIES) && LOCUST__ON(LOCUST_NO_COOKIES)
#define LOCUST__WITH_COOKIES 0
#else
#define LOCUST__WITH_COOKIES 1
#endif

#if defined(LOCUST_NO_DIGEST) && LOCUST__ON(LOCUST_NO_DIGEST)
#define LOCUST__WITH_DIGEST 0
#else
#define LOCUST__WITH_DIGEST 1
#endif

#if defined(LOCUST_NO_SHORT) && LOCUST__ON(LOCUST_NO_SHORT)
#define LOCUST__WITH_SHORT 0
#else
#define LOCUST__WITH_SHORT 1
#endif

#if defined(LOCUST_NO_FLEET) && LOCUST__ON(LOCUST_NO_FLEET)
#define LOCUST__WITH_FLEET 0
#else
#define LOCUST__WITH_FLEET 1
#endif

#if defined(LOCUST_IMPLEMENTATION)
#define LOCUST__API_DATA // in a definition: what is extern already may not say so beside a value
#else
#define LOCUST__API_DATA LOCUST_API
#endif

#if defined(LOCUST_NO_EXPORT) && LOCUST__ON(LOCUST_NO_EXPORT)
#define LOCUST__WITH_EXPORT 0
#else
#define LOCUST__WITH_EXPORT 1
#endif

#if defined(LOCUST_NO_WEB) && LOCUST__ON(LOCUST_NO_WEB)
#define LOCUST__WITH_WEB 0
#else
#define LOCUST__WITH_WEB 1
#endif

#if defined(LOCUST_POLL) && LOCUST__ON(LOCUST_POLL)
#define LOCUST__WITH_POLL 1
#else
#define LOCUST__WITH_POLL 0
#endif

#if defined(LOCUST_VALGRIND) && LOCUST__ON(LOCUST_VALGRIND)
#define LOCUST__WITH_VALGRIND 1
#else
#define LOCUST__WITH_VALGRIND 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define LOCUST__WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOCUST__WITH_ASAN 1
#endif
#endif
#ifndef LOCUST__WITH_ASAN
#define LOCUST__WITH_ASAN 0
#endif

#if defined(__linux__)
#define LOCUST__OS_LINUX 1
#else
#define LOCUST__OS_LINUX 0
#endif
#if defined(__APPLE__)
#define LOCUST__OS_APPLE 1
#else
#define LOCUST__OS_APPLE 0
#endif
#if defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) || defined(__DragonFly__)
#define LOCUST__OS_BSD 1
#else
#define LOCUST__OS_BSD 0
#endif
#if defined(_WIN32)
#error "locust.h needs POSIX: on Windows compile it in WSL, the Windows Subsystem for Linux"
#endif

#if defined(LOCUST_KQUEUE) && LOCUST__ON(LOCUST_KQUEUE)
#define LOCUST__WITH_KQUEUE 1
#else
#define LOCUST__WITH_KQUEUE (!LOCUST__WITH_POLL && (LOCUST__OS_APPLE || LOCUST__OS_BSD))
#endif
#if LOCUST__WITH_KQUEUE && LOCUST__WITH_POLL
#error "define LOCUST_KQUEUE or LOCUST_POLL, not both"
#endif
#define LOCUST__WITH_EPOLL (LOCUST__OS_LINUX && !LOCUST__WITH_POLL && !LOCUST__WITH_KQUEUE)

#if defined(LOCUST_MALLOC) != defined(LOCUST_REALLOC) || \
    defined(LOCUST_MALLOC) != defined(LOCUST_FREE)
#error "define LOCUST_MALLOC, LOCUST_REALLOC and LOCUST_FREE together, or none of them"
#endif
#ifndef LOCUST_MALLOC
#define LOCUST_MALLOC(n)     malloc(n)
#define LOCUST_REALLOC(p, n) realloc(p, n)
#define LOCUST_FREE(p)       free(p)
#endif

#ifndef LOCUST_STACK_SIZE
#define LOCUST_STACK_SIZE 65536
#endif
#ifndef LOCUST_MAX_HEADER
#define LOCUST_MAX_HEADER 65536
#endif
#ifndef LOCUST_MAX_BODY
#define LOCUST_MAX_BODY 67108864
#endif
#ifndef LOCUST_MAX_ROWS
#define LOCUST_MAX_ROWS 10000
#endif
#ifndef LOCUST_BUFFER_SIZE
#define LOCUST_BUFFER_SIZE 65536
#endif
#if LOCUST_BUFFER_SIZE < 4096
#error "define LOCUST_BUFFER_SIZE as 4096 or more: a request's head must fit"
#endif
#ifndef LOCUST_HIST_BITS
#define LOCUST_HIST_BITS 7
#endif
#if LOCUST_HIST_BITS < 4 || LOCUST_HIST_BITS > 10
#error "define LOCUST_HIST_BITS as 4 to 10: 7 keeps times to 0.4 %"
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#if LOCUST__OS_LINUX && defined(__aarch64__)
#include <sys/auxv.h> // not elsewhere: uClibc-ng 1.0.35 lacks it
#endif
#if LOCUST__OS_LINUX
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#if defined(__GLIBC__) && !defined(__UCLIBC__)
#include <malloc.h>
#endif
#endif
#if LOCUST__WITH_KQUEUE
#include <sys/types.h>

#include <sys/event.h>
#endif
#if LOCUST__OS_APPLE
#include <mach/mach.h>
#endif
#if LOCUST__WITH_VALGRIND
#include <valgrind/memcheck.h>
#endif
#if LOCUST__WITH_ZLIB
#include <zlib.h>
#endif
#if LOCUST__WITH_TLS
#include <mbedtls/version.h>
#include <mbedtls/asn1.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <psa/crypto.h>
#if MBEDTLS_VERSION_NUMBER < 0x021C0000
#error "locust.h needs mbedTLS 2.28, 3.6 or 4.x for -DLOCUST_TLS"
#endif
#endif

/* What >>tls_record needs of mbedTLS. Version 4 keeps its ciphers to itself. */
#if !LOCUST__WITH_TLS || (defined(LOCUST_NO_RECORDS) && LOCUST__ON(LOCUST_NO_RECORDS))
#define LOCUST__WITH_RECORDS 0
#elif MBEDTLS_VERSION_NUMBER >= 0x04000000 || !defined(MBEDTLS_GCM_C) || !defined(MBEDTLS_MD_C)
#define LOCUST__WITH_RECORDS 0
#elif MBEDTLS_VERSION_NUMBER < 0x03000000 && !defined(MBEDTLS_SSL_EXPORT_KEYS)
#define LOCUST__WITH_RECORDS 0
#else
#define LOCUST__WITH_RECORDS 1
#include <mbedtls/gcm.h>
#include <mbedtls/md.h>
#if defined(MBEDTLS_CHACHAPOLY_C)
#include <mbedtls/chachapoly.h>
#endif
#endif

#if LOCUST__WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

/* What declarations say of a function. */
#define LOCUST__UNUSED           __attribute__((unused))   // not every system or setting calls it
#define LOCUST__PARKS                                      // it may switch to another coroutine
#define LOCUST__APART            __attribute__((noinline)) // its locals are in no caller's frame
#define LOCUST__COLD             __attribute__((cold))     // runs seldom: small rather than fast
#define LOCUST__PRINTF(at, rest) __attribute__((format(printf, at, rest)))

#ifndef LOCUST__SYS
#define LOCUST__SYS(call) call // a unit test defines it to make a system call fail
#endif
