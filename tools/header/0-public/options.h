/* ============================================================================================
 * >>options  how to run a test
 *
 * Purpose     the command line as a struct.
 * ============================================================================================ */

/* How to run it: the command line as a struct. Borrowed until locust_env_free. */
typedef struct locust_options {
    const char *host;         // base URL for all classes; NULL: each class's own
    int users;                // 0: 1, negative: none
    double spawn_rate;        // users a second, evenly; 0: 1
    double run_time_s;        // from the start of spawning; 0: until stopped
    double stop_timeout_s;    // how long running tasks may take to finish at the end; 0: cut them
    bool reset_stats;         // forget what was measured while users were spawned
    bool quiet;               // no output but errors
    bool only_summary;        // no table every two seconds
    bool print_stats;         // a table every two seconds, whatever only_summary says
    bool tui;                 // on a terminal: live figures in place of those tables
    bool compact;             // short lines on standard output in place of tables
    const char *csv;          // prefix of CSV files; NULL: none
    bool csv_full_history;    // a history line for each row, not for the total alone
    const char *loglevel;     // DEBUG, INFO, WARNING, ERROR, CRITICAL; NULL: INFO
    const char *logfile;      // NULL: standard error
    int exit_code_on_error;   // result of a run with failures; 0: 1, negative: 0
    const char *tags;         // run tasks with one of these tags alone, "pay,critical"; NULL: all
    const char *exclude_tags; // leave out tasks with one of these
    int worker_index;         // this process is number worker_index, from 0, of worker_count that
    int worker_count;         // share a test; 0: the only one. Feeders give each its own rows
    bool worker;              // run the users that a master asks for; the figures are the master's
    const char *master_host;  // of a worker; NULL: 127.0.0.1
    int master_port;          // 0: 5557
    bool master;              // the users are on workers, which connect to this process
    const char *master_bind_host;     // address to listen on; NULL or "*": all of IPv4
    int master_bind_port;             // 0: 5557
    int expect_workers;               // the test begins when so many are there; 0: 1
    double expect_workers_max_wait_s; // it fails if they are not by then; 0: no limit
    bool fail_on_lost_workers;        // exit code 5 if what a worker counted is not in the figures
    bool share_by_capacity; // workers that need less CPU for their users get more; false: all alike
    const char *secret; // that master and workers have to know, and by which each message is proven
                        // to be of the other; NULL: none
    int seed;           // repeats random choices: of tasks, waits and locust_random; 0: none
    int iterations;     // task runs in all, then the test ends; 0: no limit
    const char *stages; // "1m:100,5m:1000,1m:0": ramp to 100 users in 1 min, ...; with "/s"
                        // behind each number to 100 arrivals a second; NULL: none
    double rate;        // open model: arrivals a second, shared by weight among the classes
                        // that have none of their own; 0: none
    bool poisson;       // as in locust_arrivals, for --rate and --stages
    int max_in_flight;  // as in locust_arrivals, for each class
    double patience_s;  // as in locust_arrivals
    const char *config_users; // JSON: an object or array with user_class_name and host, weight,
                              // fixed_count or tasks; or the path of such a file; or several,
                              // a line for each; NULL: none
    const locust_pair *own;   // values of the options that the test declares; NULL: their fallbacks
    bool phases;              // a table of the phases of each row's requests
    const char *ca_file;      // certificates to trust, PEM, for all classes; NULL: each class's own
    bool insecure;            // do not verify certificates
    const char *cert_file;    // client certificate and key for all classes; NULL: each class's own
    const char *key_file;     // NULL: in cert_file
    const char *tls_min;      // "1.2" or "1.3"; NULL: "1.2"
    const char *tls_max;      // as tls_min; NULL: the newest the library has
    const char *ciphers;     // IANA names, separated by ':'; NULL: the library's, AES first if fast
    bool no_tls_resume;      // every handshake is a full one
    int max_handshakes;      // TLS handshakes in progress at once; 0: 128
    const char *proxy;       // for all classes; "": none. NULL: each class's own
    bool ask_keep_alive;     // send "Connection: keep-alive", for all classes
    bool http2;              // HTTP/2 for all classes: LOCUST_HTTP_2
    bool proxy_from_env;     // http_proxy, https_proxy, all_proxy, no_proxy
    const char *unix_socket; // for all classes; NULL: each class's own
    const char *source; // local addresses, in turn: "127.0.0.2,127.0.1.0/28,::1,10.0.0.5-10.0.0.9"
    const char *connect_to; // "HOST:PORT:HOST:PORT" as in curl: connect there instead; several with
                            // blanks between
    const char *resolve;    // "HOST:PORT:ADDRESS[,ADDRESS]" as in curl; several with blanks between
    const char *checks;     // "p99<250ms; fail_ratio<1% /cart", or one a line: what shall hold;
                            // NULL: nothing
    double abort_on_fail_s; // after that time a check that does not hold ends the test; 0: never
    bool fail_on_generator_limit; // exit code 4 if the generator limited the load
    double warm_up_s;             // requests that began before are not counted
    const char *find_max;         // checks: find the highest rate of arrivals at which they hold
    double find_step_s;           // how long each rate is tried; 0: 5
    const char *junit;            // file for the checks as JUnit XML; NULL: none
    const char *summary;          // file for all figures as JSON
    const char *baseline;         // such a file of an earlier run, to compare with
    double baseline_margin;       // percent that do not count as a difference; 0: 5
    const char *hgrm;             // file for percentiles in the format of HdrHistogram; beside it
                                  // FILE.hlog, HdrHistogram's log with the histogram of each row
    bool json;                    // Locust's rows as JSON on standard output, at the end
    const char *json_file;        // the same in NAME.json, in place of the final tables
    const char *html;             // file for a report to look at; {u} {r} {t} in it become users,
                                  // spawn rate and run time in seconds; NULL: none
    const char *request_log;      // file for a line for each request, CSV
    double request_log_sample;    // the share of requests that it gets; 0: 1
    bool no_arrival_times;        // a response ends when it is read, not when the kernel had it
    const char *web_host;         // of a command: address to serve its page at; "*": all of this
                                  // machine's; NULL: 127.0.0.1
    int web_port;                 // 0: 8089, negative: a free one
    const char *web_host_display_name; // a name by which the page is asked for, too, and which
                                       // the log shows; NULL: none
    const char *web_base_path;         // "/locust": what all its paths begin with; NULL: nothing
    const char *web_login;             // "user:password" that it asks for; NULL: none
    const char *tls_cert;              // its certificate, PEM: https; NULL: http
    const char *tls_key;               // the private key of that
    bool autostart;                    // start at once, as without a page
    int autoquit_s;      // end so many seconds after that run; 0: no, negative: at once
    bool class_picker;   // its form asks which user classes shall run
    const char *otlp;    // base URL that metrics are sent to by OTLP/HTTP, JSON; NULL: none
    bool otel;           // the same to OTEL_EXPORTER_OTLP_ENDPOINT, or http://127.0.0.1:4318
    bool traceparent;    // requests carry the W3C trace context, and baggage; with otlp those that
                         // are sampled are sent as spans
    double trace_sample; // the share that is sampled; 0: 0.01
    const char *influx;  // URL that lines are POSTed to: http://host:8086/write?db=locust
    const char *statsd;  // HOST:PORT that lines are sent to by UDP
    const char *metrics_file; // rewritten with Prometheus' text; NULL: none
    double export_every_s;    // how often each of these gets figures; 0: 5
    int target_pid; // the server's, on this machine: its CPU, and that of what it started, is
                    // reported beside the generator's; 0: none. Linux
    const char *target_cgroup; // the same for a cgroup (v2), such as "system.slice/nginx.service"
    void *context;             // yours: locust_env_context
} locust_options;
