/* test_stack.c - stacks: guards, overflow and its sentence, sizes, re-use, colours, no memory.
 *
 * Every death happens in a child process.
 */
#include "../check.h"
#include <errno.h>
#include <sys/resource.h>

static int n_mmaps, fail_mmaps; // calls for stacks; how many of the next ones fail

static void *hooked_mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    n_mmaps++;
    if (fail_mmaps) {
        fail_mmaps--;
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return mmap(at, n, protection, flags, fd, offset);
}

#define hooked_accept        accept
#define hooked_connect       connect
#define hooked_epoll_create1 epoll_create1
#define hooked_epoll_ctl     epoll_ctl
#define hooked_epoll_wait    epoll_wait
#define hooked_poll          poll
#define hooked_recv          recv
#define hooked_recvmsg       recvmsg
#define hooked_send          send
#define hooked_sendmsg       sendmsg
#define hooked_socket        socket
#define LOCUST__SYS(call)    hooked_##call
#define LOCUST__LAYERS       2
#include "../../tools/header/all.h"

static locust__loop loop;

static void begin(void)
{
    CHECK_INT(locust__loop_open(&loop), 0);
}

static void end(void)
{
    locust__loop_run(&loop);
    locust__loop_close(&loop);
}

static void nothing(void *arg)
{
    (void)arg;
}

static locust__co *start(size_t stack_bytes)
{
    return locust__co_start(&loop, "Raw", stack_bytes, nothing, NULL, NULL);
}

/* -- guards -- */

/* Reading `at` faults: told by write(), without a signal. */
static bool faults(const char *at)
{
    int ends[2];
    bool fault;
    if (pipe(ends) != 0)
        return false;
    fault = write(ends[1], at, 1) < 0 && errno == EFAULT;
    close(ends[0]);
    close(ends[1]);
    return fault;
}

static void check_guards(void)
{
    static const size_t sizes[] = {0, 1, 8192, 16384, 65536, 1 << 20};
    size_t page = locust__os_page_size();
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int i = 0; i < 70; i++) { // into a second slab
            locust__co *co = start(sizes[s]);
            const char *low = locust__stack_low(co->stack);
            CHECK_INT((uintptr_t)locust__stack_place(co->stack) % page, 0);
            CHECK((size_t)(low - locust__stack_place(co->stack)) >= page);
            CHECK((size_t)(locust__stack_place_end(co->stack) - low) >= page);
            CHECK(locust__stack_top(co->stack) <= locust__stack_place_end(co->stack));
            for (const char *at = locust__stack_place(co->stack); at < low; at += page)
                CHECK(faults(at) && faults(at + page - 1));
            CHECK(!faults(low));
            CHECK(!faults(locust__stack_place_end(co->stack) - 1));
        }
}

static void markers_fault_on_the_whole_guard(void)
{
    begin();
    if (loop.markers)
        check_guards();
    end();
    if (!locust__os_guard_works())
        SKIP("this kernel has no guard markers");
}

static void protection_faults_on_the_whole_guard(void)
{
    if (LOCUST__WITH_VALGRIND)
        SKIP("valgrind calls the look at the guard an error");
    begin();
    loop.markers = false;
    check_guards();
    CHECK(loop.protected_places > 0);
    end();
}

static void an_unprotected_guard_is_plain_memory(void)
{
    begin();
    loop.markers = false;
    loop.protected_places = LOCUST__STACK_PROTECTED_MAX;
    for (int i = 0; i < 10; i++)
        CHECK(!faults(locust__stack_place(start(0)->stack)));
    CHECK_INT(loop.protected_places, LOCUST__STACK_PROTECTED_MAX);
    end();
}

/* -- overflow -- */

enum guard { MARKERS, PROTECTION, CANARY };

static enum guard guard;
static size_t wanted_bytes; // of stack
static bool survived;

static volatile uintptr_t sink;

/* Recurses in small steps until this much stack is used. */
__attribute__((noinline)) static size_t eat(const char *top, size_t bytes)
{
    volatile char block[512];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)0xAA;
    sink = (uintptr_t)block;
    if ((size_t)(top - (const char *)__builtin_frame_address(0)) < bytes)
        return eat(top, bytes) + (size_t)(unsigned char)block[7];
    return 0;
}

static void eat_bytes(size_t bytes)
{
    eat(__builtin_frame_address(0), bytes);
}

static void overflow_and_sleep(void *arg)
{
    (void)arg;
    eat_bytes(wanted_bytes);
    locust__co_sleep(&loop, locust__os_now_ns() + LOCUST__MS);
    survived = true;
}

typedef struct size { // a stack, for a coroutine of that name
    const char *name;
    size_t bytes;
} size;

static const size small = {"SmallOne", 0}, big = {"BigOne", 1 << 20};

static void begin_guarded(void)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    begin();
    if (guard != MARKERS)
        loop.markers = false;
    if (guard == CANARY)
        loop.protected_places = LOCUST__STACK_PROTECTED_MAX;
}

static void run_and_check_survival(void *arg)
{
    const size *stack = arg;
    survived = false;
    begin_guarded();
    CHECK(locust__co_start(&loop, stack->name, stack->bytes, overflow_and_sleep, NULL, NULL));
    end();
    CHECK(survived);
}

static bool died_of_sigsegv(int status)
{
    if (LOCUST__WITH_ASAN) // it reports the fault in its own words and exits
        return (WIFEXITED(status) && WEXITSTATUS(status) == 1) || WIFSIGNALED(status);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void check_overflow(const size *stack, size_t bytes)
{
    char *text;
    int status;
    wanted_bytes = bytes;
    status = check_fork(run_and_check_survival, (void *)(uintptr_t)stack, &text);
    CHECK(died_of_sigsegv(status));
    if (!CHECK(strstr(text, "stack overflow") && strstr(text, stack->name) &&
               strstr(text, ".stack_size")))
        fprintf(stderr, "status %x, it printed: %s\n", (unsigned)status, text);
    free(text);
}

static void check_life(const size *stack, size_t bytes)
{
    char *text;
    int status;
    wanted_bytes = bytes;
    status = check_fork(run_and_check_survival, (void *)(uintptr_t)stack, &text);
    if (!CHECK_INT(status, 0))
        fprintf(stderr, "it printed: %s\n", text);
    free(text);
}

static void overflow_meets_markers(void)
{
    guard = MARKERS;
    if (!locust__os_guard_works())
        SKIP("this kernel has no guard markers");
    check_overflow(&small, 1 << 20);
    check_overflow(&big, 8 << 20);
}

static void overflow_meets_protection(void)
{
    guard = PROTECTION;
    check_overflow(&small, 1 << 20);
    check_overflow(&big, 8 << 20);
}

static void overflow_meets_the_canary(void)
{
    guard = CANARY;
    if (LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND)
        SKIP("ASan's frames leave gaps; valgrind forbids to look below the stack pointer");
    check_overflow(&small, 60 * 1024); // some KB into the guard
    check_overflow(&big, (1 << 20) - 8 * 1024);
}

static void sizes_count(void)
{
    for (guard = MARKERS; guard <= (LOCUST__WITH_VALGRIND ? MARKERS : CANARY); guard++) {
        check_life(&small, 24 * 1024);
        check_life(&big, 300 * 1024);
    }
    guard = locust__os_guard_works() ? MARKERS : PROTECTION;
    if (!LOCUST__WITH_ASAN) // there every stack is four times as large
        check_overflow(&small, 300 * 1024);
}

/* A coroutine that never parks after it has overflowed: found when it ends. */
static void overflow_and_end(void *arg)
{
    locust__co *co = loop.current;
    const char *low = locust__stack_low(co->stack), *here = __builtin_frame_address(0);
    (void)arg;
    eat_bytes((size_t)(here - low) + 2048);
}

static void run_overflow_and_end(void *arg)
{
    (void)arg;
    begin();
    loop.markers = false;
    loop.protected_places = LOCUST__STACK_PROTECTED_MAX;
    locust__co_start(&loop, "Raw", 0, overflow_and_end, NULL, NULL);
    end();
}

static void overflow_is_found_at_the_end(void)
{
    char *text;
    if (LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND)
        SKIP("ASan's frames leave gaps; valgrind forbids to look below the stack pointer");
    CHECK(died_of_sigsegv(check_fork(run_overflow_and_end, NULL, &text)));
    CHECK(strstr(text, "stack overflow in Raw") != NULL);
    free(text);
}

/* -- faults that are none of ours -- */

static void touch_nothing(void *arg)
{
    volatile char *volatile nowhere = (volatile char *)sink; // as a member of a null pointer
    (void)arg;
    *nowhere = 1;
}

static void handle_previously(int signal_number)
{
    static const char text[] = "the previous handler\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    _exit(signal_number == SIGSEGV ? 42 : 43);
}

static void run_wild(void *arg)
{
    sink = 64;
    if (*(bool *)arg)
        signal(SIGSEGV, handle_previously);
    begin_guarded();
    locust__co_start(&loop, "Wild", 0, touch_nothing, NULL, NULL);
    end();
}

static void another_fault_takes_its_course(void)
{
    bool handler = false;
    char *text;
    int status;
    guard = MARKERS;
    status = check_fork(run_wild, &handler, &text);
    CHECK(died_of_sigsegv(status));
    CHECK(!strstr(text, "locust: stack overflow"));
    CHECK(
        strstr(text, "locust: SIGSEGV in Wild: invalid access to memory at 0x40, as through a null "
                     "pointer\n") != NULL);
    free(text);
    handler = true;
    status = check_fork(run_wild, &handler, &text);
    if (!CHECK(WIFEXITED(status) && WEXITSTATUS(status) == (LOCUST__WITH_VALGRIND ? 99 : 42)))
        fprintf(stderr, "status %x, it printed: %s\n", (unsigned)status, text);
    CHECK(strstr(text, "the previous handler") != NULL);
    CHECK(!strstr(text, "locust: stack overflow"));
    free(text);
}

/* An overflow with a handler of the test's own: our sentence first, then that handler. */
static void run_overflow_with_handler(void *arg)
{
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_handler = handle_previously;
    act.sa_flags = SA_ONSTACK;
    sigaction(SIGSEGV, &act, NULL);
    run_and_check_survival(arg);
}

static void overflow_reaches_the_previous_handler(void)
{
    char *text;
    int status;
    wanted_bytes = 1 << 20;
    for (guard = MARKERS; guard <= PROTECTION; guard++) {
        if (guard == MARKERS && !locust__os_guard_works())
            continue;
        status = check_fork(run_overflow_with_handler, (void *)(uintptr_t)&small, &text);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42);
        CHECK(strstr(text, "stack overflow in SmallOne") && strstr(text, "the previous handler"));
        free(text);
    }
}

/* -- each signal that a fault or abort() brings -- */

static const struct signals {
    const char *name;
    int number;
    const char *says;
} signals[] = {
    {"raised SIGSEGV", SIGSEGV, "locust: SIGSEGV in Raiser: invalid access to memory\n"},
    {"raised SIGBUS", SIGBUS, "locust: SIGBUS in Raiser: invalid access to memory\n"},
    {"raised SIGFPE", SIGFPE,
        "locust: SIGFPE in Raiser: invalid arithmetic, such as a division by zero\n"},
    {"raised SIGILL", SIGILL, "locust: SIGILL in Raiser: invalid instruction, or a trap\n"},
    {"abort", SIGABRT, "locust: SIGABRT in Raiser: abort() was called\n"},
};

static void raise_it(void *arg)
{
    const struct signals *row = arg;
    if (row->number == SIGABRT)
        abort();
    raise(row->number);
}

static void run_raiser(void *arg)
{
    begin_guarded();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i].number, SIG_DFL); // no sanitizer's: the signal itself ends it
    locust__co_start(&loop, "Raiser", 0, raise_it, arg, NULL);
    end();
}

static void kill_it(void *arg)
{
    pid_t child;
    (void)arg;
    child = fork(); // a signal of another process says nothing about the task
    if (!child)
        _exit(kill(getppid(), SIGSEGV));
    // valgrind may lose the wake-up of a single pause(): the signal is taken at the next call
    for (;;)
        usleep(1000);
}

static void run_killed(void *arg)
{
    (void)arg;
    begin_guarded();
    signal(SIGSEGV, SIG_DFL);
    locust__co_start(&loop, "Victim", 0, kill_it, NULL, NULL);
    end();
}

static void each_signal_is_named(void)
{
    char *text;
    int status;
    guard = MARKERS;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        CHECK_ROW(signals[i].name);
        status = check_fork(run_raiser, (void *)(uintptr_t)&signals[i], &text);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signals[i].number);
        if (!CHECK(strstr(text, signals[i].says) != NULL))
            fprintf(stderr, "it printed: %s\n", text);
        free(text);
    }
    CHECK_ROW("by another process");
    status = check_fork(run_killed, NULL, &text);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    CHECK(!strstr(text, "locust: "));
    free(text);
}

static void handlers_are_put_back(void)
{
    struct sigaction before, after;
    stack_t stack_before, stack_after;
    sigaction(SIGSEGV, NULL, &before);
    sigaltstack(NULL, &stack_before);
    for (int i = 0; i < 3; i++) {
        begin();
        start(0);
        end();
    }
    sigaction(SIGSEGV, NULL, &after);
    sigaltstack(NULL, &stack_after);
    CHECK(before.sa_handler == after.sa_handler);
    CHECK_INT(stack_after.ss_flags, stack_before.ss_flags);
    for (size_t i = 1; i < sizeof signals / sizeof *signals; i++) {
        CHECK_ROW(signals[i].name);
        sigaction(signals[i].number, NULL, &after);
        CHECK(LOCUST__WITH_ASAN || after.sa_handler == SIG_DFL);
    }
    CHECK(stack_after.ss_flags & SS_DISABLE || stack_before.ss_sp == stack_after.ss_sp);
}

/* -- re-use -- */

enum { CROWD = 500 };
static locust__place *ended[CROWD];
static int n_ended;

static void note_end(void *arg)
{
    for (int i = *(int *)arg; i > 0; i--)
        locust__co_yield(&loop);
    ended[n_ended++] = loop.current->stack;
}

/* The stack that became free last is taken first; and a second crowd needs nothing new. */
static void warm_stacks_come_first(void)
{
    static int yields[CROWD];
    uint64_t seed = 5;
    int mmaps;
    begin();
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < CROWD; i++) {
            yields[i] = (int)(locust__random(&seed) % 5);
            locust__co_start(&loop, "Raw", 0, note_end, &yields[i], NULL);
        }
        n_ended = 0;
        mmaps = n_mmaps;
        locust__loop_run(&loop);
        CHECK_INT(n_ended, CROWD);
        for (int i = CROWD - 1; i >= 0; i--)
            CHECK(start(0)->stack == ended[i]);
        locust__loop_run(&loop);
        CHECK_INT(n_mmaps, mmaps);
    }
    mmaps = n_mmaps;
    for (int i = 0; i < 20000; i++) {
        start(0);
        locust__loop_run(&loop);
    }
    CHECK_INT(n_mmaps, mmaps);
    end();
}

static void a_mapping_holds_many_stacks(void)
{
    begin();
    n_mmaps = 0;
    for (int i = 0; i < 5000; i++)
        CHECK(start(0) != NULL);
    CHECK(n_mmaps > 0 && n_mmaps <= 12);
    end();
}

static uintptr_t first_frame[64];

static void note_frame(void *arg)
{
    *(uintptr_t *)arg = (uintptr_t)__builtin_frame_address(0);
}

static void tops_are_coloured(void)
{
    const locust__place *stacks[64];
    begin();
    for (int i = 0; i < 64; i++) {
        stacks[i] = locust__co_start(&loop, "Raw", 0, note_frame, &first_frame[i], NULL)->stack;
        CHECK_INT((uintptr_t)locust__stack_top(stacks[i]) % 16, 0);
    }
    locust__loop_run(&loop);
    for (int i = 1; i < 64; i++) {
        int64_t offset = (int64_t)(first_frame[i] - (uintptr_t)locust__stack_place(stacks[i]));
        int64_t first = (int64_t)(first_frame[0] - (uintptr_t)locust__stack_place(stacks[0]));
        CHECK_INT(first - offset, i % 16 * 64);
    }
    end();
}

/* -- giving memory back -- */

/* How many of the stacks that are free have memory: their first page reads other than zero. */
static size_t warm_pages(void)
{
    size_t n = 0;
    for (locust__stack_pool *pool = loop.stack_pools; pool; pool = pool->next)
        for (locust__stack_slab *slab = pool->slabs; slab; slab = slab->next)
            for (uint32_t i = 0; i < slab->used; i++) {
                const char *at = locust__stack_top(&slab->stacks[i]) - 512;
                bool written = false;
                for (int k = 0; k < 512 && !written; k++)
                    written = at[k] != 0;
                n += !slab->stacks[i].co && written;
            }
    return n;
}

static locust__co *held[CROWD];

static void sleep_a_little(void *arg)
{
    (void)arg;
    locust__co_sleep(&loop, locust__os_now_ns() + LOCUST__MS);
}

/* Goes on, a turn each 10 ms, until memory has come back. Then as many as before find stacks. */
static void wait_until_it_is_back(void *arg)
{
    int64_t give_up_ns = locust__os_now_ns() + 60 * LOCUST__S;
    size_t *left = arg;
    while (warm_pages() > LOCUST__STACK_WARM && locust__os_now_ns() < give_up_ns)
        locust__co_sleep(&loop, locust__os_now_ns() + 10 * LOCUST__MS);
    *left = warm_pages();
    for (int i = 0; i < CROWD; i++)
        held[i] = locust__co_start(&loop, "Raw", 0, sleep_a_little, NULL, NULL);
    for (int i = 0; i < CROWD; i++)
        CHECK(held[i] && held[i]->stack->co == held[i]);
}

static void what_was_not_needed_for_long_goes_back(void)
{
    size_t left = 0;
    int mmaps;
    if (LOCUST__WITH_ASAN || LOCUST__WITH_VALGRIND)
        SKIP("reads below the stack pointers");
    if (LOCUST__OS_FORGET < 0 || !LOCUST__OS_LINUX)
        SKIP("only Linux says that memory given back reads as zero");
    begin();
    for (int i = 0; i < CROWD; i++)
        locust__co_start(&loop, "Raw", 0, sleep_a_little, NULL, NULL);
    locust__loop_run(&loop);
    if (warm_pages() < CROWD)
        SKIP("nothing can be told from the first page");
    mmaps = n_mmaps;
    locust__co_start(&loop, "Raw", 0, wait_until_it_is_back, &left, NULL);
    locust__loop_run(&loop);
    CHECK(left <= LOCUST__STACK_WARM);
    CHECK_INT(n_mmaps, mmaps); // the same places
    end();
}

/* -- no memory -- */

static void without_a_mapping_start_says_so(void)
{
    locust__co *co;
    begin();
    fail_mmaps = 3;
    for (int i = 0; i < 3; i++)
        CHECK(start(0) == NULL);
    CHECK_INT(loop.running, 0);
    co = start(0);
    CHECK(co != NULL);
    for (int i = 1; i < 64; i++)
        start(0);
    fail_mmaps = 1;
    CHECK(start(0) == NULL); // the next slab
    CHECK(start(0) != NULL);
    fail_mmaps = 1;
    CHECK(start(1 << 20) == NULL); // the first slab of another size
    CHECK(start(1 << 20) != NULL);
    end();
}

static int n_inside, most_inside, n_done, n_told;

static void told_of_no_stack(void *arg)
{
    CHECK(arg == &n_told);
    CHECK_INT(loop.few_stacks, 64);
    n_told++;
}

/* Holds its stack for a while, rests, and holds one again. */
static void holds_and_rests(void *arg)
{
    int *turns = locust__co_block(loop.current);
    (void)arg;
    n_inside++;
    most_inside = n_inside > most_inside ? n_inside : most_inside;
    locust__co_sleep(&loop, locust__os_now_ns() + LOCUST__MS);
    n_inside--;
    if (!(*turns)++)
        CHECK(locust__co_rest(&loop, locust__os_now_ns() + LOCUST__MS));
    else
        n_done++;
}

/* There is one mapping: who finds no stack waits for another's, and all have their turns. */
static void who_finds_no_stack_waits(void)
{
    begin();
    loop.no_stack = told_of_no_stack;
    loop.told_arg = &n_told;
    for (int i = 0; i < 300; i++) {
        CHECK(locust__co_make(&loop, "Raw", 0, holds_and_rests, NULL, NULL, sizeof(int)) != NULL);
        fail_mmaps = 1 << 30;
    }
    locust__loop_run(&loop);
    fail_mmaps = 0;
    CHECK_INT(most_inside, 64);
    CHECK_INT(n_done, 300);
    CHECK_INT(n_told, 1);
    end();
}

static void run_absurd(void *arg)
{
    static const size_t sizes[] = {
        SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 4, SIZE_MAX / 64 + 4097, SIZE_MAX / 256 + 4097};
    (void)arg;
    begin();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        locust__co *co = start(sizes[i]);
        CHECK_ROW(i == 0 ? "SIZE_MAX" : i < 3 ? "a part of SIZE_MAX" : "64 of them wrap around");
        if (sizes[i] > LOCUST__STACK_MAX)
            CHECK(co == NULL);
        else if (CHECK(co != NULL)) // on 32 bits these can be had, so they are there
            CHECK(
                !faults(locust__stack_low(co->stack)) && !faults(locust__stack_top(co->stack) - 1));
    }
    end();
}

static void absurd_sizes_are_refused(void)
{
    char *text;
    if (!CHECK_INT(check_fork(run_absurd, NULL, &text), 0))
        fprintf(stderr, "%s", text);
    free(text);
}

TESTS({"markers fault on the whole guard", markers_fault_on_the_whole_guard},
    {"protection faults on the whole guard", protection_faults_on_the_whole_guard},
    {"an unprotected guard is plain memory", an_unprotected_guard_is_plain_memory},
    {"overflow meets markers", overflow_meets_markers},
    {"overflow meets protection", overflow_meets_protection},
    {"overflow meets the canary", overflow_meets_the_canary}, {"sizes count", sizes_count},
    {"overflow is found at the end", overflow_is_found_at_the_end},
    {"another fault takes its course", another_fault_takes_its_course},
    {"overflow reaches the previous handler", overflow_reaches_the_previous_handler},
    {"each signal is named", each_signal_is_named},
    {"handlers are put back", handlers_are_put_back},
    {"warm stacks come first", warm_stacks_come_first},
    {"a mapping holds many stacks", a_mapping_holds_many_stacks},
    {"tops are coloured", tops_are_coloured},
    {"what was not needed for long goes back", what_was_not_needed_for_long_goes_back},
    {"without a mapping start says so", without_a_mapping_start_says_so},
    {"who finds no stack waits", who_finds_no_stack_waits},
    {"absurd sizes are refused", absurd_sizes_are_refused}, )
