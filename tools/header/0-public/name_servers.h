/* ============================================================================================
 * >>name_servers  questions to name servers
 *
 * Purpose     loads a DNS server: over UDP, TCP, TLS (DoT) or HTTPS (DoH), as the user's host says:
 *             udp://host:53, tcp://host:53, tls://host:853, https://host/dns-query (or http://).
 * ============================================================================================ */

enum { // the rcode of an answer, RFC 1035, 2136, 6891, 7873
    LOCUST_DNS_NOERROR = 0,
    LOCUST_DNS_FORMERR = 1,
    LOCUST_DNS_SERVFAIL = 2,
    LOCUST_DNS_NXDOMAIN = 3,
    LOCUST_DNS_NOTIMP = 4,
    LOCUST_DNS_REFUSED = 5,
    LOCUST_DNS_YXDOMAIN = 6,
    LOCUST_DNS_YXRRSET = 7,
    LOCUST_DNS_NXRRSET = 8,
    LOCUST_DNS_NOTAUTH = 9,
    LOCUST_DNS_NOTZONE = 10,
    LOCUST_DNS_BADVERS = 16,
    LOCUST_DNS_BADCOOKIE = 23,
    LOCUST_DNS_ANY_RCODE = -1 // for .expect_rcode alone
};

enum { // where a record stands
    LOCUST_DNS_ANSWER,
    LOCUST_DNS_AUTHORITY,
    LOCUST_DNS_ADDITIONAL
};

typedef struct locust_dns_question {
    const char *question;   // the name that is asked for, escaped as in zone files: "a\\.b.test."
    const char *type;       // "A", "HTTPS", "TYPE65280", ...
    const char *name;       // row in the statistics; NULL: the type and the question
    int qclass;             // 0: 1, IN; 3: CH
    int edns;               // size of an answer over UDP that EDNS allows; 0: no EDNS
    bool dnssec;            // ask for signatures (DO); EDNS with 1232 bytes, unless .edns says more
    bool nsid, cookie;      // ask who answers (RFC 5001); send a cookie (RFC 7873). EDNS too
    const char *subnet;     // the client's network for the server, RFC 7871: "192.0.2.0/24"
    bool no_recursion;      // RD is not set
    bool checking_disabled; // CD is set
    bool no_tcp;            // take a truncated answer as it is; false: ask again over TCP
    double timeout_s;       // for each try; 0: 5, negative: none
    int retries;            // over UDP: asks again so often when no answer comes; in one row
    int expect_rcode;       // another one is a failure; 0: NOERROR, and there must be a record
    bool allow_empty;       // NOERROR without a record passes too
    const char *expect_text; // an answer without a record of this text is a failure
    void *context;           // yours: listeners find it in the sample
} locust_dns_question;

/* What came back. Lives until this user's next question or the end of the user; free nothing. */
typedef struct locust_dns_answer {
    const char *error; // NULL, or one short, stable sentence: no answer, or not as expected
    int rcode;         // with the bits of EDNS; -1: there is no answer
    bool authoritative, truncated, recursion_available, authentic; // AA, TC, RA, AD
    bool over_tcp;                         // it was truncated, and asked for again
    int answers, authorities, additionals; // records; not the OPT of EDNS
    int tries;                             // questions sent for it
    uint64_t ignored;                      // messages dropped while it was waited for: see below
    double elapsed_ms;
    const unsigned char *message; // the whole message; NULL: there is no answer
    size_t size;
    locust_user *user;
} locust_dns_answer;

typedef struct locust_dns_record {
    int section; // LOCUST_DNS_ANSWER, ...
    int type, rclass;
    uint32_t ttl;
    const unsigned char *data; // as it came: names in it may be compressed
    size_t len;
} locust_dns_record;

/* Asks one question, and waits for its answer.
 *
 * Call from    a user.
 * Row          "DNS", named `type question`, or .name. Another rcode than the expected one, and
 *              NOERROR without a record, are failures, each with its sentence.
 * Returns      an answer that lives until this user's next question; never NULL.
 * Time         from right before the question is sent to the arrival of the answer at this machine.
 *              A new connection is in it, as are tries before, and TCP behind a truncated answer.
 * Connections  over UDP some 64 users share a socket, as the ids of messages tell their answers
 *              apart; over TCP and TLS each user keeps its own, or shares it (locust_dns_connect).
 *              One that the server closed while it was idle is opened again.
 * Ignored      a message from another address never arrives; one with another id or question, or
 *              that is no answer, is dropped, and the wait goes on until the time is over.
 */
LOCUST_API locust_dns_answer *locust_dns_ask(locust_user *u, const locust_dns_question *q);
#define locust_dns_ask(...) (LOCUST_AT_("locust_dns_query"), locust_dns_ask(__VA_ARGS__))
/* Question and type, then fields: locust_dns_query(u, "example.org", "AAAA", .edns = 1232) */
#define locust_dns_query(u, question_, ...) \
    locust_dns_ask((u), &(locust_dns_question){.question = (question_), .type = __VA_ARGS__})

typedef struct locust_dns_options {
    const char *url;  // udp://, tcp://, tls://, https:// or http://; NULL: the user's host
    const char *name; // row in the statistics; NULL: the URL's scheme
    int sharing;      // so many users keep one TCP or TLS connection, and their questions are
                      // pipelined on it (RFC 7766); 0: 1
    bool get;         // over HTTPS: GET in place of POST
    double timeout_s; // 0: 5, negative: none
} locust_dns_options;

/* Which server this user asks from now on; opens the connection. Left out, the first question does
 * it, to the user's host. Row "DNS", named "connect udp" and so on; over UDP and HTTPS nothing is
 * sent. Returns false if it failed. */
LOCUST_API bool locust_dns_connect_with(locust_user *u, const locust_dns_options *options);
#define locust_dns_connect_with(...) \
    (LOCUST_AT_("locust_dns_connect"), locust_dns_connect_with(__VA_ARGS__))
/* URL, then fields: locust_dns_connect(u, "tcp://127.0.0.1", .sharing = 10) */
#define locust_dns_connect(u, ...) \
    locust_dns_connect_with((u), &(locust_dns_options){.url = __VA_ARGS__})

/* The i-th record, from 0, of the answer section that is of the type that was asked for (ANY: of
 * any), as zone files and dig write its data; of a type that the kit does not know as RFC 3597
 * does. Returns the length of the text, of which at most size - 1 bytes are copied; 0: there is no
 * such record. */
LOCUST_API size_t locust_dns_text(const locust_dns_answer *a, int i, char *out, size_t size);
/* The i-th record of the whole message, from 0, without the OPT of EDNS. Returns false if there are
 * no more. */
LOCUST_API bool locust_dns_record_at(const locust_dns_answer *a, int i, locust_dns_record *out);
/* The same as a line of a zone file: name, time to live, class, type, data. */
LOCUST_API size_t locust_dns_record_text(const locust_dns_answer *a, int i, char *out, size_t size);
/* The bytes of an EDNS option of the answer (3: NSID, 8: subnet, 10: cookie, 15: why it failed);
 * NULL: it has none. */
LOCUST_API const unsigned char *locust_dns_option(
    const locust_dns_answer *a, int code, size_t *len);
/* The name of an rcode, "NXDOMAIN"; of one that has none "RCODE12". */
LOCUST_API const char *locust_dns_rcode_name(int rcode);
