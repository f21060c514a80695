/* ============================================================================================
 * >>os_aes  has this processor instructions for AES?
 *
 * Purpose     tells TLS whether to offer AES first, or ChaCha20, which is faster without them.
 * Names       locust__os_has_
 * ============================================================================================ */

#if defined(__x86_64__) || defined(__i386__)
LOCUST__UNUSED static bool locust__os_has_aes(void)
{
    return __builtin_cpu_supports("aes");
}
#elif defined(__aarch64__) && LOCUST__OS_LINUX
LOCUST__UNUSED static bool locust__os_has_aes(void)
{
    return getauxval(AT_HWCAP) & 1 << 3; // HWCAP_AES
}
#else
LOCUST__UNUSED static bool locust__os_has_aes(void)
{
    return LOCUST__OS_APPLE && sizeof(void *) == 8; // all Apple silicon has them
}
#endif
