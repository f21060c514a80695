/* ============================================================================================
 * >>tls_after  what a server says after the handshake
 *
 * Purpose     reads handshake messages and alerts that come between data: session tickets, new
 *             keys, the wish for another handshake, the end. What is to be answered is noted, for
 *             >>tls_own to send.
 * Invariants  a message is taken in pieces of any length and needs no memory: of a ticket only the
 *             length counts. However often a server asks for new keys, one answer is owed.
 * Names       locust__tls_after_
 * Uses        >>tls_key >>tls_record
 * Sources     RFC 8446 4.6, 5.1, 6, 7.2; RFC 5246 7.2, 7.4.1.1.
 * ============================================================================================ */

typedef struct locust__tls_after { // of a connection
    uint32_t skip;                 // bytes of the message that do not count, and are still to come
    unsigned char head[5];         // the beginning of a message: type, length, one byte of it
    uint8_t len;                   // bytes of it that came
    bool keys_owed;                // the server wants new keys from us
    bool refusal_owed;             // the server wants another handshake
} locust__tls_after;

enum { LOCUST__TLS_AFTER_HELLO = 0, LOCUST__TLS_AFTER_TICKET = 4, LOCUST__TLS_AFTER_KEYS = 24 };
enum { LOCUST__TLS_AFTER_CLOSE = 0, LOCUST__TLS_AFTER_CANCELED = 90 };
enum { LOCUST__TLS_AFTER_IGNORED = -1 };

/* Is a message incomplete? Nothing else may come before its end: RFC 8446 5.1. */
static bool locust__tls_after_is_open(const locust__tls_after *a)
{
    return a->len || a->skip;
}

/* A message's type and length are there, and of KeyUpdate its byte. `last`: the record ends with
 * it, as keys change between records. */
static int locust__tls_after_message(locust__tls_after *a, locust__tls_keys *keys, bool last)
{
    uint32_t n = (uint32_t)a->head[1] << 16 | (uint32_t)a->head[2] << 8 | a->head[3];
    bool v13 = keys->suite->hash != 0;
    if (v13 && a->head[0] == LOCUST__TLS_AFTER_KEYS) {
        if (n != 1)
            return LOCUST__TLS_RECORD_DECODE;
        if (a->len < 5)
            return LOCUST__TLS_RECORD_OK;
        if (a->head[4] > 1)
            return LOCUST__TLS_RECORD_ILLEGAL;
        if (!last)
            return LOCUST__TLS_RECORD_UNEXPECTED;
        a->keys_owed |= a->head[4] == 1;
        a->len = 0;
        return locust__tls_key_renew(keys, LOCUST__TLS_SIDE_IN) ? LOCUST__TLS_RECORD_OK
                                                                : LOCUST__TLS_RECORD_NO_MEMORY;
    }
    a->len = 0;
    if (v13 && a->head[0] == LOCUST__TLS_AFTER_TICKET) {
        a->skip = n;
        return LOCUST__TLS_RECORD_OK;
    }
    if (v13 || a->head[0] != LOCUST__TLS_AFTER_HELLO || n)
        return LOCUST__TLS_RECORD_UNEXPECTED;
    a->refusal_owed = true;
    return LOCUST__TLS_RECORD_OK;
}

/* Takes the data of a handshake record. Else the number of the alert that says what is wrong. */
static int locust__tls_after_handshake(
    locust__tls_after *a, locust__tls_keys *keys, const unsigned char *p, size_t n)
{
    int rc = n ? LOCUST__TLS_RECORD_OK : LOCUST__TLS_RECORD_UNEXPECTED; // RFC 8446 5.1
    while (n && !rc) {
        if (a->skip) {
            size_t some = n < a->skip ? n : a->skip;
            a->skip -= (uint32_t)some;
            p += some;
            n -= some;
            continue;
        }
        a->head[a->len++] = *p++;
        n--;
        if (a->len >= 4)
            rc = locust__tls_after_message(a, keys, !n);
    }
    return rc;
}

/* Takes the data of an alert record. *number: the alert that ends the connection, 0 if it is
 * close_notify, or LOCUST__TLS_AFTER_IGNORED. TLS 1.3 has no warnings but user_canceled, which
 * close_notify follows: RFC 8446 6. */
static int locust__tls_after_alert(
    const locust__tls_suite *s, const unsigned char *p, size_t n, int *number)
{
    bool warning;
    if (n != 2)
        return LOCUST__TLS_RECORD_DECODE;
    warning = s->hash ? p[1] == LOCUST__TLS_AFTER_CANCELED : p[0] == 1;
    *number = p[1] != LOCUST__TLS_AFTER_CLOSE && warning ? LOCUST__TLS_AFTER_IGNORED : p[1];
    return LOCUST__TLS_RECORD_OK;
}
