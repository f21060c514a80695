/* ============================================================================================
 * >>remarks  what a run says of itself at its end
 *
 * Purpose     sentences that no figure of a row can say, about the run, the kit's own client or
 *             the server: each stands once at the end of every report. A report goes through the
 *             list and knows none of them.
 * Invariants  a key is stable, for programs; a sentence is for people, without text of a server.
 * Names       locust__remark_ locust__remarks_ LOCUST__REMARK
 * ============================================================================================ */

enum { LOCUST__REMARKS_MAX = 24 };

typedef enum locust__remark_about {
    LOCUST__REMARK_RUN,
    LOCUST__REMARK_CLIENT,
    LOCUST__REMARK_SERVER,
} locust__remark_about;

static const char *const locust__remark_abouts[] = {"run", "client", "server"};

typedef struct locust__remark {
    locust__remark_about about;
    const char *key; // a word for programs, such as "nothing_measured"
    bool fails;      // the run, with --exit-code-on-error
    char text[240];
} locust__remark;

typedef struct locust__remarks {
    locust__remark all[LOCUST__REMARKS_MAX];
    size_t n;
} locust__remarks;

static void locust__remarks_add(locust__remarks *r, locust__remark_about about, const char *key,
    bool fails, const char *format, ...) LOCUST__PRINTF(5, 6);

static void locust__remarks_add(locust__remarks *r, locust__remark_about about, const char *key,
    bool fails, const char *format, ...)
{
    locust__remark *remark = &r->all[r->n];
    va_list args;
    LOCUST_ASSERT(r->n < LOCUST__REMARKS_MAX);
    remark->about = about;
    remark->key = key;
    remark->fails = fails;
    va_start(args, format);
    vsnprintf(remark->text, sizeof remark->text, format, args);
    va_end(args);
    r->n++;
}

/* The first remark that fails the run; NULL: none does. */
static const locust__remark *locust__remarks_failed(const locust__remarks *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->all[i].fails)
            return &r->all[i];
    return NULL;
}

static void locust__remarks_measured(locust__remarks *r, const locust_env *env)
{
    if (!env->stats.total.requests)
        locust__remarks_add(r, LOCUST__REMARK_RUN, "nothing_measured", false,
            "not one request was counted: no figure, and no check, says anything");
}

static void locust__remarks_refused(locust__remarks *r, const locust_env *env)
{
    const locust__net *net = &env->services.net;
    if (net->refused)
        locust__remarks_add(r, LOCUST__REMARK_SERVER, "refused", false,
            "refused %llu of %llu connections", (unsigned long long)net->refused,
            (unsigned long long)net->dialled);
}

/* Looks back on a run that is over. */
static void locust__remarks_collect(locust__remarks *r, const locust_env *env)
{
    r->n = 0;
    locust__remarks_measured(r, env);
    locust__remarks_refused(r, env);
}
