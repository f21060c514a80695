/* ============================================================================================
 * >>ctx_i386  the context switch on i386
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    uint32_t mxcsr; // unused where the compiler makes no use of SSE
    uint16_t x87_control, unused;
    locust__ctx_word edi, fn /* esi */, arg /* ebx */, ebp, ret;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 28, "the assembly below lays it out by pushes");
_Static_assert(offsetof(locust__ctx_frame, fn) == 12, "esi is popped second");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: 4(%esp), next: 8(%esp))
    "    movl    4(%esp), %eax       \n"
    "    movl    8(%esp), %edx       \n"
    LOCUST__ASM_SP("4", "pushl   %ebp") // callee-saved: psABI 2.2
    "    .cfi_rel_offset 5, 0        \n"    // ebp: frame-pointer builds unwind by it
    LOCUST__ASM_SP("4", "pushl   %ebx")
    LOCUST__ASM_SP("4", "pushl   %esi")
    LOCUST__ASM_SP("4", "pushl   %edi")
    LOCUST__ASM_SP("8", "subl    $8, %esp")
#ifdef __SSE__
    "    stmxcsr (%esp)              \n"
#endif
    "    fnstcw  4(%esp)             \n"
    "    movl    %esp, (%eax)        \n"
    "    movl    %edx, %esp          \n"    // on the other stack from here; it is laid out alike
#ifdef __SSE__
    "    ldmxcsr (%esp)              \n"
#endif
    "    fldcw   4(%esp)             \n"
    LOCUST__ASM_SP("-8", "addl    $8, %esp")
    LOCUST__ASM_SP("-4", "popl    %edi")
    LOCUST__ASM_SP("-4", "popl    %esi")
    LOCUST__ASM_SP("-4", "popl    %ebx")
    LOCUST__ASM_SP("-4", "popl    %ebp")
    "    .cfi_restore 5              \n"
    "    ret                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")  // reached by the ret above: esp is 16-aligned
    "    .cfi_undefined 8            \n"    // eip: nobody called
    LOCUST__ASM_SP("12", "subl    $12, %esp")
    LOCUST__ASM_SP("4", "pushl   %ebx") // arg
    "    calll   *%esi               \n"    // fn
    "    ud2                         \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#ifdef __SSE__
    __asm__ volatile("stmxcsr %0" : "=m"(frame->mxcsr));
#endif
    __asm__ volatile("fnstcw %0" : "=m"(frame->x87_control));
}
