/* ============================================================================================
 * >>services  what the users of one test share
 *
 * Purpose     one struct with the parts of which a test has one: network, names, TLS, routes, statistics.
 * Names       locust__services_
 * Uses        >>co >>record >>net >>resolve >>tls_state >>url >>extract >>proxy >>connect_to
 * ============================================================================================ */

typedef struct locust__services { // what the users of one test share
    locust__loop *loop;
    const locust__log *log;
    locust__arena arena; // of all that lives until the end of the test
    locust__net net;
    locust__resolver resolver;
    locust__tls tls;
    locust__proxy_env proxies;
    locust__connect_to_rules connect_to;
    locust__origin *origins;
    locust__pattern *patterns; // that locust_match was given
    locust__recorder recorder;
    locust__buf auth;         // scratch: credentials and what is made of them
    locust_feeder *feeders;   // that are open
    size_t worker, n_workers; // this process among those that share the test
} locust__services;
