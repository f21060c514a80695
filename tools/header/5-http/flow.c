/* ============================================================================================
 * >>flow  what an exchange asks of a streamed answer
 *
 * Purpose     the functions of a kind of stream, which a request names by .stream. They stand where
 *             only a test that mentions them has them.
 * Names       locust__flow
 * Uses        >>response_head >>client >>head_out
 * ============================================================================================ */

struct locust__exchange;

typedef struct locust__flow { // begins the state of a streamed answer, until it is counted
    const struct locust_stream_kind *kind;
    const char *why; // of LOCUST_ERR_HTTP_STREAM: a stable sentence
} locust__flow;

struct locust_stream_kind { // each has one of these, static
    /* Makes x->flow, before the request is sent. */
    locust_error (*begin)(
        locust__client *c, struct locust__exchange *x, const struct locust_stream_kind *kind);
    /* The body of an answer follows. */
    void (*open)(locust__flow *flow, const locust__response_head *h);
    /* The request has ended, by that error. Returns the one of the stream. */
    locust_error (*end)(locust__flow *flow, const locust__response_head *h, locust_error error);
    /* Counts the stream, behind its request, and frees it. */
    void (*count)(locust__flow *flow, locust_error error);
    const void *reader; // of events: see >>flow_take
};
