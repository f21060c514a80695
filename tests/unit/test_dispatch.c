// Which class the next user has, against Locust's dispatcher.
#define LOCUST__LAYERS 9
#include "../../tools/header/all.h"
#include "run.h"

static const struct {
    const char *classes; // name and weight, or name f count
    const char *want;    // worker-protocol reference, section 9.3, Locust 2.46
} vectors[] = {
    {"A3 B1", "ABAAABAAABAAABAAABAAABAA"}, {"A1 B1", "ABABABABABAB"},
    {"A5 B1", "AABAAAAABAAAAABAAAAABAAA"}, {"A1 B2 C3", "CBACBCCBACBCCBACBCCBACBC"},
    {"A2 B2 C1", "ABCABABCABABCABABCAB"}, {"A0.5 B1.5", "BABBBABBBABBBABB"},
    {"A10 B1 C1", "AAAABCAAAAAAAAAAABCAAAAA"}, {"A3 B1 Ff2", "FFABAAABAAAB"},
    {"A1 Ff3 Gf1", "FGFFAAAAAA"}, {"A1 B1 Ff3 Gf2", "FGFGFABABABA"},
    {"Gf1 Ff3 A1", "FGFFAAAAAA"}, // the order of the test's own list does not count
    {"C3 A1 B2", "CBACBCCBACBCCBACBCCBACBC"}, {"A1 B-1", "AAAAAA"},
    {"A-1 Ff2", "FF"}, // then nobody
};

static const locust_task one_task[] = {{.name = "idle", .fn = idle}, {.name = NULL}};

static void dispatches_as_locust_does(void)
{
    for (size_t v = 0; v < sizeof vectors / sizeof *vectors; v++) {
        static locust_user_class as[8];
        static char names[8][2];
        locust_test test = {.users = {NULL}};
        char got[64];
        locust_env *env;
        int n = 0;
        CHECK_ROW(vectors[v].classes);
        for (const char *at = vectors[v].classes; *at; n++) {
            char *end;
            names[n][0] = *at++;
            as[n] = (locust_user_class){.name = names[n], .tasks = one_task};
            if (*at == 'f')
                as[n].fixed_count = (int)strtol(at + 1, &end, 10);
            else
                as[n].weight = strtod(at, &end);
            test.users[n] = &as[n];
            at = *end ? end + 1 : end;
        }
        env = make(&test, (locust_options){.users = 1});
        if (!env)
            continue;
        for (int round = 0; round < 2; round++) {
            size_t len = strlen(vectors[v].want);
            locust__dispatch_begin(&env->dispatch);
            memset(got, 0, sizeof got);
            for (size_t i = 0; i < len; i++) {
                const locust__class *cls = locust__dispatch_next(&env->dispatch);
                got[i] = cls ? cls->as->name[0] : '-';
            }
            CHECK_STR(got, vectors[v].want);
        }
        if (strcmp(vectors[v].classes, "A-1 Ff2") == 0)
            CHECK(locust__dispatch_next(&env->dispatch) == NULL);
        locust_env_free(env);
    }
}

static int kinds[3];

static void count_kind(locust_user *u)
{
    const char *name = u->user_class->name;
    kinds[strcmp(name, "Fixed") == 0 ? 2 : strcmp(name, "Light") == 0]++;
    if (++n_starts == target)
        locust_stop_test(u);
}

LOCUST_USER(Heavy, .weight = 3, .on_start = count_kind, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_USER(Light, .weight = 1, .on_start = count_kind, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));
LOCUST_USER(
    Fixed, .fixed_count = 5, .on_start = count_kind, .tasks = LOCUST_TASKS(LOCUST_TASK(idle)));

static void classes_share_the_users(void)
{
    static const struct {
        int users, heavy, light, fixed;
    } rows[] = {{45, 30, 10, 5}, {5, 0, 0, 5}, {3, 0, 0, 3}, {6, 1, 0, 5}, {405, 300, 100, 5}};
    const locust_test test = {.users = {&Heavy, &Light, &Fixed}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        forget();
        memset(kinds, 0, sizeof kinds);
        target = rows[i].users;
        CHECK_INT(run(&test, (locust_options){.users = target, .spawn_rate = 1000}), 0);
        CHECK_INT(kinds[0], rows[i].heavy);
        CHECK_INT(kinds[1], rows[i].light);
        CHECK_INT(kinds[2], rows[i].fixed);
    }
}

TESTS({"dispatches as Locust does", dispatches_as_locust_does},
    {"classes share the users", classes_share_the_users}, )
