/* ============================================================================================
 * >>ctx_allowed  may stacks be switched?
 *
 * Purpose     answers for the machines that have nothing against it. x86-64 has: shadow stacks.
 * Names       locust__ctx_
 * ============================================================================================ */

#if !defined(LOCUST__CTX_ASKS)
/* Whether this process may switch stacks. */
static bool locust__ctx_allowed(void)
{
    return true;
}
#endif
