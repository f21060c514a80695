/* ============================================================================================
 * >>socketio  Socket.IO
 *
 * Purpose     one connection for each user, or coroutine of a user, to one namespace of a Socket.IO
 *             server: protocol 5 over Engine.IO 4.
 *
 * Call from a user. Rows have the types of Locust's SocketIOUser: "WS connect", "WSE <event>" for
 * one that is sent, "WSC <event>" for one up to its acknowledgement, "WSR <event>" for one that is
 * received; a row of a received event has no time.
 *
 * The first call connects to the user's host, if locust_sio_connect did not before. A connection
 * that has ended is not opened again, but by locust_sio_connect: until then every call says why it
 * ended. While a user does something else heartbeats are answered and events kept for it, up to
 * .max_message bytes of them.
 * ============================================================================================ */

typedef struct locust_bytes { // n bytes, borrowed
    const void *ptr;
    size_t n;
} locust_bytes;

typedef struct locust_sio_options {
    const char *url;            // http://, https://, ws:// or wss://; NULL: the user's host
    const char *name;           // row; NULL: "connect"
    const char *sio_namespace;  // "/room"; NULL: "/"
    const char *auth;           // JSON object, for the server's handler of connections; NULL: none
    const char *path;           // of the server; NULL: "/socket.io/"
    const locust_pair *headers; // beside the class's and the user's
    bool polling;               // begin by HTTP long-polling, and upgrade to WebSocket
    double timeout_s;           // of connecting, and of each send; 0: 60, negative: none
    size_t max_message;         // bytes; 0: LOCUST_MAX_BODY
} locust_sio_options;

/* Connects, to the namespace too. What was open is closed. Returns false if it failed: that is
 * counted, and locust_sio_error says why. */
LOCUST_API bool locust_sio_connect(locust_user *u, const locust_sio_options *options);
/* URL first, then fields of locust_sio_options: locust_sio_connect(u, u->host, .polling = true) */
#define locust_sio_connect(u, ...)     \
    (LOCUST_AT_("locust_sio_connect"), \
        locust_sio_connect((u), &(locust_sio_options){.url = __VA_ARGS__}))

typedef struct locust_sio_data { // what goes with an event
    const char *args;            // JSON values, separated by commas: "1, {\"a\": 2}"; NULL: none
    const char *name;            // row; NULL: the event
    double timeout_s;            // of locust_sio_call; 0: 60, negative: none
    const locust_bytes
        *attachments; // bytes: args has {"_placeholder": true, "num": 0} for the first
    size_t n_attachments;
} locust_sio_data;

/* Sends an event. Returns false on an error. */
LOCUST_API bool locust_sio_emit(locust_user *u, const char *event, const locust_sio_data *data);
/* Arguments first, then fields of locust_sio_data: locust_sio_emit(u, "join", "1, 2") */
#define locust_sio_emit(u, event, ...) \
    (LOCUST_AT_("locust_sio_emit"),    \
        locust_sio_emit((u), (event), &(locust_sio_data){.args = __VA_ARGS__}))

/* Sends an event and waits for its acknowledgement. Returns the JSON array of what that has, "[3]",
 * which lives until this user's next call, receive or connect; NULL: none came. */
LOCUST_API const char *locust_sio_call(
    locust_user *u, const char *event, const locust_sio_data *data);
#define locust_sio_call(u, event, ...) \
    (LOCUST_AT_("locust_sio_call"),    \
        locust_sio_call((u), (event), &(locust_sio_data){.args = __VA_ARGS__}))

typedef struct locust_sio_event { // lives until this user's next receive, call or connect
    const char *name;             // "message" for what send() of other clients sends
    const char *args;             // JSON array of its arguments: "[1,2]"
    const locust_bytes *attachments;
    size_t n_attachments;
    int64_t
        ack; // the server wants an acknowledgement of this number: locust_sio_ack; -1: it does not
} locust_sio_event;

/* Takes the next event; waits that many seconds for it: 0: takes what is there, negative: no limit.
 * Returns false if none came, or the connection has ended: see locust_sio_error. */
LOCUST_API bool locust_sio_receive(locust_user *u, locust_sio_event *out, double seconds);
#define locust_sio_receive(...) (LOCUST_AT_("locust_sio_receive"), locust_sio_receive(__VA_ARGS__))
/* Acknowledges an event: `args` as in locust_sio_data. */
LOCUST_API bool locust_sio_ack(locust_user *u, int64_t ack, const char *args);
#define locust_sio_ack(...) (LOCUST_AT_("locust_sio_ack"), locust_sio_ack(__VA_ARGS__))

/* Leaves the namespace and closes the connection; waits up to a second for the server's Close. */
LOCUST_API bool locust_sio_close(locust_user *u);
#define locust_sio_close(u) (LOCUST_AT_("locust_sio_close"), locust_sio_close(u))
/* Why the last call failed: a stable sentence; NULL if it did not. */
LOCUST_API const char *locust_sio_error(locust_user *u);
/* The server's name for this connection to the namespace; "": none. Lives until the next connect.
 * */
LOCUST_API const char *locust_sio_id(locust_user *u);
