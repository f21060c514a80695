/* test_ctx.c - the context switch, ctx/ of this machine: what it keeps, what stays private, where a stack
 * starts. Layer 2, for what stays private to a coroutine. */
// boards
#define LOCUST__LAYERS 2
#include "../../tools/header/all.h"
#include "../check.h"
#include <fenv.h>
#if defined(__GLIBC__)
#include <execinfo.h>
#endif
#if LOCUST__WITH_ASAN
#include <sanitizer/asan_interface.h>
#endif

/* Two sides: the stack of main(), and one stack made by locust__ctx_make. */
static _Alignas(64) char stack[1 << 18];
static void *main_sp, *side_sp;
static int arrivals;

static void open_side(void (*fn)(void *arg), void *arg)
{
#if LOCUST__WITH_ASAN
    __asan_unpoison_memory_region(stack, sizeof stack); // the side before this one never returned
#endif
    side_sp = locust__ctx_make(stack + sizeof stack, fn, arg);
    arrivals = 0;
}

#if LOCUST__WITH_ASAN
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

/* What filled_switch() puts into the registers, and finds there: general registers from the first
 * byte on, each in a word; floating-point and vector registers, each in 8 and 16 bytes. */
enum { FLOATS_AT = 256, VECTORS_AT = 512, VALUES = 768 };
typedef struct values {
    _Alignas(16) unsigned char bytes[VALUES];
    int64_t callee; // where code cannot reach the switch by its name: its address
} values;

/* Fills the callee-saved registers from `in`, switches, and writes what they hold then to `out`.
 * Each is written as: keep them all on the stack, load `in`, call the switch, store to `out`, load
 * what was kept. MOVE does that for all registers, with an instruction and a base address. */
void filled_switch(void **save, void *next, const values *in, values *out) __asm__(
    LOCUST__ASM_NAME("filled_switch"));

// clang-format off
#if LOCUST__WITH_UCONTEXT
enum { WORD = 8, INTEGERS = 0, FLOATS = 0, VECTORS = 0 };
void filled_switch(void **save, void *next, const values *in, values *out)
{
    (void)in, (void)out;
    locust__ctx_switch(save, next);
}

#elif defined(__x86_64__)
enum { WORD = 8, INTEGERS = 6, FLOATS = 0, VECTORS = 0 };
#define ST(reg, i, base) "    movq    %" reg ", 8*" i "(%" base ")\n"
#define LD(reg, i, base) "    movq    8*" i "(%" base "), %" reg "\n"
#define MOVE(op, base)                                                 \
    op("rbx", "0", base) op("rbp", "1", base) op("r12", "2", base)     \
    op("r13", "3", base) op("r14", "4", base) op("r15", "5", base)
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // rdi, rsi, in: rdx, out: rcx
    "    subq    $776, %rsp\n"
    MOVE(ST, "rsp")
    "    movq    %rcx, 768(%rsp)\n"
    MOVE(LD, "rdx")
    "    call    " LOCUST__ASM_CODE("locust__ctx_switch") "\n"
    "    movq    768(%rsp), %rcx\n"
    MOVE(ST, "rcx")
    MOVE(LD, "rsp")
    "    addq    $776, %rsp\n"
    "    ret\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__i386__)
enum { WORD = 4, INTEGERS = 4, FLOATS = 0, VECTORS = 0 };
#define ST(reg, i, base) "    movl    %" reg ", 4*" i "(%" base ")\n"
#define LD(reg, i, base) "    movl    4*" i "(%" base "), %" reg "\n"
#define MOVE(op, base)                                                 \
    op("ebx", "0", base) op("esi", "1", base)                          \
    op("edi", "2", base) op("ebp", "3", base)
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // all on the stack
    "    subl    $780, %esp\n"
    MOVE(ST, "esp")
    "    movl    784(%esp), %eax\n"
    "    movl    788(%esp), %ecx\n"
    "    movl    792(%esp), %edx\n"
    "    pushl   %ecx\n"
    "    pushl   %eax\n"
    MOVE(LD, "edx")
    "    call    locust__ctx_switch\n"
    "    addl    $8, %esp\n"
    "    movl    796(%esp), %ecx\n"
    MOVE(ST, "ecx")
    MOVE(LD, "esp")
    "    addl    $780, %esp\n"
    "    ret\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__aarch64__)
enum { WORD = 8, INTEGERS = 11, FLOATS = 8, VECTORS = 0 };
#define MOVE(op, base)                                                 \
    LOCUST__ASM_EACH("19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29",     \
        op " x\\i, [" base ", #8*(\\i-19)]")                           \
    LOCUST__ASM_EACH("8, 9, 10, 11, 12, 13, 14, 15",                   \
        op " d\\i, [" base ", #256+8*(\\i-8)]")
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // x0, x1, in: x2, out: x3
    "    hint    #34\n"
    "    sub     sp, sp, #784\n"
    MOVE("str", "sp")
    "    str     x30, [sp, #768]\n"
    "    str     x3, [sp, #776]\n"
    MOVE("ldr", "x2")
    "    bl      " LOCUST__ASM_CODE("locust__ctx_switch") "\n"
    "    ldr     x3, [sp, #776]\n"
    MOVE("str", "x3")
    MOVE("ldr", "sp")
    "    ldr     x30, [sp, #768]\n"
    "    add     sp, sp, #784\n"
    "    ret\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__arm__)
#define MOVE_INTS(op, base)                                            \
    LOCUST__ASM_EACH("4, 5, 6, 7, 8, 9, 10, 11",                       \
        op " r\\i, [" base ", #4*(\\i-4)]")
#ifdef __SOFTFP__
enum { WORD = 4, INTEGERS = 8, FLOATS = 0, VECTORS = 0 };
#define MOVE(op, base) MOVE_INTS(op, base)
#else
enum { WORD = 4, INTEGERS = 8, FLOATS = 8, VECTORS = 0 };
#define MOVE(op, base)                                                 \
    MOVE_INTS(op, base)                                                \
    LOCUST__ASM_EACH("8, 9, 10, 11, 12, 13, 14, 15",                   \
        "v" op " d\\i, [" base ", #256+8*(\\i-8)]")
#endif
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // r0, r1, in: r2, out: r3
    "    .cantunwind\n"                // nor what follows without tables: theirs would be this one
    "    sub     sp, sp, #784\n"
    MOVE("str", "sp")
    "    str     lr, [sp, #768]\n"
    "    str     r3, [sp, #772]\n"
    MOVE("ldr", "r2")
    "    bl      locust__ctx_switch\n"
    "    ldr     r3, [sp, #772]\n"
    MOVE("str", "r3")
    MOVE("ldr", "sp")
    "    ldr     lr, [sp, #768]\n"
    "    add     sp, sp, #784\n"
    "    bx      lr\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__riscv)
#if __riscv_xlen == 64
#define ST "sd"
#define LD "ld"
#define W  "8"
enum { WORD = 8 };
#else
#define ST "sw"
#define LD "lw"
#define W  "4"
enum { WORD = 4 };
#endif
#define MOVE_INTS(op, base)                                            \
    LOCUST__ASM_EACH("0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",           \
        op " s\\i, " W "*\\i(" base ")")
#if defined(__riscv_float_abi_double)
enum { INTEGERS = 12, FLOATS = 12, VECTORS = 0 };
#define MOVE(op, fop, base)                                            \
    MOVE_INTS(op, base)                                                \
    LOCUST__ASM_EACH("0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11",           \
        fop " fs\\i, 256+8*\\i(" base ")")
#else
enum { INTEGERS = 12, FLOATS = 0, VECTORS = 0 };
#define MOVE(op, fop, base) MOVE_INTS(op, base)
#endif
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // a0, a1, in: a2, out: a3
    "    addi    sp, sp, -784\n"
    MOVE(ST, "fsd", "sp")
    "    " ST "  ra, 768(sp)\n"
    "    " ST "  a3, 776(sp)\n"
    MOVE(LD, "fld", "a2")
    "    call    locust__ctx_switch\n"
    "    " LD "  a3, 776(sp)\n"
    MOVE(ST, "fsd", "a3")
    MOVE(LD, "fld", "sp")
    "    " LD "  ra, 768(sp)\n"
    "    addi    sp, sp, 784\n"
    "    ret\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__mips__)
#if _MIPS_SIM == 1
#define ST "sw"
#define LD "lw"
#define W  "4"
enum { WORD = 4, INTEGERS = 15, VECTORS = 0 };
#else
#define ST "sd"
#define LD "ld"
#define W  "8"
enum { WORD = 8, INTEGERS = 15, VECTORS = 0 };
#endif
#if _MIPS_SIM == 3
#define ADD "daddiu"
#else
#define ADD "addiu"
#endif
// The places of $24 to $27 and $29 stay empty.
#define MOVE_INTS(op, base)                                            \
    LOCUST__ASM_EACH("16, 17, 18, 19, 20, 21, 22, 23, 28, 30",         \
        op " $\\i, " W "*(\\i-16)($" base ")")
#if !defined(__mips_hard_float)
enum { FLOATS = 0 };
#define MOVE(op, fop, base) MOVE_INTS(op, base)
#elif _MIPS_SIM == 3
enum { FLOATS = 8 };
#define MOVE(op, fop, base)                                            \
    MOVE_INTS(op, base)                                                \
    LOCUST__ASM_EACH("24, 25, 26, 27, 28, 29, 30, 31",                 \
        fop " $f\\i, 256+8*(\\i-24)($" base ")")
#else
enum { FLOATS = 6 };
#define MOVE(op, fop, base)                                            \
    MOVE_INTS(op, base)                                                \
    LOCUST__ASM_EACH("20, 22, 24, 26, 28, 30",                         \
        fop " $f\\i, 256+4*(\\i-20)($" base ")")
#endif
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // a0, a1, in: a2, out: a3
    "    " ADD " $sp, $sp, -784\n"
    MOVE(ST, "sdc1", "sp")
    "    " ST "  $31, 768($sp)\n"
    "    " ST "  $7, 776($sp)\n"
    "    " LD "  $25, 768($6)\n"       // callee: the name is found by gp, or may be far
    MOVE(LD, "ldc1", "6")
    "    jalr    $25\n"
    "    " LD "  $7, 776($sp)\n"
    MOVE(ST, "sdc1", "7")
    MOVE(LD, "ldc1", "sp")
    "    " LD "  $31, 768($sp)\n"
    "    " ADD " $sp, $sp, 784\n"
    "    jr      $31\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__powerpc__)
#if defined(__powerpc64__)
#define ST   "std"
#define LD   "ld"
#define PUSH "stdu"
#define W    "8"
enum { WORD = 8, INTEGERS = 19 };
#else
#define ST   "stw"
#define LD   "lwz"
#define PUSH "stwu"
#define W    "4"
enum { WORD = 4, INTEGERS = 19 };
#endif
#define NUMBERS "14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define MOVE_INTS(op, base) LOCUST__ASM_EACH(NUMBERS, op " \\i, " W "*(\\i-14)(" base ")")
#if !LOCUST__CTX_FLOAT
enum { FLOATS = 0 };
#define MOVE_FLOATS(op, base)
#else
enum { FLOATS = 18 };
#define MOVE_FLOATS(op, base) LOCUST__ASM_EACH(NUMBERS, op " \\i, 256+8*(\\i-14)(" base ")")
#endif
#if !defined(__ALTIVEC__)
enum { VECTORS = 0 };
#define MOVE_VECTORS(op, base)
#else
enum { VECTORS = 12 };
#define MOVE_VECTORS(op, base)                                         \
    LOCUST__ASM_EACH("20,21,22,23,24,25,26,27,28,29,30,31",            \
        "li 0, 512+16*(\\i-20)\n    " op " \\i, " base ", 0")
#endif
#define MOVE(op, fop, vop, base)                                       \
    MOVE_INTS(op, base) MOVE_FLOATS(fop, base) MOVE_VECTORS(vop, base)
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // r3, r4, in: r5, out: r6
    "    mflr    0\n"
    "    mfcr    7\n"
    "    " PUSH "  1, -912(1)\n"       // 112 of them for a callee
    "    addi    11, 1, 112\n"
    "    " ST "  0, 768(11)\n"
    "    " ST "  6, 776(11)\n"
    "    " ST "  7, " W "*18(11)\n"    // CR
    MOVE(ST, "stfd", "stvx", "11")
    "    " LD "  7, " W "*18(5)\n"
    "    mtcrf   0x38, 7\n"            // its fields 2, 3, 4
    MOVE(LD, "lfd", "lvx", "5")
    "    bl      locust__ctx_switch\n"
    "    nop\n"
    "    addi    11, 1, 112\n"
    "    " LD "  6, 776(11)\n"
    "    mfcr    7\n"
    "    " ST "  7, " W "*18(6)\n"
    MOVE(ST, "stfd", "stvx", "6")
    "    " LD "  7, " W "*18(11)\n"
    "    mtcrf   0x38, 7\n"
    MOVE(LD, "lfd", "lvx", "11")
    "    " LD "  0, 768(11)\n"
    "    mtlr    0\n"
    "    addi    1, 1, 912\n"
    "    blr\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__s390x__)
enum { WORD = 8, INTEGERS = 8, FLOATS = 8, VECTORS = 0 };
#define MOVE(op, fop, base)                                            \
    op "mg  %r6, %r13, 0(%" base ")\n"                                 \
    LOCUST__ASM_EACH("8, 9, 10, 11, 12, 13, 14, 15",                   \
        fop " %f\\i, 256+8*(\\i-8)(%" base ")")
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // r2, r3, in: r4, out: r5
    "    aghi    %r15, -944\n"         // 160 of them for a callee
    "    la      %r1, 160(%r15)\n"
    MOVE("st", "std", "r1")
    "    stg     %r14, 768(%r1)\n"
    "    stg     %r5, 776(%r1)\n"
    MOVE("l", "ld", "r4")
    "    brasl   %r14, locust__ctx_switch\n"
    "    la      %r1, 160(%r15)\n"
    "    lg      %r5, 776(%r1)\n"
    MOVE("st", "std", "r5")
    MOVE("l", "ld", "r1")
    "    lg      %r14, 768(%r1)\n"
    "    aghi    %r15, 944\n"
    "    br      %r14\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__m68k__)
#define ST(base) "    movem.l %d2-%d7/%a2-%a6, (%" base ")\n"
#define LD(base) "    movem.l (%" base "), %d2-%d7/%a2-%a6\n"
#ifdef __HAVE_68881__
enum { WORD = 4, INTEGERS = 11, FLOATS = 6, VECTORS = 0 };
#define FST(base) LOCUST__ASM_EACH("2, 3, 4, 5, 6, 7", "fmove.d %fp\\i, 240+8*\\i(%" base ")")
#define FLD(base) LOCUST__ASM_EACH("2, 3, 4, 5, 6, 7", "fmove.d 240+8*\\i(%" base "), %fp\\i")
#else
enum { WORD = 4, INTEGERS = 11, FLOATS = 0, VECTORS = 0 };
#define FST(base)
#define FLD(base)
#endif
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // all on the stack
    "    lea     -784(%sp), %sp\n"
    ST("sp")
    FST("sp")
    "    move.l  796(%sp), %a0\n"
    "    move.l  792(%sp), -(%sp)\n"
    "    move.l  792(%sp), -(%sp)\n"   // 788 before the push
    LD("a0")
    FLD("a0")
    "    bsr.l   locust__ctx_switch\n"
    "    addq.l  #8, %sp\n"
    "    move.l  800(%sp), %a0\n"
    ST("a0")
    FST("a0")
    LD("sp")
    FLD("sp")
    "    lea     784(%sp), %sp\n"
    "    rts\n"
    LOCUST__ASM_END("filled_switch")
);

#elif defined(__loongarch__)
enum { WORD = 8, INTEGERS = 10, VECTORS = 0 };
#define MOVE_INTS(op, base)                                            \
    LOCUST__ASM_EACH("22, 23, 24, 25, 26, 27, 28, 29, 30, 31",         \
        op " $r\\i, $" base ", 8*(\\i-22)")
#if defined(__loongarch_double_float)
enum { FLOATS = 8 };
#define MOVE(op, fop, base)                                            \
    MOVE_INTS(op, base)                                                \
    LOCUST__ASM_EACH("0, 1, 2, 3, 4, 5, 6, 7",                         \
        fop " $fs\\i, $" base ", 256+8*\\i")
#else
enum { FLOATS = 0 };
#define MOVE(op, fop, base) MOVE_INTS(op, base)
#endif
__asm__(
    LOCUST__ASM_BEGIN("filled_switch") // a0, a1, in: a2, out: a3
    "    addi.d  $sp, $sp, -784\n"
    MOVE("st.d", "fst.d", "sp")
    "    st.d    $ra, $sp, 768\n"
    "    st.d    $a3, $sp, 776\n"
    MOVE("ld.d", "fld.d", "a2")
    "    bl      locust__ctx_switch\n"
    "    ld.d    $a3, $sp, 776\n"
    MOVE("st.d", "fst.d", "a3")
    MOVE("ld.d", "fld.d", "sp")
    "    ld.d    $ra, $sp, 768\n"
    "    addi.d  $sp, $sp, 784\n"
    "    jr      $ra\n"
    LOCUST__ASM_END("filled_switch")
);
#endif
// clang-format on

enum { ROUNDS = 1000 };

static void fill(values *v, uint64_t seed)
{
    for (size_t at = 0; at < sizeof v->bytes; at += 8) {
        uint64_t some = locust__random(&seed);
        if (at >= FLOATS_AT && at < VECTORS_AT) // an ordinary number, that m68k does not change
            some = (some & ~((uint64_t)0x7ff << 52)) | (0x3f0 + (some >> 56 & 31)) << 52;
        memcpy(v->bytes + at, &some, 8);
    }
#if defined(__mips__) && !LOCUST__WITH_UCONTEXT // no such registers
    memset(v->bytes + 8 * WORD, 0, 4 * WORD);
    memset(v->bytes + 13 * WORD, 0, WORD);
    locust__ctx_word callee = (locust__ctx_word)(intptr_t)locust__ctx_switch;
    memcpy(&v->callee, &callee, sizeof callee);
#endif
#if defined(__powerpc__) && !LOCUST__WITH_UCONTEXT // of CR, only three fields are kept
    locust__ctx_word cr;
    memcpy(&cr, v->bytes + 18 * WORD, sizeof cr);
    cr &= 0x00fff000;
    memcpy(v->bytes + 18 * WORD, &cr, sizeof cr);
#endif
}

/* The first register that differs, or -1. */
static int differs(const values *in, values *out)
{
#if defined(__powerpc__) && !LOCUST__WITH_UCONTEXT
    locust__ctx_word cr;
    memcpy(&cr, out->bytes + 18 * WORD, sizeof cr);
    cr &= 0x00fff000;
    memcpy(out->bytes + 18 * WORD, &cr, sizeof cr);
#endif
    for (int i = 0; i < INTEGERS; i++)
        if (memcmp(in->bytes + i * WORD, out->bytes + i * WORD, WORD) != 0)
            return i;
    for (int i = 0; i < FLOATS; i++)
        if (memcmp(in->bytes + FLOATS_AT + 8 * i, out->bytes + FLOATS_AT + 8 * i, 8) != 0)
            return INTEGERS + i;
    for (int i = 0; i < VECTORS; i++)
        if (memcmp(in->bytes + VECTORS_AT + 16 * i, out->bytes + VECTORS_AT + 16 * i, 16) != 0)
            return INTEGERS + FLOATS + i;
    return -1;
}

static void side_registers(void *arg)
{
    values in, out;
    (void)arg;
    arrived();
    for (uint64_t round = 0;; round++) {
        fill(&in, 2 * round + 1);
        memset(&out, 0, sizeof out);
#if LOCUST__WITH_ASAN
        void *fake;
        __sanitizer_start_switch_fiber(&fake, main_low, main_size);
#endif
        filled_switch(&side_sp, main_sp, &in, &out);
#if LOCUST__WITH_ASAN
        __sanitizer_finish_switch_fiber(fake, &main_low, &main_size);
#endif
        CHECK_INT(differs(&in, &out), -1);
    }
}

static void keeps_every_register(void)
{
    values in, out;
    open_side(side_registers, NULL);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        fill(&in, 2 * round);
        memset(&out, 0, sizeof out);
#if LOCUST__WITH_ASAN
        void *fake;
        __sanitizer_start_switch_fiber(&fake, stack, sizeof stack);
#endif
        filled_switch(&main_sp, side_sp, &in, &out);
#if LOCUST__WITH_ASAN
        __sanitizer_finish_switch_fiber(fake, NULL, NULL);
#endif
        if (!CHECK_INT(differs(&in, &out), -1))
            return;
    }
    CHECK_INT(arrivals, 1);
    if (INTEGERS == 0)
        SKIP("swapcontext() is the system's; that it comes back is all that is tested");
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

/* The compiler knows the alignment of a variable and would not look; so it is not told which. */
__attribute__((noinline)) static unsigned misaligned(const volatile void *p, unsigned alignment)
{
    __asm__ volatile("" : "+r"(p));
    return (unsigned)((uintptr_t)p % alignment);
}

static void side_entry(void *arg)
{
    _Alignas(16) volatile char wide[32] = {0}; // where the ABI promises 16, from the stack pointer
    _Alignas(8) volatile char narrow[8] = {0}; // and where it promises 8
    char text[64];
    arrived();
    seen_argument = *(int *)arg;
    CHECK_INT(misaligned(wide, 16), 0);
    CHECK_INT(misaligned(narrow, 8), 0);
    // Its prologue may use aligned moves, and it looks for arguments at aligned places.
    snprintf(text, sizeof text, "%.3f %d %lld %.1f", 2.5, 7, 8LL << 40, 0.5);
    CHECK_STR(text, "2.500 7 8796093022208 0.5");
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
#if !LOCUST__WITH_UCONTEXT
        CHECK_INT((uintptr_t)((char *)side_sp + sizeof(locust__ctx_frame)) % 16, 0);
#endif
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
    _Alignas(16) volatile char wide[16] = {0};
    volatile uint64_t mine = locust__random(&seed);
    uint64_t before = mine;
    int below = 0;
    to_main();
    if (depth < DEPTH)
        below = recurse(depth + 1, seed);
    to_main();
    return below + (mine == before && misaligned(wide, 16) == 0);
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

/* -- unwinding -- */

#if defined(__GLIBC__)
enum { ADDRESSES = 64 };
static void *addresses[ADDRESSES];
static int n_addresses;

__attribute__((noinline)) static void look_back(void)
{
    n_addresses = backtrace(addresses, ADDRESSES);
    __asm__ volatile("" : : : "memory"); // not a tail call
}

__attribute__((noinline)) static void look_back_deeper(int depth)
{
    if (depth > 1)
        look_back_deeper(depth - 1);
    else
        look_back();
    __asm__ volatile("" : : : "memory");
}

static void side_backtrace(void *arg)
{
    (void)arg;
    arrived();
    look_back_deeper(3);
    for (;;)
        to_main();
}

static void unwinding_ends_at_the_entry(void)
{
    open_side(side_backtrace, NULL);
    to_side();
    CHECK(n_addresses < 10); // there are six frames, and some sanitizers have one of their own
    if (n_addresses < 5)
        SKIP("this compiler writes no unwind tables");
#if !LOCUST__WITH_UCONTEXT
    uintptr_t last = (uintptr_t)addresses[n_addresses - 1];
#if defined(__arm__) // an end is not shown; of addresses of Thumb code, the lowest bit is a mark
    uintptr_t end = (uintptr_t)side_backtrace & ~(uintptr_t)1;
#else
    uintptr_t end = (uintptr_t)locust__ctx_entry;
#endif
    CHECK(last > end && last < end + 128);
#endif
}
#else
static void unwinding_ends_at_the_entry(void)
{
    SKIP("this C library has no backtrace()");
}
#endif

/* -- floating-point control -- */

static volatile double one = 1, three = 3;

enum {
    MODES_COUNT = !LOCUST__WITH_VALGRIND
}; // valgrind keeps the mode, and rounds to nearest always

#if !defined(FE_UPWARD) || !defined(FE_DOWNWARD) || defined(__SOFTFP__) || \
    defined(__riscv_float_abi_soft) || (defined(__mips__) && !defined(__mips_hard_float))
enum { NEAREST, UP, DOWN, MODES = 0 };
static bool set_rounding(int mode)
{
    return mode == NEAREST;
}

static int rounding(void)
{
    return NEAREST;
}
#else
enum { NEAREST = FE_TONEAREST, UP = FE_UPWARD, DOWN = FE_DOWNWARD, MODES = 1 };

static bool set_rounding(int mode)
{
    return fesetround(mode) == 0 && fegetround() == mode;
}

static int rounding(void)
{
    int mode = fegetround();
#if defined(__SSE__) // there are two control words, and fegetround() looks at one
    CHECK_INT(__builtin_ia32_stmxcsr() & 0x6000, mode << 3);
#endif
    return mode;
}
#endif

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
    side_mode = rounding();
    up = third();
    side_order = compare(up, nearest);
    for (;;)
        to_main();
}

static void rounding_mode_is_private(void)
{
    double nearest = third();
    if (!MODES)
        SKIP("floats are made of integers here");
    if (!set_rounding(UP))
        SKIP("this machine rounds to nearest always");
    CHECK(set_rounding(NEAREST));
    open_side(side_rounding, NULL);
    to_side();
    CHECK_INT(rounding(), NEAREST); // the other side's mode did not leak
    CHECK_INT(compare(third(), nearest), 0);
    CHECK(set_rounding(DOWN));
    to_side();
    CHECK_INT(rounding(), DOWN); // mine came back
    CHECK(set_rounding(NEAREST));
    CHECK_INT(side_mode, UP); // and theirs
    CHECK_INT(side_order, MODES_COUNT);
}

/* The same between coroutines of a loop, where users meet it. */
static locust__loop loop;
static int bad_modes, bad_sums;

static void rounds_its_way(void *arg)
{
    const int mode = *(const int *)arg;
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
    static int modes[] = {NEAREST, UP, DOWN};
    if (!MODES)
        SKIP("floats are made of integers here");
    if (!set_rounding(UP))
        SKIP("this machine rounds to nearest always");
    CHECK(set_rounding(NEAREST));
    bad_modes = bad_sums = 0;
    CHECK_INT(locust__loop_open(&loop), 0);
    for (int i = 0; i < 30; i++)
        locust__co_start(&loop, "test", 0, rounds_its_way, &modes[i % 3], NULL);
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
    {"recurses deeply", recurses_deeply},
    {"unwinding ends at the entry", unwinding_ends_at_the_entry},
    {"rounding mode is private", rounding_mode_is_private},
    {"rounding mode is private to a coroutine", rounding_mode_is_private_to_a_coroutine},
    {"longjmp inside a stack works", longjmp_inside_a_stack_works}, )
