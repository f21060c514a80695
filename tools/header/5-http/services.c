/* ============================================================================================
 * >>services  what the users of one test share
 *
 * Purpose     one struct with what a test has one of: names, TLS, proxies, origins, the recorder.
 * Names       locust__services_
 * Uses        >>co >>record >>net >>resolve >>tls_state >>url >>extract >>proxy >>connect_to
 *             >>manners
 * ============================================================================================ */

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
    locust__manners *manners;  // of origins that showed some
    locust__pattern *patterns; // compiled regular expressions of locust_match
    locust__recorder recorder;
    locust__buf auth; // scratch, to build credentials in
} locust__services;
