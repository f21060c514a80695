/* ============================================================================================
 * >>mqtt  MQTT
 *
 * Purpose     publishing and subscribing at a broker: MQTT 3.1.1 and 5, over tcp, tls, ws and wss.
 *
 * A user, and each coroutine that it starts, has one client. It lives until the user ends, which
 * sends a DISCONNECT. It answers the broker and its pings keep the connection alive while the user
 * waits or does something else; what arrives meanwhile is kept for locust_mqtt_receive.
 *
 * Rows        MQTT connect, publish:QOS:TOPIC, subscribe:QOS:FILTER, unsubscribe:FILTER, disconnect
 *             and receive:FILTER. Connections that end unasked are failures of "MQTT disconnect";
 *             the next call connects again, and subscribes again if the broker has lost the
 *             session.
 * ============================================================================================ */

typedef struct locust_mqtt_property { // a user property of MQTT 5; a list ends with {NULL}
    const char *name, *value;
} locust_mqtt_property;

typedef struct locust_mqtt_options {
    const char *url;       // mqtt://host:port, mqtts://, mqtt+ws://host:port/path, mqtt+wss://;
                           // NULL: the user's host
    const char *client_id; // NULL: "locust-" and 16 random letters and digits
    const char *username, *password; // NULL: those in the URL, if any
    int version;                     // 4: MQTT 3.1.1; 5; 0: 4
    double keep_alive_s;             // 0: 60; negative: none. The broker's own value goes first
    bool keep_session;               // no clean start: subscriptions and what is under way go on
    double session_expiry_s;         // how long the broker keeps the session. 0: with keep_session
                                     // for ever, else until the connection ends. MQTT 5
    const char *will_topic;          // NULL: no will
    const char *will_payload;
    size_t will_len; // 0: strlen
    int will_qos;
    bool will_retain;
    double will_delay_s; // MQTT 5
    // What this client takes (MQTT 5 says so to the broker); 0: the default.
    int receive_max;     // messages of QoS 1 and 2 that it has not acknowledged; 65535
    int topic_alias_max; // aliases of the broker; none
    size_t max_packet;   // bytes of a packet; LOCUST_MAX_BODY, which is not said
    int queue;           // messages kept for locust_mqtt_receive, later ones are failures; 1000
    // What it uses of what the broker takes.
    int topic_aliases; // topics of its own that it gives an alias, as the broker allows; none
    const locust_mqtt_property *properties; // NULL: none
    const char *name;                       // of the row; NULL: "connect"
    double timeout_s;                       // of the connect and each later call; 0: 60
} locust_mqtt_options;

/* Connects, and disconnects first if the client is connected already. Later connects of the client
 * are made by the same options. Texts are copied. Returns whether the broker took it.
 * locust_mqtt_connect(u, u->host, .username = "board", .password = "secret") */
LOCUST_API bool locust_mqtt_connect(locust_user *u, const locust_mqtt_options *options);
#define locust_mqtt_connect(u, ...)     \
    (LOCUST_AT_("locust_mqtt_connect"), \
        locust_mqtt_connect((u), &(locust_mqtt_options){.url = __VA_ARGS__}))

typedef struct locust_mqtt_publication {
    const char *topic;   // required
    const char *payload; // NULL: empty
    size_t len;          // 0: strlen(payload)
    int qos;             // 0: done when it is written; 1: with the PUBACK; 2: with the PUBCOMP
    bool retain;
    bool stamp;       // adds the time to the payload, for a receiver that uses this kit: 24 bytes
    int window;       // returns while fewer than so many of QoS 1 and 2 are under way, whose rows
                      // follow: see locust_mqtt_flush. 0: 1, waits for its own
    const char *name; // in place of the topic in the row
    double timeout_s; // 0: the client's
    // MQTT 5; otherwise left out.
    const char *content_type, *response_topic;
    const char *correlation; // binary
    size_t correlation_len;  // 0: strlen
    double expiry_s;         // 0: never
    bool text;               // says that the payload is UTF-8
    const locust_mqtt_property *properties;
} locust_mqtt_publication;

/* Publishes. Returns whether the broker has it; with .window, whether it is under way. */
LOCUST_API bool locust_mqtt_publish(locust_user *u, const locust_mqtt_publication *publication);
#define locust_mqtt_publish(u, topic_, ...) \
    (LOCUST_AT_("locust_mqtt_publish"),     \
        locust_mqtt_publish(                \
            (u), &(locust_mqtt_publication){.topic = (topic_), .payload = __VA_ARGS__}))
/* Waits until nothing that this client has published is under way. False: something failed. */
LOCUST_API bool locust_mqtt_flush(locust_user *u);
#define locust_mqtt_flush(...) (LOCUST_AT_("locust_mqtt_flush"), locust_mqtt_flush(__VA_ARGS__))

typedef struct locust_mqtt_subscription {
    const char *filter;      // required; "$share/GROUP/FILTER" is shared
    const char *const *more; // further filters, in the same packet; ends with NULL
    int qos;                 // at most
    const char *name;        // in place of the (first) filter in the rows
    double timeout_s;        // 0: the client's
    // MQTT 5; otherwise left out.
    bool no_local; // not what this client publishes itself
    bool retain_as_published;
    int retain_handling; // 0: retained messages come; 1: with a new subscription; 2: never
    uint32_t id;         // comes with the messages; 0: none
    const locust_mqtt_property *properties;
} locust_mqtt_subscription;

/* Subscribes to each filter, with a row for each. Returns whether the broker took all of them. */
LOCUST_API bool locust_mqtt_subscribe(locust_user *u, const locust_mqtt_subscription *subscription);
#define locust_mqtt_subscribe(u, ...)     \
    (LOCUST_AT_("locust_mqtt_subscribe"), \
        locust_mqtt_subscribe((u), &(locust_mqtt_subscription){.filter = __VA_ARGS__}))
LOCUST_API bool locust_mqtt_unsubscribe(locust_user *u, const char *filter);
#define locust_mqtt_unsubscribe(...) \
    (LOCUST_AT_("locust_mqtt_unsubscribe"), locust_mqtt_unsubscribe(__VA_ARGS__))

typedef struct locust_mqtt_message {
    const char *topic;
    const char *payload; // without the stamp; a '\0' follows
    size_t len;
    int qos;
    bool retain, dup;
    double sent_ms;     // when its publisher stamped it, since 1970 by that machine's clock; 0: not
    double elapsed_ms;  // from then until it arrived here
    const char *filter; // the subscription that it came by; "": none of this client's
    // MQTT 5
    const char *content_type, *response_topic; // NULL: none
    const char *correlation;                   // NULL: none
    size_t correlation_len;
    uint32_t id;                            // of the subscription; 0: none
    const locust_mqtt_property *properties; // ends with {NULL}
} locust_mqtt_message;

/* Takes the next message, which may have arrived before; waits up to that many seconds for one (0:
 * not at all, negative: for ever). It lives until this user's next call on the client. Makes a row
 * if the message was stamped. False: none came; *m is empty then. */
LOCUST_API bool locust_mqtt_receive(locust_user *u, locust_mqtt_message *m, double seconds);
#define locust_mqtt_receive(...) \
    (LOCUST_AT_("locust_mqtt_receive"), locust_mqtt_receive(__VA_ARGS__))

/* Disconnects, so that the broker does not publish the will; with_will: so that it does. */
LOCUST_API bool locust_mqtt_disconnect(locust_user *u, bool with_will);
#define locust_mqtt_disconnect(...) \
    (LOCUST_AT_("locust_mqtt_disconnect"), locust_mqtt_disconnect(__VA_ARGS__))
/* Why the last call failed: a stable sentence; NULL if it did not. */
LOCUST_API const char *locust_mqtt_error(locust_user *u);
