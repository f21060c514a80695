/* ============================================================================================
 * >>extra  reports of what only some tests have
 *
 * Purpose     lets a part add figures to checks and reports if, and only if, the test mentions it.
 *             A part has a constant of this type, and a pointer to it in the section below, which
 *             only a function that the test mentions refers to. The compiler leaves out both in
 *             all other tests, and the linker then has no such section.
 * Cost        a test that mentions none: a comparison of two addresses, a few times a run.
 * Names       locust__extra locust__extra_ locust__extras_
 * Uses        >>entry >>check >>table
 * Limits      where programs are no ELF files every test has all of them.
 * ============================================================================================ */

struct locust__check;
struct locust__table;

typedef struct locust__extra {
    /* Reads the metric that a check begins with. Returns its length; 0: it is none of these. */
    size_t (*metric)(struct locust__check *c, const char *text);
    const char *metrics; // that there are, for who has written another
    bool (*measure)(const locust_env *env, const struct locust__check *c, const locust__entry *row,
        double *value);
    void (*table)(const struct locust__table *t);             // at the end of the run
    void (*summary)(locust__buf *out, const locust_env *env); // a member of --summary
    bool (*csv)(locust_env *env); // a file of its own; false: it is not whole, and the log says so
} locust__extra;

#if defined(__ELF__)
#define LOCUST__EXTRA_ENTRY(name, extra) \
    static const locust__extra *const name __attribute__((section("locust_extras"))) = (extra)
/* The linker names the ends of a section whose name is one of C. */
extern const locust__extra *const locust__extras_begin[] __asm__("__start_locust_extras")
    __attribute__((weak));
extern const locust__extra *const locust__extras_end[] __asm__("__stop_locust_extras")
    __attribute__((weak));

/* The next one; NULL: there is no other. *at is 0 before the first call. */
static const locust__extra *locust__extra_next(size_t *at)
{
    const locust__extra *const *first = locust__extras_begin;
    if (!first || first + *at >= locust__extras_end)
        return NULL;
    return first[(*at)++];
}
#else
#define LOCUST__EXTRA_ENTRY(name, extra)                        \
    __attribute__((constructor)) static void name##_enter(void) \
    {                                                           \
        locust__extra_only = (extra);                           \
    }                                                           \
    static const locust__extra *const name = (extra)
static const locust__extra *locust__extra_only;

static const locust__extra *locust__extra_next(size_t *at)
{
    return (*at)++ ? NULL : locust__extra_only;
}
#endif
