/* ============================================================================================
 * >>ctx_x86_64  the context switch on x86-64
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    uint32_t mxcsr;
    uint16_t x87_control, unused;
    locust__ctx_word r15, r14, r13, fn /* r12 */, arg /* rbx */, rbp, ret;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 64, "the assembly below lays it out by pushes");
_Static_assert(offsetof(locust__ctx_frame, fn) == 32, "r12 is popped fourth");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: rdi, next: rsi)
    LOCUST__ASM_SP("8", "pushq   %rbp") // callee-saved: psABI figure 3.4
    "    .cfi_rel_offset 6, 0        \n"    // rbp: frame-pointer builds unwind by it
    LOCUST__ASM_SP("8", "pushq   %rbx")
    LOCUST__ASM_SP("8", "pushq   %r12")
    LOCUST__ASM_SP("8", "pushq   %r13")
    LOCUST__ASM_SP("8", "pushq   %r14")
    LOCUST__ASM_SP("8", "pushq   %r15")
    LOCUST__ASM_SP("8", "subq    $8, %rsp")
    "    stmxcsr (%rsp)              \n"    // control bits are callee-saved: psABI 3.2.1
    "    fnstcw  4(%rsp)             \n"
    "    movq    %rsp, (%rdi)        \n"
    "    movq    %rsi, %rsp          \n"    // on the other stack from here; it is laid out alike
    "    ldmxcsr (%rsp)              \n"
    "    fldcw   4(%rsp)             \n"
    LOCUST__ASM_SP("-8", "addq    $8, %rsp")
    LOCUST__ASM_SP("-8", "popq    %r15")
    LOCUST__ASM_SP("-8", "popq    %r14")
    LOCUST__ASM_SP("-8", "popq    %r13")
    LOCUST__ASM_SP("-8", "popq    %r12")
    LOCUST__ASM_SP("-8", "popq    %rbx")
    LOCUST__ASM_SP("-8", "popq    %rbp")
    "    .cfi_restore 6              \n"
    "    ret                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")  // reached by the ret above: rsp is 16-aligned
    "    .cfi_undefined 16           \n"    // rip: nobody called
    "    movq    %rbx, %rdi          \n"    // arg
    "    xorl    %ebp, %ebp          \n"
    "    callq   *%r12               \n"    // fn
    "    ud2                         \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(frame->mxcsr), "=m"(frame->x87_control));
}

/* A hardware shadow stack, which checks return addresses, cannot follow a switch of stacks. It is
 * off unless glibc was asked for it; if it is on, this switches it off. False: the kernel refused,
 * as the start-up code has locked it. Source: Linux Documentation/arch/x86/shstk.rst. */
#define LOCUST__CTX_ASKS 1
static bool locust__ctx_allowed(void)
{
    uint64_t shadow = 0;
    __asm__ volatile(".byte 0xf3, 0x48, 0x0f, 0x1e, 0xc8" : "+a"(shadow)); // rdsspq %rax, or a nop
#if LOCUST__OS_LINUX
    return !shadow || syscall(SYS_arch_prctl, 0x5002 /* ARCH_SHSTK_DISABLE */, 1UL) == 0;
#else
    return !shadow;
#endif
}
