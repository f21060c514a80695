#!/bin/sh
# lint.sh - static analysis of locust.h with cppcheck and clang-tidy. Called by `make lint`.
set -eu
cd "$(dirname "$0")/.."

# Left out of clang-tidy's bugprone, performance and analyzer groups:
#   easily-swappable-parameters, narrowing-conversions  taste; -Wconversion sees the second
#   reserved-identifier        the private prefix is locust__, which C++ would reserve
#   macro-parentheses          designated initializers are passed through macros on purpose
#   assignment-in-if-condition `if ((error = ...))` is how errors travel here
#   DeprecatedOrUnsafeBufferHandling  wants Annex K's memcpy_s, which no C library here has
#   sizeof-expression          takes an array of pointers for a slip
#   performance-no-int-to-ptr  tagged pointers in poller data
#   optin.performance.Padding  public structs group fields by meaning; there is one of each
checks='-*,bugprone-*,clang-analyzer-*,performance-*
,-bugprone-easily-swappable-parameters,-bugprone-narrowing-conversions
,-bugprone-reserved-identifier,-bugprone-macro-parentheses,-bugprone-assignment-in-if-condition
,-clang-analyzer-security.insecureAPI.DeprecatedOrUnsafeBufferHandling
,-performance-no-int-to-ptr,-bugprone-sizeof-expression
,-clang-analyzer-optin.performance.Padding'

# Left out of cppcheck:
#   missingIncludeSystem       system headers are not read, by its own advice
#   unusedFunction (not asked) a header of functions for others to call
for setting in LOCUST_IMPLEMENTATION LOCUST_POLL LOCUST_TLS; do
    cppcheck --quiet --language=c --std=c11 --enable=warning,performance,portability \
        --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem \
        -D__x86_64__=1 -D__linux__=1 -D__GNUC__=12 -D__LP64__=1 "-D$setting=1" -DMBEDTLS_VERSION_NUMBER=0x03060700 locust.h
done

for settings in "" "-DLOCUST_TLS -DLOCUST_ZLIB"; do
    # shellcheck disable=SC2086 # settings are words
    clang-tidy --quiet --warnings-as-errors='*' --checks="$(echo "$checks" | tr -d '\n')" \
        locust.h -- -x c -std=c11 $settings
done
