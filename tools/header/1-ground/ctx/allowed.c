/* ============================================================================================
 * >>ctx_allowed  may stacks be switched?
 *
 * Purpose     the usual answer, where a machine does not ask.
 * Names       locust__ctx_
 * ============================================================================================ */

#if !defined(LOCUST__CTX_ASKS)
/* False: something forbids to switch stacks. */
static bool locust__ctx_allowed(void)
{
    return true;
}
#endif
