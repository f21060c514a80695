// Sentences on standard error, and the end of the program.
// boards
#define LOCUST__LAYERS 1
#include "../../tools/header/all.h"
#include "../check.h"

static void says(void *arg)
{
    (void)arg;
    locust__say("%d users, not \"%s\"", 10, "ten");
    locust__say("%s", "a % in a text");
    locust__say("--host %s", "\x1b[2J\nlocust: ok\xff");
}

static void dies(void *arg)
{
    printf("printed before; "); // waits in stdio's buffer
    locust__die(*(int *)arg, "give it %s", ".tasks");
}

static void asserts_nothing_wrong(void *arg)
{
    int evaluated = 0;
    (void)arg;
    LOCUST_ASSERT(++evaluated == 1);
    CHECK_INT(evaluated, 1);
}

static void asserts(void *arg)
{
    int one = 1;
    (void)arg;
    LOCUST_ASSERT(one == 2);
}

static void a_sentence_is_a_line(void)
{
    char *text;
    int status = check_fork(says, NULL, &text);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0); // and the program goes on
    CHECK_STR(text, "locust: 10 users, not \"ten\"\nlocust: a % in a text\n"
                    "locust: --host  [2J locust: ok?\n"); // nothing that a terminal obeys
    free(text);
}

static void the_end_has_a_code_and_a_reason(void)
{
    static int codes[] = {1, LOCUST__EXIT_USAGE, LOCUST__EXIT_CHECK, LOCUST__EXIT_GENERATOR};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        char *text;
        int status = check_fork(dies, &codes[i], &text);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == codes[i]);
        CHECK_INT(codes[i], (int)i + 1); // the codes that the README documents
        CHECK_STR(text, "printed before; locust: give it .tasks\n"); // in that order
        free(text);
    }
}

static void a_bug_of_our_own_aborts(void)
{
    char *text;
    int status = check_fork(asserts_nothing_wrong, NULL, &text);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_STR(text, "");
    free(text);
    status = check_fork(asserts, NULL, &text);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    CHECK(strstr(text, "locust: internal error: one == 2 is false at ") == text);
    CHECK(strstr(text, "test_say.c:") != NULL);
    free(text);
}

TESTS({"a sentence is a line", a_sentence_is_a_line},
    {"the end has a code and a reason", the_end_has_a_code_and_a_reason},
    {"a bug of our own aborts", a_bug_of_our_own_aborts}, )
