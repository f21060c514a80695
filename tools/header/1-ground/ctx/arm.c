/* ============================================================================================
 * >>ctx_arm  the context switch on ARM, 32 bits
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

typedef struct locust__ctx_frame {
#ifndef __SOFTFP__ // softfp and hard float alike: the registers are there
    double d8_to_d15[8];
#endif
    uint32_t fpscr; // unused under __SOFTFP__
    locust__ctx_word fn /* r4 */, arg /* r5 */, r6_to_r11[6], ret /* lr */;
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) - offsetof(locust__ctx_frame, fpscr) == 40,
    "the assembly below pushes that many bytes at once");
_Static_assert(sizeof(locust__ctx_frame) % 8 == 0, "sp stays 8-aligned: AAPCS32 6.2.1.2");
_Static_assert(offsetof(locust__ctx_frame, fn) - offsetof(locust__ctx_frame, fpscr) == 4, "r3, r4");

// clang-format off
__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: r0, next: r1)
#ifndef __SOFTFP__
    "    vmrs    r3, fpscr           \n"
#endif
    LOCUST__ASM_SP("40", "push    {r3-r11, lr}") // callee-saved: AAPCS32 6.1.1; r3 makes it even
    "    .cfi_rel_offset 14, 36      \n"
    "    .cfi_rel_offset 11, 32      \n"    // the frame pointer of ARM code,
    "    .cfi_rel_offset 7, 16       \n"    // and of Thumb code
    "    .save   {r4-r11, lr}        \n"
    "    .pad    #4                  \n"
#ifndef __SOFTFP__
    LOCUST__ASM_SP("64", "vpush   {d8-d15}") // AAPCS32 6.1.2.1
    "    .vsave  {d8-d15}            \n"
#endif
    "    mov     r2, sp              \n"
    "    str     r2, [r0]            \n"
    "    mov     sp, r1              \n"    // on the other stack from here; it is laid out alike
#ifndef __SOFTFP__
    LOCUST__ASM_SP("-64", "vpop    {d8-d15}")
    "    mov     r2, r3              \n"
#endif
    LOCUST__ASM_SP("-40", "pop     {r3-r11, lr}")
    "    .cfi_restore 14             \n"
    "    .cfi_restore 11             \n"
    "    .cfi_restore 7              \n"
#ifndef __SOFTFP__
    "    eor     r2, r2, r3          \n"    // a write to FPSCR is slow: only if the two differ
    "    lsl     r2, r2, #5          \n"    // in bits 8 to 26: traps, rounding, flush to zero;
    "    lsrs    r2, r2, #13         \n"    // the others are conditions and exception flags
    "    beq     1f                  \n"
    "    vmsr    fpscr, r3           \n"
    "1:                              \n"
#endif
    "    bx      lr                  \n"    // to ARM or Thumb code: AAPCS32 6.6
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 14           \n"    // nobody called; backtrace() reads another table, in
    "    .cantunwind                 \n"    // which this also covers code without tables below it
    "    mov     r0, r5              \n"    // arg
    "    blx     r4                  \n"    // fn
    "    udf     #0                  \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#ifndef __SOFTFP__
    __asm__ volatile("vmrs %0, fpscr" : "=r"(frame->fpscr));
#else
    (void)frame;
#endif
}
