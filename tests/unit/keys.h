/* keys.h - keys of TLS connections for tests of the parts that use them. Include it behind the parts. */
#ifndef KEYS_H
#define KEYS_H
#include "../check.h"

enum { KEYS_MAX = sizeof(locust__tls_keys) + 2 * (32 + 12 + 48) };

/* Keys of a suite, counted up from `first`: those of the two sides differ. */
static inline locust__tls_keys *keys_new(int id, int first)
{
    const locust__tls_suite *suite = locust__tls_key_suite(id);
    size_t n = suite ? locust__tls_key_size(suite) : 0;
    locust__tls_keys *keys = n ? calloc(1, n) : NULL;
    if (!keys)
        abort();
    keys->suite = suite;
    for (size_t i = 0; i < n - sizeof *keys; i++)
        keys->bytes[i] = (unsigned char)((size_t)first + i * 7);
    return keys;
}

/* The other end's: what goes out here comes in there. */
static inline locust__tls_keys *keys_of_peer(locust__tls_keys *keys)
{
    size_t side = locust__tls_key_of_side(keys->suite);
    locust__tls_keys *peer = keys_new(keys->suite->id, 0);
    memcpy(peer->bytes, keys->bytes + side, side);
    memcpy(peer->bytes + side, keys->bytes, side);
    peer->seq[LOCUST__TLS_SIDE_IN] = keys->seq[LOCUST__TLS_SIDE_OUT];
    peer->seq[LOCUST__TLS_SIDE_OUT] = keys->seq[LOCUST__TLS_SIDE_IN];
    return peer;
}

static const int keys_suites[] = {0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8,
    0xCCA9, 0xCCAA, 0x009C, 0x009D, 0x009E, 0x009F};
#endif
