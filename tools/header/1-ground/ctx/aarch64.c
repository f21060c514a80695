/* ============================================================================================
 * >>ctx_aarch64  the context switch on AArch64
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
    locust__ctx_word arg /* x19 */, fn /* x20 */, x21_to_x28[8], x29, ret /* x30 */;
    double d8_to_d15[8];
    uint64_t fpcr, unused;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) == 176, "the assembly below reserves that much");
_Static_assert(offsetof(locust__ctx_frame, ret) == 88, "x30 is stored there");
_Static_assert(offsetof(locust__ctx_frame, fpcr) == 160, "FPCR is stored there");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: x0, next: x1)
    "    hint    #34                 \n"    // bti c
    LOCUST__ASM_SP("176", "sub     sp, sp, #176")
    "    stp     x19, x20, [sp]      \n"    // callee-saved: AAPCS64 6.1.1
    "    stp     x21, x22, [sp, #16] \n"
    "    stp     x23, x24, [sp, #32] \n"
    "    stp     x25, x26, [sp, #48] \n"
    "    stp     x27, x28, [sp, #64] \n"
    "    stp     x29, x30, [sp, #80] \n"
    "    .cfi_rel_offset 29, 80      \n"
    "    .cfi_rel_offset 30, 88      \n"
    "    stp     d8,  d9,  [sp, #96] \n"    // low halves of v8 to v15: AAPCS64 6.1.2
    "    stp     d10, d11, [sp, #112]\n"
    "    stp     d12, d13, [sp, #128]\n"
    "    stp     d14, d15, [sp, #144]\n"
    "    mrs     x9, fpcr            \n"
    "    str     x9, [sp, #160]      \n"
    "    mov     x10, sp             \n"
    "    str     x10, [x0]           \n"
    "    mov     sp, x1              \n"    // on the other stack from here; it is laid out alike
    "    ldr     x10, [sp, #160]     \n"
    "    cmp     x9, x10             \n"    // a write to FPCR serializes: only if it differs
    "    b.eq    1f                  \n"
    "    msr     fpcr, x10           \n"
    "1:  ldp     x19, x20, [sp]      \n"
    "    ldp     x21, x22, [sp, #16] \n"
    "    ldp     x23, x24, [sp, #32] \n"
    "    ldp     x25, x26, [sp, #48] \n"
    "    ldp     x27, x28, [sp, #64] \n"
    "    ldp     x29, x30, [sp, #80] \n"
    "    .cfi_restore 29             \n"
    "    .cfi_restore 30             \n"
    "    ldp     d8,  d9,  [sp, #96] \n"
    "    ldp     d10, d11, [sp, #112]\n"
    "    ldp     d12, d13, [sp, #128]\n"
    "    ldp     d14, d15, [sp, #144]\n"
    LOCUST__ASM_SP("-176", "add     sp, sp, #176")
    "    ret                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    hint    #36                 \n"    // bti j
    "    .cfi_undefined 30           \n"    // nobody called
    "    mov     x0, x19             \n"    // arg
    "    mov     x29, xzr            \n"
    "    mov     x30, xzr            \n"
    "    blr     x20                 \n"    // fn
    "    brk     #0                  \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
    __asm__ volatile("mrs %0, fpcr" : "=r"(frame->fpcr));
}
