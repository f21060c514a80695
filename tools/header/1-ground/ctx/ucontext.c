/* ============================================================================================
 * >>ctx_ucontext  the context switch by the C library
 *
 * Purpose     the same functions by makecontext() and swapcontext(), for stacks that grow down.
 * Invariants  a context lies at the top of its stack until it first runs; then it is a local
 *             variable of the switch.
 * Cost        600 ns a switch: two system calls for the signal mask.
 * Names       locust__ctx_
 * ============================================================================================ */

#if (LOCUST__OS_LINUX && !defined(__GLIBC__)) || defined(__OpenBSD__)
#error \
    "locust.h can switch stacks here by swapcontext() only, which this C library lacks (musl, say): compile with glibc, and without LOCUST_UCONTEXT if you set it"
#endif
#include <ucontext.h>

typedef struct locust__ctx_frame {
    ucontext_t context; // first: the saved pointer of a parked stack points at one of these
    unsigned control;
    void (*fn)(void *arg);
    void *arg;
} locust__ctx_frame;
_Static_assert(_Alignof(locust__ctx_frame) <= 16, "locust__ctx_make aligns it so");

/* The floating-point control bits that glibc's swapcontext() leaves as they are. */
static unsigned locust__ctx_control(void)
{
    unsigned control = 0;
#if defined(__sparc__) && !defined(_SOFT_FLOAT)
    __asm__ volatile("st %%fsr, %0" : "=m"(control));
#elif defined(__i386__) && defined(__SSE__)
    __asm__ volatile("stmxcsr %0" : "=m"(control));
#endif
    return control;
}

static void locust__ctx_control_set(unsigned control)
{
#if defined(__sparc__) && !defined(_SOFT_FLOAT)
    __asm__ volatile("ld %0, %%fsr" : : "m"(control));
#elif defined(__i386__) && defined(__SSE__)
    __asm__ volatile("ldmxcsr %0" : : "m"(control));
#endif
    (void)control;
}

/* Where a new stack starts, with what makecontext() can pass: two int, the halves of a pointer. */
static void locust__ctx_entry(unsigned high, unsigned low)
{
    locust__ctx_frame *frame = (locust__ctx_frame *)((uintptr_t)high << 16 << 16 | low);
    locust__ctx_control_set(frame->control);
    frame->fn(frame->arg);
    abort();
}

/* Not inlined: `here` is large, and would be in the frame of the caller, at each level of a
 * recursion, though it is needed only while the innermost one is parked. */
__attribute__((noinline)) static void locust__ctx_switch(void **save, void *next)
{
    unsigned control = locust__ctx_control();
    ucontext_t here;
    here.uc_stack.ss_sp = NULL; // a sanitizer looks at these two when it switches back
    here.uc_stack.ss_size = 0;
    *save = &here;
    if (swapcontext(&here, next) != 0)
        abort();
    locust__ctx_control_set(control);
}

static void *locust__ctx_make(char *top, void (*fn)(void *arg), void *arg)
{
    enum { ROUNDED = (sizeof(locust__ctx_frame) + 15) / 16 * 16, SOME = 4096 };
    locust__ctx_frame *frame = (locust__ctx_frame *)(void *)(top - ROUNDED);
    LOCUST_ASSERT(((uintptr_t)top & 15) == 0);
    if (getcontext(&frame->context) != 0)
        abort();
    frame->context.uc_stack.ss_sp = (char *)frame - SOME; // only the sum of the two matters
    frame->context.uc_stack.ss_size = SOME;
    frame->context.uc_link = NULL;
    frame->control = locust__ctx_control();
    frame->fn = fn;
    frame->arg = arg;
    makecontext(&frame->context, (void (*)(void))locust__ctx_entry, 2,
        (unsigned)((uintptr_t)frame >> 16 >> 16), (unsigned)(uintptr_t)frame);
    return frame;
}
