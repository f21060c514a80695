/* ============================================================================================
 * >>sio_packet  packets of Socket.IO
 *
 * Purpose     read and write a packet; what its data may be.
 * Invariants  a packet that was read has data of its type: checked JSON, or none.
 * Names       locust__sio_packet locust__sio_packet_ locust__sio_type_
 * Uses        >>json
 * Sources     Socket.IO protocol 5 (github.com/socketio/socket.io-protocol); servers of the world:
 *             a refusal may be a string or an object, a namespace carry a query.
 *
 *   type [attachments "-"] [namespace ","] [id] [JSON]       51-/room,7["put",{"_placeholder":...}]
 * ============================================================================================ */

enum {
    LOCUST__SIO_TYPE_CONNECT,
    LOCUST__SIO_TYPE_DISCONNECT,
    LOCUST__SIO_TYPE_EVENT,
    LOCUST__SIO_TYPE_ACK,
    LOCUST__SIO_TYPE_REFUSAL,
    LOCUST__SIO_TYPE_BINARY_EVENT,
    LOCUST__SIO_TYPE_BINARY_ACK
};

enum { LOCUST__SIO_PACKET_ATTACHMENTS = 1000 }; // of one packet

typedef struct locust__sio_packet { // views into the text
    int type;                       // EVENT and ACK also for those with attachments
    int64_t id;                     // of an acknowledgement; -1: none
    size_t attachments;
    locust__view space; // the namespace; "/": the main one
    locust__view data;
} locust__sio_packet;

/* Takes a number off the text; -1: there is none, or it is too long. */
static int64_t locust__sio_packet_number(locust__view *rest)
{
    size_t n = 0;
    int64_t number;
    while (n < rest->len && locust__text_is_digit(rest->ptr[n]))
        n++;
    number = n && n < 19 ? locust__number_of((locust__view){rest->ptr, n}) : -1;
    if (number >= 0)
        *rest = locust__view_skip(*rest, n);
    return number;
}

/* Is the data what a packet of the type has? */
static bool locust__sio_packet_fits(const locust__sio_packet *p)
{
    locust__view v = p->data, first;
    const char *at = NULL;
    char kind = v.len ? *v.ptr : '\0';
    if (v.len && !locust__json_is_valid(v))
        return false;
    switch (p->type) {
    case LOCUST__SIO_TYPE_CONNECT:
        return !v.len || kind == '{';
    case LOCUST__SIO_TYPE_DISCONNECT:
        return !v.len;
    case LOCUST__SIO_TYPE_EVENT:
        return kind == '[' && locust__json_element(v, &at, &first) && *first.ptr == '"';
    case LOCUST__SIO_TYPE_ACK:
        return kind == '[' && p->id >= 0;
    default:
        return kind == '{' || kind == '"';
    }
}

/* Reads a packet. NULL, or what is wrong with it. */
static const char *locust__sio_packet_read(locust__view text, locust__sio_packet *p)
{
    int64_t n = -1;
    *p = (locust__sio_packet){.id = -1, .space = {"/", 1}};
    if (!text.len || *text.ptr < '0' || *text.ptr > '6')
        return "Socket.IO packet of an unknown type";
    p->type = *text.ptr - '0';
    text = locust__view_skip(text, 1);
    if (p->type >= LOCUST__SIO_TYPE_BINARY_EVENT) {
        n = locust__sio_packet_number(&text);
        if (n < 1 || n > LOCUST__SIO_PACKET_ATTACHMENTS || !text.len || *text.ptr != '-')
            return "Socket.IO packet with a wrong number of attachments";
        p->attachments = (size_t)n;
        p->type -= LOCUST__SIO_TYPE_BINARY_EVENT - LOCUST__SIO_TYPE_EVENT;
        text = locust__view_skip(text, 1);
    }
    if (text.len && *text.ptr == '/') {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.ptr) : text.len;
        const char *query = memchr(text.ptr, '?', len);
        p->space = (locust__view){text.ptr, query ? (size_t)(query - text.ptr) : len};
        text = locust__view_skip(text, comma ? len + 1 : len);
    }
    if (text.len && locust__text_is_digit(*text.ptr)) {
        p->id = locust__sio_packet_number(&text);
        if (p->id < 0)
            return "Socket.IO packet with a number that is too long";
    }
    p->data = text;
    return locust__sio_packet_fits(p) ? NULL
                                      : "Socket.IO packet with data that do not fit its type";
}

/* Writes the beginning of a packet, with the Engine.IO type of a message in front; id -1: none. */
static void locust__sio_packet_write(
    locust__buf *out, int type, size_t attachments, const char *space, int64_t id)
{
    if (attachments)
        locust__buf_printf(out, "4%d%zu-", type + 3, attachments);
    else
        locust__buf_printf(out, "4%d", type);
    if (strcmp(space, "/") != 0)
        locust__buf_printf(out, "%s,", space);
    if (id >= 0)
        locust__buf_printf(out, "%lld", (long long)id);
}
