/* Load on a name server: addresses of names as a mail server would ask for them, signatures, and names that do not
 * exist. The host says how: udp://, tcp://, tls:// (DoT), https://host/dns-query (DoH).
 *
 *   cc -O2 -I.. resolver.c -o resolver && ./resolver --headless -u 500 -r 500 -t 1m -H udp://127.0.0.1
 *
 * Shows: questions to name servers, what is a failure of theirs, records as text, a question that follows from an
 * answer. (For tls:// and https:// add -DLOCUST_TLS, see README.md.) */
#include "locust.h"
#include <stdio.h>

static const char *const zones[] = { "example.test", "mail.example.test" };

static void deliver(locust_user *u)
{
    /* Row "DNS MX zone". SERVFAIL, REFUSED, NXDOMAIN, an answer without a record: each is a failure that says so. */
    locust_dns_answer *a = locust_dns_query(u, LOCUST_CHOICE(u, zones), "MX", .name = "MX zone", .edns = 1232);
    char mx[300], host[256];
    if (a->error || !locust_dns_text(a, 0, mx, sizeof mx) || sscanf(mx, "%*d %255s", host) != 1)
        return;
    locust_dns_query(u, host, "A", .name = "A exchange"); /* the answer before it is gone from here on */
}

static void browse(locust_user *u)
{
    char name[64];
    snprintf(name, sizeof name, "h%d.example.test", (int)locust_random_int(u, 0, 999));
    locust_dns_query(u, name, "A", .name = "A h[n]", .timeout_s = 1, .retries = 2); /* one row, three tries */
}

static void mistype(locust_user *u)
{
    locust_dns_query(u, "nowhere.example.test", "AAAA", .name = "no such name", .expect_rcode = LOCUST_DNS_NXDOMAIN);
}

LOCUST_USER(Client,
    .host = "udp://127.0.0.1",
    .wait_time = LOCUST_CONSTANT_THROUGHPUT(10),
    .tasks = LOCUST_TASKS(
        LOCUST_TASK(browse, .weight = 20), LOCUST_TASK(deliver, .weight = 3), LOCUST_TASK(mistype)));

LOCUST_MAIN(.users = { &Client })
