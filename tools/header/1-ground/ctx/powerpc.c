/* ============================================================================================
 * >>ctx_powerpc  the context switch on PowerPC, 32 and 64 bits
 *
 * Purpose     what a parked stack holds on this machine (locust__ctx_frame), and the code that
 *             leaves one stack for another (locust__ctx_switch) and begins on a new one
 *             (locust__ctx_entry).
 * Names       locust__ctx_
 * ============================================================================================ */

#if !defined(_SOFT_FLOAT) && !defined(__NO_FPRS__)
#define LOCUST__CTX_FLOAT 1
#else
#define LOCUST__CTX_FLOAT 0
#endif

typedef struct locust__ctx_frame {
    locust__ctx_word back_chain, ret /* LR */, cr, toc /* r2, on 64 bits */, fn /* r14 */,
        arg /* r15 */, r16_to_r31[16], vrsave, unused;
#if LOCUST__CTX_FLOAT
    double f14_to_f31[18];
    uint64_t fpscr, fpscr_unused;
#endif
#if defined(__ALTIVEC__)
    _Alignas(16) unsigned char v20_to_v31[12][16];
#endif
} locust__ctx_frame;
_Static_assert(sizeof(locust__ctx_frame) % 16 == 0, "r1 stays 16-aligned");
_Static_assert(offsetof(locust__ctx_frame, fn) == 4 * sizeof(locust__ctx_word), "14 - 10");

// clang-format off
#if defined(__powerpc64__)
#define LOCUST__CTX_WORD "8" // bytes
#define LOCUST__CTX_ST   "std     "
#define LOCUST__CTX_LD   "ld      "
#define LOCUST__CTX_PUSH "stdu    "
#else
#define LOCUST__CTX_WORD "4"
#define LOCUST__CTX_ST   "stw     "
#define LOCUST__CTX_LD   "lwz     "
#define LOCUST__CTX_PUSH "stwu    "
#endif
#define LOCUST__CTX_INTS   "14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31"
#define LOCUST__CTX_AT     "\\i, " LOCUST__CTX_WORD "*(\\i-10)(1)"
#define LOCUST__CTX_FLOATS LOCUST__CTX_INTS
#define LOCUST__CTX_FAT    "\\i, 24*" LOCUST__CTX_WORD "+8*(\\i-14)(1)"
#define LOCUST__CTX_FPSCR  "24*" LOCUST__CTX_WORD "+8*18"
#if LOCUST__CTX_FLOAT
#define LOCUST__CTX_VBASE "24*" LOCUST__CTX_WORD "+8*20"
_Static_assert(offsetof(locust__ctx_frame, fpscr) ==
    24 * sizeof(locust__ctx_word) + 8 * 18, "as above");
#else
#define LOCUST__CTX_VBASE "24*" LOCUST__CTX_WORD
#endif
#if defined(__ALTIVEC__)
#define LOCUST__CTX_SIZE "(" LOCUST__CTX_VBASE "+12*16)"
_Static_assert(offsetof(locust__ctx_frame, v20_to_v31) ==
    24 * sizeof(locust__ctx_word) + LOCUST__CTX_FLOAT * 8 * 20, "as above");
#else
#define LOCUST__CTX_SIZE "(" LOCUST__CTX_VBASE ")"
_Static_assert(sizeof(locust__ctx_frame) ==
    24 * sizeof(locust__ctx_word) + LOCUST__CTX_FLOAT * 8 * 20, "as above");
#endif
#define LOCUST__CTX_VECTORS "20,21,22,23,24,25,26,27,28,29,30,31"
#define LOCUST__CTX_VAT     "li 0, " LOCUST__CTX_VBASE "+16*(\\i-20)\n" // there is no displacement
#if defined(__LITTLE_ENDIAN__) // where the byte of FPSCR is that has all control bits
#define LOCUST__CTX_CONTROL LOCUST__CTX_FPSCR "(1)"
#else
#define LOCUST__CTX_CONTROL LOCUST__CTX_FPSCR "+7(1)"
#endif

__asm__(
    LOCUST__ASM_BEGIN("locust__ctx_switch") // (save: r3, next: r4)
    "    mflr    0                   \n"
    "    mfcr    5                   \n"
    LOCUST__ASM_SP(LOCUST__CTX_SIZE, LOCUST__CTX_PUSH "1, -" LOCUST__CTX_SIZE "(1)")
    "    " LOCUST__CTX_ST "0, " LOCUST__CTX_WORD "(1)\n"
    "    .cfi_rel_offset 65, " LOCUST__CTX_WORD "\n"
    "    " LOCUST__CTX_ST "5, 2*" LOCUST__CTX_WORD "(1)\n"
#if defined(__powerpc64__)
    "    std     2, 3*8(1)           \n"    // the table of contents of the function that waits
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_ST LOCUST__CTX_AT) // r13 belongs to the thread
    "    .cfi_rel_offset 31, 21*" LOCUST__CTX_WORD "\n" // the frame pointer
#if defined(__ALTIVEC__)
    "    mfspr   5, 256              \n"    // VRSAVE: nonvolatile but in ELFv2, which ignores it
    "    " LOCUST__CTX_ST "5, 22*" LOCUST__CTX_WORD "(1)\n"
    LOCUST__ASM_EACH(LOCUST__CTX_VECTORS, LOCUST__CTX_VAT "    stvx    \\i, 1, 0")
#endif
#if LOCUST__CTX_FLOAT
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, "stfd    " LOCUST__CTX_FAT)
    "    mffs    0                   \n"
    "    stfd    0, " LOCUST__CTX_FPSCR "(1)\n"
    "    lbz     6, " LOCUST__CTX_CONTROL "\n"
#endif
    "    " LOCUST__CTX_ST "1, 0(3)   \n"
    "    mr      1, 4                \n"    // on the other stack from here; it is laid out alike
#if LOCUST__CTX_FLOAT
    "    lbz     7, " LOCUST__CTX_CONTROL "\n"
    "    cmpw    6, 7                \n"    // a write to FPSCR is slow: only if the traps or the
    "    beq     1f                  \n"    // rounding differ
    "    lfd     0, " LOCUST__CTX_FPSCR "(1)\n"
    "    mtfsf   3, 0                \n"    // only the two fields of that byte
    "1:                              \n"
    LOCUST__ASM_EACH(LOCUST__CTX_FLOATS, "lfd     " LOCUST__CTX_FAT)
#endif
#if defined(__ALTIVEC__)
    LOCUST__ASM_EACH(LOCUST__CTX_VECTORS, LOCUST__CTX_VAT "    lvx     \\i, 1, 0")
    "    " LOCUST__CTX_LD "5, 22*" LOCUST__CTX_WORD "(1)\n"
    "    mtspr   256, 5              \n"
#endif
    LOCUST__ASM_EACH(LOCUST__CTX_INTS, LOCUST__CTX_LD LOCUST__CTX_AT)
    "    .cfi_restore 31             \n"
#if defined(__powerpc64__)
    "    ld      2, 3*8(1)           \n"
#endif
    "    " LOCUST__CTX_LD "5, 2*" LOCUST__CTX_WORD "(1)\n"
    "    mtcrf   0x38, 5             \n"    // CR2 to CR4
    "    " LOCUST__CTX_LD "0, " LOCUST__CTX_WORD "(1)\n"
    "    mtlr    0                   \n"
    "    .cfi_restore 65             \n"
    LOCUST__ASM_SP("-" LOCUST__CTX_SIZE, "addi    1, 1, " LOCUST__CTX_SIZE)
    "    blr                         \n"
    LOCUST__ASM_END("locust__ctx_switch")

    LOCUST__ASM_BEGIN("locust__ctx_entry")
    "    .cfi_undefined 65           \n"    // nobody called,
    "    li      0, 0                \n"    // and the chain of frames ends
#if defined(__powerpc64__)
    LOCUST__ASM_SP("112", "stdu    0, -112(1)") // header and arguments of ELFv1; ELFv2 needs less
#else
    LOCUST__ASM_SP("16", "stwu    0, -16(1)")
#endif
    "    mr      3, 15               \n"    // arg
#if defined(__powerpc64__) && (!defined(_CALL_ELF) || _CALL_ELF == 1)
    "    ld      12, 0(14)           \n"    // fn, a descriptor
    "    ld      2, 8(14)            \n"
    "    ld      11, 16(14)          \n"
#else
    "    mr      12, 14              \n"    // fn finds its table of contents by r12
#endif
    "    mtctr   12                  \n"
    "    bctrl                       \n"
    "    trap                        \n"
    LOCUST__ASM_END("locust__ctx_entry")
);
// clang-format on

static void locust__ctx_frame_init(locust__ctx_frame *frame)
{
#if defined(__powerpc64__)
    __asm__ volatile("mr %0, 2" : "=r"(frame->toc));
#endif
#if LOCUST__CTX_FLOAT
    double fpscr;
    __asm__ volatile("mffs %0" : "=f"(fpscr));
    memcpy(&frame->fpscr, &fpscr, sizeof fpscr);
#endif
#if defined(__ALTIVEC__)
    __asm__ volatile("mfspr %0, 256" : "=r"(frame->vrsave));
#endif
    (void)frame;
}
