/* test_ctx.c - the context switch: what it keeps, what stays private, where a stack starts. */
#include "../locust.h"
#include "check.h"
#if LOCUST__ASAN
#include <sanitizer/asan_interface.h>
#endif

/* Two sides: the stack of main(), and one stack made by locust__ctx_make. */
static _Alignas(64) char stack[1 << 18];
static void *main_sp, *side_sp;
static int arrivals;

static void open_side(void (*fn)(void *arg), void *arg)
{
#if LOCUST__ASAN
    __asan_unpoison_memory_region(stack, sizeof stack); // the side before this one never returned
#endif
    side_sp = locust__ctx_make(stack + sizeof stack, fn, arg);
    arrivals = 0;
}

#if LOCUST__ASAN
static const void *main_low;
static size_t main_size;

static void to_side(void)
{
    void *fake;
    __sanitizer_start_switch_fiber(&fake, stack, sizeof stack);
    locust__ctx_switch(&main_sp, side_sp);
    __sanitizer_finish_switch_fiber(fake, NULL, NULL);
}

static void arrived(void)
{
    __sanitizer_finish_switch_fiber(NULL, &main_low, &main_size);
    arrivals++;
}

static void to_main(void)
{
    void *fake;
    __sanitizer_start_switch_fiber(&fake, main_low, main_size);
    locust__ctx_switch(&side_sp, main_sp);
    __sanitizer_finish_switch_fiber(fake, &main_low, &main_size);
}
#else
static void to_side(void)
{
    locust__ctx_switch(&main_sp, side_sp);
}

static void arrived(void)
{
    arrivals++;
}

static void to_main(void)
{
    locust__ctx_switch(&side_sp, main_sp);
}
#endif

/* -- every register that a callee must keep, filled by hand -- */

/* Fills the callee-saved registers from `in`, switches, and writes what they hold then to `out`. */
void filled_switch(void **save, void *next, const uint64_t *in, uint64_t *out) __asm__(
    "filled_switch");

#if defined(__x86_64__)
enum { INTEGERS = 6, FLOATS = 0 }; // rbx rbp r12 r13 r14 r15: psABI figure 3.4
// clang-format off
__asm__(
    ".pushsection .text\n .globl filled_switch\n .hidden filled_switch\n"
    "filled_switch:\n"
    "    pushq   %rbp\n"
    "    pushq   %rbx\n"
    "    pushq   %r12\n"
    "    pushq   %r13\n"
    "    pushq   %r14\n"
    "    pushq   %r15\n"
    "    pushq   %rcx\n"
    "    movq    (%rdx), %rbx\n"
    "    movq    8(%rdx), %rbp\n"
    "    movq    16(%rdx), %r12\n"
    "    movq    24(%rdx), %r13\n"
    "    movq    32(%rdx), %r14\n"
    "    movq    40(%rdx), %r15\n"
    "    call    locust__ctx_switch\n"
    "    popq    %rcx\n"
    "    movq    %rbx, (%rcx)\n"
    "    movq    %rbp, 8(%rcx)\n"
    "    movq    %r12, 16(%rcx)\n"
    "    movq    %r13, 24(%rcx)\n"
    "    movq    %r14, 32(%rcx)\n"
    "    movq    %r15, 40(%rcx)\n"
    "    popq    %r15\n"
    "    popq    %r14\n"
    "    popq    %r13\n"
    "    popq    %r12\n"
    "    popq    %rbx\n"
    "    popq    %rbp\n"
    "    ret\n"
    " .popsection\n"
);
// clang-format on

enum { NEAREST, DOWN, UP }; // rounding modes

static void set_rounding(unsigned mode)
{
    uint32_t mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    mxcsr = (mxcsr & ~(3u << 13)) | mode << 13;
    x87 = (uint16_t)((x87 & ~(3u << 10)) | mode << 10);
    __asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(x87));
}

static unsigned rounding(void)
{
    uint32_t mxcsr;
    uint16_t x87;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87));
    CHECK_INT(x87 >> 10 & 3, mxcsr >> 13 & 3);
    return mxcsr >> 13 & 3;
}

#elif defined(__aarch64__)
enum { INTEGERS = 11, FLOATS = 8 }; // x19 to x29, d8 to d15: AAPCS64 6.1
// clang-format off
__asm__(
    ".pushsection .text\n .globl filled_switch\n .hidden filled_switch\n"
    "filled_switch:\n"
    "    hint    #34\n"
    "    stp     x29, x30, [sp, #-176]!\n"
    "    stp     x19, x20, [sp, #16]\n"
    "    stp     x21, x22, [sp, #32]\n"
    "    stp     x23, x24, [sp, #48]\n"
    "    stp     x25, x26, [sp, #64]\n"
    "    stp     x27, x28, [sp, #80]\n"
    "    stp     d8,  d9,  [sp, #96]\n"
    "    stp     d10, d11, [sp, #112]\n"
    "    stp     d12, d13, [sp, #128]\n"
    "    stp     d14, d15, [sp, #144]\n"
    "    str     x3, [sp, #160]\n"
    "    ldp     x19, x20, [x2]\n"
    "    ldp     x21, x22, [x2, #16]\n"
    "    ldp     x23, x24, [x2, #32]\n"
    "    ldp     x25, x26, [x2, #48]\n"
    "    ldp     x27, x28, [x2, #64]\n"
    "    ldr     x29, [x2, #80]\n"
    "    ldr     d8, [x2, #88]\n"
    "    ldr     d9, [x2, #96]\n"
    "    ldr     d10, [x2, #104]\n"
    "    ldr     d11, [x2, #112]\n"
    "    ldr     d12, [x2, #120]\n"
    "    ldr     d13, [x2, #128]\n"
    "    ldr     d14, [x2, #136]\n"
    "    ldr     d15, [x2, #144]\n"
    "    bl      locust__ctx_switch\n"
    "    ldr     x3, [sp, #160]\n"
    "    stp     x19, x20, [x3]\n"
    "    stp     x21, x22, [x3, #16]\n"
    "    stp     x23, x24, [x3, #32]\n"
    "    stp     x25, x26, [x3, #48]\n"
    "    stp     x27, x28, [x3, #64]\n"
    "    str     x29, [x3, #80]\n"
    "    str     d8, [x3, #88]\n"
    "    str     d9, [x3, #96]\n"
    "    str     d10, [x3, #104]\n"
    "    str     d11, [x3, #112]\n"
    "    str     d12, [x3, #120]\n"
    "    str     d13, [x3, #128]\n"
    "    str     d14, [x3, #136]\n"
    "    str     d15, [x3, #144]\n"
    "    ldp     x19, x20, [sp, #16]\n"
    "    ldp     x21, x22, [sp, #32]\n"
    "    ldp     x23, x24, [sp, #48]\n"
    "    ldp     x25, x26, [sp, #64]\n"
    "    ldp     x27, x28, [sp, #80]\n"
    "    ldp     d8,  d9,  [sp, #96]\n"
    "    ldp     d10, d11, [sp, #112]\n"
    "    ldp     d12, d13, [sp, #128]\n"
    "    ldp     d14, d15, [sp, #144]\n"
    "    ldp     x29, x30, [sp], #176\n"
    "    ret\n"
    " .popsection\n"
);
// clang-format on

enum { NEAREST, UP, DOWN }; // rounding modes

static void set_rounding(unsigned mode)
{
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    fpcr = (fpcr & ~((uint64_t)3 << 22)) | (uint64_t)mode << 22;
    __asm__ volatile("msr fpcr, %0" : : "r"(fpcr));
}

static unsigned rounding(void)
{
    uint64_t fpcr;
    __asm__ volatile("mrs %0, fpcr" : "=r"(fpcr));
    return (unsigned)(fpcr >> 22 & 3);
}
#endif

enum { REGISTERS = INTEGERS + FLOATS, ROUNDS = 1000 };

static void fill(uint64_t *values, uint64_t seed)
{
    for (int i = 0; i < REGISTERS; i++)
        values[i] = locust__base_random(&seed);
}

static void side_registers(void *arg)
{
    uint64_t in[REGISTERS], out[REGISTERS];
    (void)arg;
    arrived();
    for (uint64_t round = 0;; round++) {
        fill(in, 2 * round + 1);
        memset(out, 0, sizeof out);
#if LOCUST__ASAN
        void *fake;
        __sanitizer_start_switch_fiber(&fake, main_low, main_size);
#endif
        filled_switch(&side_sp, main_sp, in, out);
#if LOCUST__ASAN
        __sanitizer_finish_switch_fiber(fake, &main_low, &main_size);
#endif
        CHECK(memcmp(in, out, sizeof in) == 0);
    }
}

static void keeps_every_register(void)
{
    uint64_t in[REGISTERS], out[REGISTERS];
    open_side(side_registers, NULL);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        fill(in, 2 * round);
        memset(out, 0, sizeof out);
#if LOCUST__ASAN
        void *fake;
        __sanitizer_start_switch_fiber(&fake, stack, sizeof stack);
#endif
        filled_switch(&main_sp, side_sp, in, out);
#if LOCUST__ASAN
        __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
        for (int i = 0; i < REGISTERS; i++)
            if (!CHECK_INT(out[i], in[i]))
                return;
    }
    CHECK_INT(arrivals, 1);
}

/* -- the same by what a compiler makes of many live variables -- */

static volatile int64_t whole[16];
static volatile double real[16];

/* Twelve integers and twelve doubles that live across each switch. Returns false if one changed. */
static bool live(int rounds, int64_t k, void (*leave)(void))
{
    int64_t a = whole[0] + k, b = whole[1] + k, c = whole[2] + k, d = whole[3] + k,
            e = whole[4] + k, f = whole[5] + k, g = whole[6] + k, h = whole[7] + k,
            i = whole[8] + k, j = whole[9] + k, l = whole[10] + k, m = whole[11] + k;
    double n = real[0] * (double)k, o = real[1] * (double)k, p = real[2] * (double)k,
           q = real[3] * (double)k, r = real[4] * (double)k, s = real[5] * (double)k,
           t = real[6] * (double)k, u = real[7] * (double)k, v = real[8] * (double)k,
           w = real[9] * (double)k, x = real[10] * (double)k, y = real[11] * (double)k;
    for (int round = 0; round < rounds; round++) {
        leave();
        a++, b++, c++, d++, e++, f++, g++, h++, i++, j++, l++, m++;
        n += 1, o += 1, p += 1, q += 1, r += 1, s += 1;
        t += 1, u += 1, v += 1, w += 1, x += 1, y += 1;
    }
    const int64_t ints[] = {a, b, c, d, e, f, g, h, i, j, l, m};
    const double reals[] = {n, o, p, q, r, s, t, u, v, w, x, y};
    bool same = true;
    for (int z = 0; z < 12; z++) {
        double want = real[z] * (double)k + rounds;
        same = same && ints[z] == whole[z] + k + rounds;
        same = same && !(reals[z] < want) && !(reals[z] > want);
    }
    return same;
}

static bool side_same;

static void side_live(void *arg)
{
    arrived();
    side_same = live(ROUNDS, *(int64_t *)arg, to_main);
    for (;;)
        to_main();
}

static void keeps_live_variables(void)
{
    int64_t k = 77;
    for (int i = 0; i < 16; i++) {
        whole[i] = (int64_t)i << 40 | 5;
        real[i] = i + 0.5;
    }
    side_same = false;
    open_side(side_live, &k);
    CHECK(live(ROUNDS, -3, to_side));
    to_side(); // the last return of the other side
    CHECK(side_same);
}

static void side_switch_only(void *arg)
{
    uint64_t *n = arg;
    arrived();
    for (;; ++*n)
        to_main();
}

static void switches_a_million_times(void)
{
    uint64_t n = 0;
    open_side(side_switch_only, &n);
    for (int i = 0; i < 1000001; i++)
        to_side();
    CHECK_INT(n, 1000000);
}

/* -- entry -- */

static int seen_argument;

__attribute__((noinline)) static uintptr_t frame_address(void)
{
    return (uintptr_t)__builtin_frame_address(0);
}

static void side_entry(void *arg)
{
    _Alignas(16) volatile char wide[32] = {0};
    char text[64];
    arrived();
    seen_argument = *(int *)arg;
    CHECK_INT((uintptr_t)__builtin_frame_address(0) % 16, 0);
    CHECK_INT(frame_address() % 16, 0);
    CHECK_INT((uintptr_t)wide % 16, 0);
    snprintf(text, sizeof text, "%.3f %d", 2.5, 7); // its prologue may use aligned moves
    CHECK_STR(text, "2.500 7");
    CHECK((char *)&arg > stack && (char *)&arg < stack + sizeof stack);
    for (;;)
        to_main();
}

static void starts_aligned_with_its_argument(void)
{
    int arg = 4711;
    for (size_t lower = 0; lower < 16 * 64; lower += 16) {
        open_side(side_entry, &arg);
        side_sp = locust__ctx_make(stack + sizeof stack - lower, side_entry, &arg);
        CHECK_INT((uintptr_t)side_sp % 16, 0);
        CHECK((char *)side_sp < stack + sizeof stack - lower);
        seen_argument = 0;
        to_side();
        CHECK_INT(seen_argument, 4711);
    }
}

/* -- deep recursion with a switch on each level, both ways -- */

enum { DEPTH = 400 };

__attribute__((noinline)) static int recurse(int depth, uint64_t seed)
{
    volatile uint64_t mine = locust__base_random(&seed);
    uint64_t before = mine;
    int below = 0;
    to_main();
    if (depth < DEPTH)
        below = recurse(depth + 1, seed);
    to_main();
    return below + (mine == before && frame_address() % 16 == 0);
}

static int intact;

static void side_recursion(void *arg)
{
    arrived();
    intact = recurse(1, *(uint64_t *)arg);
    for (;;)
        to_main();
}

static void recurses_deeply(void)
{
    uint64_t seed = 9;
    intact = 0;
    open_side(side_recursion, &seed);
    for (int i = 0; i < 2 * DEPTH + 1; i++)
        to_side();
    CHECK_INT(intact, DEPTH);
}

/* -- floating-point control -- */

static volatile double one = 1, three = 3;

enum { MODES_COUNT = !LOCUST__VALGRIND }; // valgrind keeps the mode, and rounds to nearest always

/* A call, so that the division stays on its side of a change of the mode. */
__attribute__((noinline)) static double third(void)
{
    volatile double quotient = one / three;
    return quotient;
}

static int compare(double a, double b)
{
    return a < b ? -1 : a > b;
}

static int side_order, side_mode;

static void side_rounding(void *arg)
{
    double nearest, up;
    (void)arg;
    arrived();
    nearest = third(); // 1/3 rounded to nearest lies below 1/3
    set_rounding(UP);
    to_main();
    side_mode = (int)rounding();
    up = third();
    side_order = compare(up, nearest);
    for (;;)
        to_main();
}

static void rounding_mode_is_private(void)
{
    double nearest = third();
    set_rounding(NEAREST);
    open_side(side_rounding, NULL);
    to_side();
    CHECK_INT(rounding(), NEAREST); // the other side's mode did not leak
    CHECK_INT(compare(third(), nearest), 0);
    set_rounding(DOWN);
    to_side();
    CHECK_INT(rounding(), DOWN); // mine came back
    set_rounding(NEAREST);
    CHECK_INT(side_mode, UP); // and theirs
    CHECK_INT(side_order, MODES_COUNT);
}

/* The same between coroutines of a loop, where users meet it. */
static locust__loop loop;
static int bad_modes, bad_sums;

static void rounds_its_way(void *arg)
{
    const unsigned mode = (unsigned)(uintptr_t)arg;
    double nearest = third(), mine;
    if (rounding() != NEAREST)
        bad_modes++;
    set_rounding(mode);
    mine = third();
    for (int i = 0; i < 100; i++) {
        locust__co_yield(&loop);
        if (rounding() != mode)
            bad_modes++;
        if (compare(third(), mine) != 0 || compare(mine, nearest) != (mode == UP && MODES_COUNT))
            bad_sums++;
    }
}

static void rounding_mode_is_private_to_a_coroutine(void)
{
    bad_modes = bad_sums = 0;
    CHECK_INT(locust__loop_open(&loop), 0);
    for (uintptr_t i = 0; i < 30; i++)
        locust__co_start(&loop, "test", 0, rounds_its_way, (void *)(i % 3), NULL);
    locust__loop_run(&loop);
    CHECK_INT(rounding(), NEAREST);
    locust__loop_close(&loop);
    CHECK_INT(bad_modes, 0);
    CHECK_INT(bad_sums, 0);
}

/* A cancelled user unwinds by longjmp within its own stack, whatever stack switches lie between. */
static jmp_buf here;
static int jumps;

__attribute__((noinline)) static void jump_from(int depth)
{
    volatile char room[200];
    room[0] = room[199] = (char)depth;
    to_main();
    if (depth)
        jump_from(depth - 1);
    else if (jumps >= 0)
        longjmp(here, 1 + room[0]);
}

static void side_longjmp(void *arg)
{
    (void)arg;
    arrived();
    for (;;) {
        if (setjmp(here) == 0)
            jump_from(20);
        jumps++;
    }
}

static void longjmp_inside_a_stack_works(void)
{
    jumps = 0;
    open_side(side_longjmp, NULL);
    for (int i = 0; i < 21 * 50 + 1; i++)
        to_side();
    CHECK_INT(jumps, 50);
}

TESTS({"keeps every callee-saved register", keeps_every_register},
    {"keeps live integers and floats", keeps_live_variables},
    {"switches a million times", switches_a_million_times},
    {"starts aligned, with its argument", starts_aligned_with_its_argument},
    {"recurses deeply", recurses_deeply}, {"rounding mode is private", rounding_mode_is_private},
    {"rounding mode is private to a coroutine", rounding_mode_is_private_to_a_coroutine},
    {"longjmp inside a stack works", longjmp_inside_a_stack_works}, )
