/* ============================================================================================
 * >>ctx  the context switch, in assembly, one part for each machine
 *
 * Purpose     leaves one stack and goes on with another: locust__ctx_switch(&save, next). Here is
 *             what the assembly of all machines has in common.
 * Invariants  the saved pointer of a parked stack points at a struct locust__ctx_frame: the
 *             registers that the ABI lets a callee change only for a while, the floating-point
 *             control bits, and the address to return to. Nothing else is state. The frame
 *             differs from machine to machine, but has fn, arg and ret everywhere, which
 *             locust__ctx_make fills in.
 * Cost        below 3 ns between two stacks of like depth; `make bench B=core`. Through ucontext
 *             600 ns: two system calls for the signal mask.
 * Names       locust__ctx_ locust__asm_ locust__with_ucontext
 * Sources     x86-64      System V psABI for AMD64: figure 3.4, section 3.2.1
 *             i386        System V psABI for Intel386: section 2.2
 *             AArch64     AAPCS64: section 6.1
 *             ARM         AAPCS32: sections 6.1.1, 6.1.2.1, 6.6; EHABI32: "Index table entries"
 *             RISC-V      RISC-V ELF psABI: "Register Convention"
 *             MIPS        System V psABI for MIPS: chapter 3, "Function Calling Sequence" (o32);
 *                         MIPSpro N32 ABI Handbook: chapter 2 (n32, n64)
 *             PowerPC     Power Architecture 32-bit ABI Supplement, Linux: section 3.2; PowerPC
 *                         64-bit ELF ABI 1.9: section 3.2 (ELFv1); OpenPOWER ELF V2 ABI:
 *                         section 2.2
 *             s390x       ELF ABI, s390x Supplement: sections 1.2.1, 1.2.2
 *             m68k        System V psABI for the 68000 family: chapter 3, "Function Calling
 *                         Sequence"
 *             LoongArch   LoongArch Procedure Call Standard: "The registers", "The stack"
 * Why so      a plain `ret` keeps the CPU's return-address predictor right, and is the one form
 *             that hardware shadow stacks could follow. The floating-point control words are saved
 *             on each machine that has them, though most ABIs call them global: a user that calls
 *             fesetround() must not infect its neighbours. Where a write to them is slow, it is
 *             left out if it would change nothing. The symbols are global and hidden: a local one
 *             breaks under gcc -flto with partitions.
 *             locust__ctx_entry ends the call chain: its return address is undefined in the unwind
 *             table and the frame pointer is zero, so gdb, perf and backtrace() stop there.
 *             Debug information knows registers by number, as not every assembler takes names.
 * Limits      the exception flags of <fenv.h> stay with the stack on some machines only. x32,
 *             ColdFire, SPE and machines without a part here switch through ucontext.
 *
 *   high   | top of the stack, 16-aligned    |     no ABI here asks for more than 16
 *          | two words of zero               |
 *          | struct locust__ctx_frame        |  <- saved stack pointer of a new coroutine
 *   low    | ...                             |
 * ============================================================================================ */

#if defined(LOCUST_UCONTEXT) && LOCUST__ON(LOCUST_UCONTEXT)
#define LOCUST__WITH_UCONTEXT 1
#else
#define LOCUST__WITH_UCONTEXT 0
#endif

/* What the assembly says around a function, for each machine and object format.
 *   NAME   the symbol that C code calls; CODE: the symbol of its first instruction
 *   OPEN   what the machine wants in front of a function; CLOSE: behind it
 *   SP     an instruction that moves the stack pointer down by so many bytes (up, if negative),
 *          with its line in the unwind table
 *   EACH   one line for each number in a list; \\i stands for the number */
// clang-format off
#if defined(__arm__) && defined(__thumb2__)
#define LOCUST__ASM_OPEN                                           \
    " .cfi_sections .debug_frame\n .syntax unified\n .fnstart\n .thumb\n .thumb_func\n"
#define LOCUST__ASM_CLOSE " .fnend\n"
#elif defined(__arm__) // ARM code, even under Thumb-1, which cannot switch but can call this
#define LOCUST__ASM_OPEN  " .cfi_sections .debug_frame\n .syntax unified\n .fnstart\n .arm\n"
#define LOCUST__ASM_CLOSE " .fnend\n"
#elif defined(__mips__) // not MIPS16 code, which cannot switch but can call this
#define LOCUST__ASM_OPEN  " .set push\n .set nomips16\n .set nomicromips\n .set reorder\n"
#define LOCUST__ASM_CLOSE " .set pop\n"
#else
#define LOCUST__ASM_OPEN
#define LOCUST__ASM_CLOSE
#endif

#if defined(__APPLE__) // Mach-O: C names get an underscore
#define LOCUST__ASM_NAME(name) "_" name
#define LOCUST__ASM_CODE(name) "_" name
#define LOCUST__ASM_BEGIN(name)                                    \
    ".text\n .private_extern _" name "\n .p2align 4\n"             \
    LOCUST__ASM_OPEN "_" name ":\n .cfi_startproc\n"
#define LOCUST__ASM_END(name) " .cfi_endproc\n" LOCUST__ASM_CLOSE
#else // ELF
#define LOCUST__ASM_NAME(name) name
#if defined(__powerpc64__) && (!defined(_CALL_ELF) || _CALL_ELF == 1)
// ELFv1: the name is that of a descriptor (code, table of contents, environment): section 3.2.5
#define LOCUST__ASM_CODE(name) "." name
#define LOCUST__ASM_DESCRIPTOR(name)                               \
    ".pushsection .opd, \"aw\"\n .p2align 3\n"                     \
    LOCUST__ASM_GLOBAL(name) name ": .quad ." name ", .TOC.@tocbase, 0\n .popsection\n"
#else
#define LOCUST__ASM_CODE(name) name
#define LOCUST__ASM_DESCRIPTOR(name)
#endif
#define LOCUST__ASM_GLOBAL(symbol) \
    " .globl " symbol "\n .hidden " symbol "\n .type " symbol ", %function\n"
#define LOCUST__ASM_BEGIN(name)                                    \
    LOCUST__ASM_DESCRIPTOR(name)                                   \
    ".pushsection .text\n .p2align 4\n"                            \
    LOCUST__ASM_GLOBAL(LOCUST__ASM_CODE(name))                     \
    LOCUST__ASM_OPEN LOCUST__ASM_CODE(name) ":\n .cfi_startproc\n"
#define LOCUST__ASM_END(name)                                      \
    " .cfi_endproc\n" LOCUST__ASM_CLOSE                            \
    " .size " LOCUST__ASM_CODE(name) ", .-" LOCUST__ASM_CODE(name) "\n .popsection\n"
#endif
#define LOCUST__ASM_SP(bytes, instruction) \
    "    " instruction "\n    .cfi_adjust_cfa_offset " bytes "\n"
#define LOCUST__ASM_EACH(list, line) "    .irp    i, " list "\n    " line "\n    .endr\n"
// clang-format on

/* A general register, as a frame stores it. */
#if defined(__mips__) && defined(_MIPS_SIM) && _MIPS_SIM == 2
typedef int64_t locust__ctx_word; // n32: pointers of 32 bits, sign-extended, in registers of 64
#else
typedef intptr_t locust__ctx_word;
#endif
