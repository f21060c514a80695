/* check.h - the harness of the C tests: checks, a list of named tests, and main().
 *
 *   static void adds(void) { CHECK_INT(1 + 1, 2); }
 *   TESTS({"adds", adds}, {"parses", parses})
 *
 * A program prints a line per test, `ok NAME`, `not ok NAME` or `skip NAME: reason`, then a summary.
 * Its arguments select the tests whose name contains one of them. A failing check goes on; it gives
 * false, for where going on makes no sense. A test that takes longer than 60 s ends the program;
 * TEST_SLOW=20 in the environment allows twenty times as much.
 */
#ifndef CHECK_H
#define CHECK_H
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK_AT(text)           \
    (check_at)                   \
    {                            \
        __FILE__, __LINE__, text \
    }
#define CHECK(cond)                check_that(CHECK_AT(#cond), (cond), " does not hold")
#define CHECK_INT(got, want)       check_int(CHECK_AT(#got), (int64_t)(got), (int64_t)(want))
#define CHECK_STR(got, want)       check_str(CHECK_AT(#got), (got), (want))
#define CHECK_NEAR(got, want, tol) check_near(CHECK_AT(#got), (got), (want), (tol))
#define CHECK_ROW(name)            (check_now.row = (name)) // failures from here on name it
#define MUST(cond)                 /* what a fuzz target asserts: libFuzzer keeps the input */ \
    do {                                                                                       \
        if (!CHECK(cond))                                                                      \
            abort();                                                                           \
    } while (0)
#define SKIP(why) /* in the function of the test itself */ \
    do {                                                   \
        check_now.skip = (why);                            \
        return;                                            \
    } while (0)
#define TESTS(...)                                                          \
    int main(int argc, char **argv)                                         \
    {                                                                       \
        static const check_test tests[] = {__VA_ARGS__};                    \
        return check_main(argc, argv, tests, sizeof tests / sizeof *tests); \
    }

typedef struct check_at {
    const char *file;
    int line;
    const char *text;
} check_at;

typedef struct check_test {
    const char *name;
    void (*fn)(void);
} check_test;

static struct {
    const char *test, *row, *skip;
    int limit_s, n_bad, n_passed, n_failed, n_skipped; // n_bad: failed checks of this test
} check_now;

__attribute__((format(printf, 3, 4))) static inline bool check_that(
    check_at at, bool holds, const char *format, ...)
{
    if (holds)
        return true;
    va_list args;
    va_start(args, format);
    check_now.n_bad++;
    fprintf(stderr, "%s:%d: ", at.file, at.line);
    if (check_now.row)
        fprintf(stderr, "row \"%s\": ", check_now.row);
    fprintf(stderr, "%s", at.text);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    return false;
}

static inline bool check_int(check_at at, int64_t got, int64_t want)
{
    return check_that(at, got == want, ": got %lld, want %lld", (long long)got, (long long)want);
}

static inline bool check_near(check_at at, double got, double want, double tol)
{
    bool near = got >= want - tol && got <= want + tol;
    return check_that(at, near, ": got %g, want %g within %g", got, want, tol);
}

static inline bool check_str(check_at at, const char *got, const char *want)
{
    bool same = got && want ? strcmp(got, want) == 0 : got == want;
    return check_that(at, same, "\n    got  \"%s\"\n    want \"%s\"", got ? got : "(null)",
        want ? want : "(null)");
}

/* A copy of n bytes that ends where the next page cannot be read; free it with the same n. */
static inline char *check_guarded(const void *bytes, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (n / page + 1) * page;
    char *base = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    if (base == MAP_FAILED || mprotect(base + size, page, PROT_NONE) != 0)
        abort();
    return n ? memcpy(base + size - n, bytes, n) : base + size;
}

static inline void check_guarded_free(char *p, size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (n / page + 1) * page;
    munmap(p + n - size, size + page);
}

/* Runs fn(arg) in a child process and returns its wait status: exit code 0 if fn returned, 70 if a
 * check failed in it. *text (may be NULL) becomes all that it printed: yours, free() it. */
static inline int check_fork(void (*fn)(void *arg), void *arg, char **text)
{
    char path[] = "/tmp/check-XXXXXX";
    int status, out = mkstemp(path);
    unlink(path);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGALRM, SIG_DFL);
        alarm((unsigned)check_now.limit_s);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        check_now.n_bad = 0;
        fn(arg);
        exit(check_now.n_bad ? 70 : 0);
    }
    if (out < 0 || child < 0 || waitpid(child, &status, 0) != child)
        abort();
    size_t n = (size_t)lseek(out, 0, SEEK_END);
    char *printed = calloc(1, n + 1);
    if (pread(out, printed, n, 0) != (ssize_t)n)
        abort();
    close(out);
    if (text)
        *text = printed;
    else
        free(printed);
    return status;
}

static inline void check_end_test(void)
{
    bool bad = check_now.n_bad > 0, skip = check_now.skip && !bad;
    ++*(bad ? &check_now.n_failed : skip ? &check_now.n_skipped : &check_now.n_passed);
    printf("%s %s%s%s\n",
        bad    ? "not ok"
        : skip ? "skip"
               : "ok",
        check_now.test, skip ? ": " : "", skip ? check_now.skip : "");
}

static inline int check_end(void)
{
    printf("%d passed, %d failed, %d skipped\n", check_now.n_passed, check_now.n_failed,
        check_now.n_skipped);
    fflush(NULL);
    return check_now.n_failed > 0;
}

static inline void check_late(int sig) // prints from a signal handler, but the program ends anyway
{
    check_that(CHECK_AT(check_now.test), !sig, " still runs after %d s", check_now.limit_s);
    check_end_test();
    _exit(check_end());
}

static inline int check_main(int argc, char **argv, const check_test *tests, size_t n)
{
    const char *slow = getenv("TEST_SLOW");
    check_now.limit_s = 60 * (slow && atoi(slow) > 0 ? atoi(slow) : 1);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < n; i++) {
        bool wanted = argc < 2;
        for (int a = 1; a < argc; a++)
            wanted = wanted || strstr(tests[i].name, argv[a]);
        if (!wanted)
            continue;
        check_now.test = tests[i].name;
        check_now.row = check_now.skip = NULL;
        check_now.n_bad = 0;
        signal(SIGALRM, check_late);
        alarm((unsigned)check_now.limit_s);
        tests[i].fn();
        alarm(0);
        check_end_test();
    }
    return check_end();
}
#endif
