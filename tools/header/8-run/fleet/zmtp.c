/* ============================================================================================
 * >>fleet_zmtp  ZMTP 3: messages on a TCP connection, as ZeroMQ has them
 *
 * Purpose     one end of a connection between a ROUTER (a master) and a DEALER (a worker):
 *             greeting, NULL mechanism, READY, frames. A codec: bytes in, bytes out, no socket.
 * Invariants  whatever arrives, in whatever pieces, nothing is kept beyond `max` bytes of a message
 *             and what came behind it. Once broken it stays broken, and `error` says why.
 * Cost        a copy of what arrives.
 * Names       locust__zmtp_ LOCUST__ZMTP_OURS
 * Uses        >>fleet_seal
 * Sources     rfc.zeromq.org/spec/23 and /37; libzmq 4.3.4 (reference run): it sends ten bytes and
 *             then waits for those of its peer, so all of ours go out at once; it takes property
 *             names by their case.
 * Limits      a message is its first frame: Locust's have one, and libzmq's peers drop the rest.
 *
 *   greeting   | ff 00 00 00 00 00 00 00 01 7f | 03 | 01 | NULL and 16 zeros | 00 | 31 zeros |
 *   command    | 04 | length, 1 byte | name, 1 + n bytes | body |       06: length of 8 bytes
 *   READY      | 1 + name | 4 + value | ...      Socket-Type: DEALER, Identity: board-7_...
 *   message    | 00 | length, 1 byte | bytes |   02: length of 8 bytes; 01 and 03: more frames
 * ============================================================================================ */

#define LOCUST__ZMTP_OURS "locust.h" // a property of READY

enum {
    LOCUST__ZMTP_GREETING = 64,
    LOCUST__ZMTP_COMMAND = 4096, // bytes of the longest command
    LOCUST__ZMTP_IDENTITY = 255,
};

enum locust__zmtp_flag {
    LOCUST__ZMTP_MORE = 1,
    LOCUST__ZMTP_LONG = 2,
    LOCUST__ZMTP_IS_COMMAND = 4,
};

enum locust__zmtp_got {
    LOCUST__ZMTP_MESSAGE,
    LOCUST__ZMTP_NOTHING, // until more bytes come
    LOCUST__ZMTP_BROKEN,
};

typedef struct locust__zmtp {
    size_t max;   // bytes of a message
    bool router;  // this end
    bool greeted; // the peer's greeting was read
    bool ready;   // its READY was, too: messages may be sent
    bool rest;    // of a message whose first frame is done with
    bool ours;    // the peer is a locust.h
    locust__seals seals;
    locust__buf in;   // what has arrived; the first `at` bytes were read
    locust__buf *out; // where answers go
    size_t at;
    char identity[LOCUST__ZMTP_IDENTITY + 1]; // of the peer; "": none
    size_t identity_len;
    const char *error; // NULL: not broken
} locust__zmtp;

/* Writes the head of a frame of n bytes. */
static void locust__zmtp_head(locust__buf *out, unsigned flags, size_t n)
{
    locust__bytes_writer w = {out, NULL, 0, 0, false};
    bool wide = n > UINT8_MAX;
    uint64_t len = n;
    locust__bytes_put_u8(&w, flags | (wide ? LOCUST__ZMTP_LONG : 0u));
    for (int i = wide ? 7 : 0; i >= 0; i--)
        locust__bytes_put_u8(&w, (unsigned)(len >> 8 * i & 255));
}

/* Writes a message of one frame, with its tag if there is a secret. z NULL: without. */
static void locust__zmtp_send(locust__zmtp *z, locust__buf *out, locust__view message)
{
    unsigned char tag[LOCUST__SEAL_TAG];
    bool sealed = z && z->seals.secret;
    locust__zmtp_head(out, 0, message.len + (sealed ? sizeof tag : 0));
    locust__buf_add(out, message.ptr, message.len);
    if (!sealed)
        return;
    locust__seal_tag(&z->seals.out, message, tag);
    locust__buf_add(out, tag, sizeof tag);
}

static void locust__zmtp_property(locust__buf *out, const char *name, locust__view value)
{
    locust__bytes_writer w = {out, NULL, 0, 0, false};
    locust__bytes_put_u8(&w, (unsigned)strlen(name));
    locust__bytes_add(&w, name, strlen(name));
    locust__bytes_put_u32(&w, (uint32_t)value.len);
    locust__bytes_add(&w, value.ptr, value.len);
}

/* Says that this is a locust.h, whether it has a secret, and its nonce. libzmq reads over it. */
static void locust__zmtp_property_ours(locust__buf *out, const locust__seals *seals)
{
    char value[2 + LOCUST__SEAL_NONCE] = {1, seals->secret != NULL};
    memcpy(value + 2, seals->nonce, LOCUST__SEAL_NONCE);
    locust__zmtp_property(out, LOCUST__ZMTP_OURS, (locust__view){value, sizeof value});
}

/* Begins a connection: writes greeting and READY to `out`. identity: of a worker, 1 to 255 bytes;
 * empty for a master. secret: that the peer has to know, too; NULL: none. */
static void locust__zmtp_init(locust__zmtp *z, bool router, locust__view identity, size_t max,
    const char *secret, locust__buf *out)
{
    static const unsigned char greeting[LOCUST__ZMTP_GREETING] = {
        [0] = 0xFF, [8] = 1, 0x7F, 3, 1, 'N', 'U', 'L', 'L'};
    static const char types[2][7] = {"DEALER", "ROUTER"};
    locust__buf ready = {NULL, 0, 0, false};
    memset(z, 0, sizeof *z);
    z->max = max;
    z->router = router;
    z->out = out;
    locust__seals_init(&z->seals, secret);
    locust__buf_add(&ready, "\5READY", 6);
    locust__zmtp_property(&ready, "Socket-Type", locust__view_of(types[router]));
    locust__zmtp_property(&ready, "Identity", identity);
    locust__zmtp_property_ours(&ready, &z->seals);
    locust__buf_add(out, greeting, sizeof greeting);
    locust__zmtp_head(out, LOCUST__ZMTP_IS_COMMAND, ready.len);
    locust__buf_add(out, ready.ptr, ready.len);
    out->failed |= ready.failed;
    locust__buf_free(&ready);
}

static void locust__zmtp_deinit(locust__zmtp *z)
{
    locust__buf_free(&z->in);
    z->at = 0;
}

static enum locust__zmtp_got locust__zmtp_break(locust__zmtp *z, const char *error)
{
    z->error = error;
    locust__zmtp_deinit(z);
    return LOCUST__ZMTP_BROKEN;
}

/* Takes bytes that have arrived. locust__zmtp_next says what they are. */
static void locust__zmtp_feed(locust__zmtp *z, const char *bytes, size_t n)
{
    if (z->error)
        return;
    if (z->at) {
        memmove(z->in.ptr, z->in.ptr + z->at, z->in.len - z->at);
        z->in.len -= z->at;
        z->at = 0;
    }
    locust__buf_add(&z->in, bytes, n);
    if (z->in.failed)
        locust__zmtp_break(z, "out of memory");
}

/* Looks at as much of the peer's greeting as there is. */
static enum locust__zmtp_got locust__zmtp_greet(locust__zmtp *z)
{
    const unsigned char *p = (const unsigned char *)z->in.ptr;
    static const unsigned char mechanism[20] = {'N', 'U', 'L', 'L'};
    size_t n = z->in.len;
    if ((n > 0 && p[0] != 0xFF) || (n > 9 && !(p[9] & 1)))
        return locust__zmtp_break(z, "it does not speak ZMTP: is this the port of a master?");
    if (n > 10 && p[10] < 3)
        return locust__zmtp_break(z, "it speaks a ZMTP before 3: its ZeroMQ is too old");
    if (n < LOCUST__ZMTP_GREETING)
        return LOCUST__ZMTP_NOTHING;
    if (memcmp(p + 12, mechanism, sizeof mechanism) != 0)
        return locust__zmtp_break(z, "it wants a ZMTP mechanism other than NULL");
    z->greeted = true;
    z->at = LOCUST__ZMTP_GREETING;
    return LOCUST__ZMTP_MESSAGE;
}

/* May a socket of that type talk to this end? A missing type is fine, as in libzmq. */
static bool locust__zmtp_fits(const locust__zmtp *z, locust__view type)
{
    if (z->router)
        return locust__view_is(type, "DEALER") || locust__view_is(type, "REQ") ||
               locust__view_is(type, "ROUTER");
    return locust__view_is(type, "ROUTER") || locust__view_is(type, "REP") ||
           locust__view_is(type, "DEALER");
}

/* Reads what another locust.h says of itself. NULL, or why the two cannot talk. */
static const char *locust__zmtp_meet(locust__zmtp *z, locust__view value)
{
    if (value.len < 2 + LOCUST__SEAL_NONCE)
        return "its READY is broken";
    z->ours = true;
    if (z->seals.secret && !value.ptr[1])
        return z->router ? "a worker has no --secret, and this master wants one"
                         : "it has no --secret, and this worker wants one";
    if (!z->seals.secret && value.ptr[1])
        return z->router ? "a worker wants a --secret, and this master has none"
                         : "it wants a --secret, and this worker has none";
    if (z->seals.secret)
        locust__seals_key(&z->seals, z->router, (const unsigned char *)value.ptr + 2);
    return NULL;
}

/* Reads the properties of READY. */
static const char *locust__zmtp_ready(locust__zmtp *z, locust__bytes_reader r)
{
    while (r.left && !r.failed) {
        size_t name_len = locust__bytes_get_u8(&r), len;
        locust__view name = {(const char *)locust__bytes_take(&r, name_len), name_len}, value;
        len = locust__bytes_get_u32(&r);
        value = (locust__view){(const char *)locust__bytes_take(&r, len), len};
        if (r.failed)
            break;
        if (locust__view_is_nocase(name, "Socket-Type") && !locust__zmtp_fits(z, value))
            return z->router ? "its ZeroMQ socket is no DEALER, as a worker's is"
                             : "its ZeroMQ socket is no ROUTER, as a master's is";
        if (locust__view_is(name, LOCUST__ZMTP_OURS)) {
            const char *why = locust__zmtp_meet(z, value);
            if (why)
                return why;
        }
        if (!locust__view_is_nocase(name, "Identity"))
            continue;
        if (len > LOCUST__ZMTP_IDENTITY)
            return "its identity is longer than 255 bytes";
        if (len)
            memcpy(z->identity, value.ptr, len);
        z->identity[len] = '\0';
        z->identity_len = len;
    }
    if (r.failed)
        return "its READY is broken";
    if (z->seals.secret && !z->ours && !z->router)
        return "it does not know the --secret: it is a stock master";
    z->ready = true;
    return NULL;
}

/* A PING is answered with its context, up to 16 bytes of it (ZMTP 3.1). */
static void locust__zmtp_pong(locust__zmtp *z, locust__bytes_reader r)
{
    const unsigned char *context;
    size_t n;
    locust__bytes_skip(&r, 2); // how long the peer keeps a silent connection
    n = r.left < 16 ? r.left : 16;
    context = locust__bytes_take(&r, n);
    if (!context)
        return;
    locust__zmtp_head(z->out, LOCUST__ZMTP_IS_COMMAND, 5 + n);
    locust__buf_add(z->out, "\4PONG", 5);
    locust__buf_add(z->out, context, n);
}

/* Obeys a command. What it does not know it leaves alone, as libzmq does. */
static const char *locust__zmtp_obey(locust__zmtp *z, locust__view body)
{
    locust__bytes_reader r = locust__bytes_reader_of(body.ptr, body.len);
    size_t n = locust__bytes_get_u8(&r);
    locust__view name = {(const char *)locust__bytes_take(&r, n), n};
    if (r.failed)
        return "its command has no name";
    if (locust__view_is(name, "ERROR"))
        return z->seals.secret ? "it refuses this --secret: its own is another"
                               : "it refuses the connection";
    if (locust__view_is(name, "READY") && !z->ready)
        return locust__zmtp_ready(z, r);
    if (!z->ready)
        return "it does not begin with READY";
    if (locust__view_is(name, "PING"))
        locust__zmtp_pong(z, r);
    return NULL;
}

/* Takes a frame off the front. False: it is not whole yet, or is refused, which sets z->error. */
static bool locust__zmtp_frame(locust__zmtp *z, unsigned *flags, locust__view *body)
{
    const char *from = z->in.ptr ? z->in.ptr + z->at : NULL;
    locust__bytes_reader r = locust__bytes_reader_of(from, z->in.len - z->at);
    uint64_t len;
    *flags = locust__bytes_get_u8(&r);
    if (*flags & LOCUST__ZMTP_LONG) {
        len = (uint64_t)locust__bytes_get_u32(&r) << 32;
        len |= locust__bytes_get_u32(&r);
    } else {
        len = locust__bytes_get_u8(&r);
    }
    if (r.failed)
        return false;
    if ((*flags & LOCUST__ZMTP_IS_COMMAND) && (len > LOCUST__ZMTP_COMMAND || (*flags & 1)))
        locust__zmtp_break(z, "its command is too long");
    else if (!(*flags & LOCUST__ZMTP_IS_COMMAND) && !z->ready)
        locust__zmtp_break(z, "it sent a message before its READY");
    else if (len > z->max)
        locust__zmtp_break(z, "its message is too long");
    if (z->error || len > r.left)
        return false;
    *body = (locust__view){(const char *)r.at, (size_t)len};
    z->at = z->in.len - r.left + (size_t)len;
    return true;
}

/* A tag is wrong: says so to the peer. */
static enum locust__zmtp_got locust__zmtp_refuse(locust__zmtp *z)
{
    static const char reason[] = "\5ERROR\6secret";
    locust__zmtp_head(z->out, LOCUST__ZMTP_IS_COMMAND, sizeof reason - 1);
    locust__buf_add(z->out, reason, sizeof reason - 1);
    return locust__zmtp_break(z, z->router ? "a worker has another --secret, or repeats messages"
                                           : "it has another --secret, or repeats messages");
}

/* The next message; it lies in the memory of z until the next call. Answers what is to be answered
 * without a message. */
static enum locust__zmtp_got locust__zmtp_next(locust__zmtp *z, locust__view *message)
{
    unsigned flags;
    locust__view body;
    if (z->error)
        return LOCUST__ZMTP_BROKEN;
    if (!z->greeted) {
        enum locust__zmtp_got got = locust__zmtp_greet(z);
        if (got != LOCUST__ZMTP_MESSAGE)
            return got;
    }
    while (locust__zmtp_frame(z, &flags, &body)) {
        bool first = !z->rest;
        if (flags & LOCUST__ZMTP_IS_COMMAND) {
            const char *error = locust__zmtp_obey(z, body);
            if (error)
                return locust__zmtp_break(z, error);
            continue;
        }
        z->rest = flags & LOCUST__ZMTP_MORE;
        *message = body;
        if (z->seals.secret && z->ours && !locust__seal_open(&z->seals.in, message))
            return locust__zmtp_refuse(z);
        if (first)
            return LOCUST__ZMTP_MESSAGE;
    }
    return z->error ? LOCUST__ZMTP_BROKEN : LOCUST__ZMTP_NOTHING;
}
