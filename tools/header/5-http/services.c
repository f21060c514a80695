/* ============================================================================================
 * >>services  what the users of one test share
 *
 * Purpose     one struct with what a test has one of: names, TLS, proxies, origins, the recorder.
 * Names       locust__services_
 * Uses        >>co >>record >>net >>resolve >>tls_state >>url >>response_head >>extract
 *             >>proxy >>connect_to >>manners >>trace >>head_known >>h2_talk
 * ============================================================================================ */

typedef struct locust__services_counts { // what the clients of a test did, beside what rows count
    uint64_t sent;        // requests that went out: those of redirects and second tries too
    uint64_t again;       // of those: once more, on a new connection
    uint64_t opened;      // connections
    uint64_t reused;      // requests that went over a kept connection
    uint64_t strays;      // connections dropped for bytes that no request had asked for
    uint64_t head_bodies; // those for a body behind the answer to a HEAD
    uint64_t reframed;    // requests whose length by hand gave way to that of their body
    uint64_t continues;   // waits for a "100 Continue" that did not come
    int64_t waited_ns; // those, and for turns, permits, descriptors and ports: in no time of a row
} locust__services_counts;

typedef struct locust__services {
    locust__loop *loop;
    const locust__log *log;
    locust__arena arena; // of all that lives until the end of the test
    locust__net net;
    locust__resolver resolver;
    locust__tls tls;
    locust__proxy_env proxies;
    locust__connect_to_rules connect_to;
    locust__origin *origins;
    locust__manners *manners;               // of origins that showed some
    locust__response_heads *heads;          // of answers; made with the first request
    struct locust__head_known *heads_known; // of requests, made then too
    locust__pattern *patterns;              // compiled regular expressions of locust_match
    locust__recorder recorder;
    locust__services_counts counts;
    struct locust__tracer *tracer; // of --traceparent; NULL: requests have no trace context
    void *scram;          // locust__scram_keys of passwords; made with the first login by SCRAM
    void *pg_urls;        // the first locust__pg_url of PostgreSQL, taken apart
    void *mongo_targets;  // the first locust__mongo_target, a connection string taken apart
    void *milvus_schemas; // the first locust__milvus_schema: a collection's fields
    struct locust__h2_dial *dials; // connections of HTTP/2 that are being opened
    locust__buf auth;              // scratch, to build credentials and names in
} locust__services;
