/* ============================================================================================
 * >>tls_version  versions and ciphers
 *
 * Purpose     --tls-min, --tls-max, --ciphers: names to numbers of mbedTLS, checked against what
 *             this mbedTLS has; the start of mbedTLS.
 * Names       locust__tls_check_ locust__tls_cipher_ locust__tls_start_ locust__tls_version_
 * Uses        >>tls >>tls_state
 * ============================================================================================ */

/* "1.2" or "1.3" as 2 or 3; 0: another text. */
static int locust__tls_version(const char *text)
{
    return strcmp(text, "1.2") == 0 ? 2 : strcmp(text, "1.3") == 0 ? 3 : 0;
}

/* The number of a cipher suite by its IANA name; 0: unknown. The library writes '-' for '_', and
 * TLS1-3-AES-128-GCM-SHA256 for TLS_AES_128_GCM_SHA256. */
static int locust__tls_cipher(locust__view name)
{
    char text[80];
    bool tls13 = name.len > 4 && !memchr(name.ptr + 4, 'W', name.len - 4);
    int n;
    if (name.len < 4 || memcmp(name.ptr, "TLS", 3) != 0)
        return 0;
    n = snprintf(
        text, sizeof text, "%s%.*s", tls13 ? "TLS1-3" : "TLS", (int)name.len - 3, name.ptr + 3);
    if (n < 0 || (size_t)n >= sizeof text)
        return 0;
    for (char *p = text; *p; p++)
        *p = *p == '_' ? '-' : *p;
    return mbedtls_ssl_get_ciphersuite_id(text);
}

/* Reads a list of suites, A:B:C. NULL: it is empty, a name is unknown (*bad), or there is no
 * memory. */
static int *locust__tls_cipher_list(const char *text, locust__view *bad)
{
    int *list = locust__memory_zalloc((strlen(text) / 2 + 2) * sizeof *list), n = 0;
    *bad = (locust__view){text, 0};
    while (list && *text) {
        locust__view name = {text, strcspn(text, ":,")};
        list[n] = locust__tls_cipher(name);
        if (!list[n++]) {
            *bad = name;
            LOCUST_FREE(list);
            return NULL;
        }
        text += name.len;
        text += *text != '\0';
    }
    if (n)
        return list;
    LOCUST_FREE(list);
    return NULL;
}

/* The library's list, with AES-128-GCM first where the processor has AES, as in browsers. The
 * library prefers ChaCha20, which costs both sides more there. NULL: no memory. */
static int *locust__tls_cipher_default(void)
{
    static const int fast[] = {0x1301, 0xC02B, 0xC02F};
    const int *known = mbedtls_ssl_list_ciphersuites();
    int *list, n = 0, total = 0;
    while (known[total])
        total++;
    list = locust__memory_zalloc((size_t)(total + 1) * sizeof *list);
    for (int i = 0; list && i < 3; i++)
        for (int k = 0; k < total && locust__os_has_aes(); k++)
            if (known[k] == fast[i])
                list[n++] = fast[i];
    for (int k = 0, ahead = n; list && k < total; k++) {
        bool taken = false;
        for (int i = 0; i < ahead; i++)
            taken |= list[i] == known[k];
        if (!taken)
            list[n++] = known[k];
    }
    return list;
}

/* Why these options cannot be used; NULL: they can. The text is static. */
static const char *locust__tls_check(const locust__tls_options *o)
{
    static char text[256];
    locust__view bad;
    int min = o->min ? locust__tls_version(o->min) : 2,
        max = o->max ? locust__tls_version(o->max) : 3;
    int *list;
#if !defined(MBEDTLS_SSL_PROTO_TLS1_3)
    if ((o->min && min == 3) || (o->max && max == 3)) {
        snprintf(text, sizeof text, "this mbedTLS (%s) has no TLS 1.3", MBEDTLS_VERSION_STRING);
        return text;
    }
#endif
    if (!min || !max || min > max)
        return "--tls-min and --tls-max take 1.2 or 1.3, the smaller one first";
    if (!o->ciphers)
        return NULL;
    list = locust__tls_cipher_list(o->ciphers, &bad);
    if (!list)
        snprintf(text, sizeof text,
            "--ciphers takes names such as TLS_AES_128_GCM_SHA256:TLS_ECDHE_RSA_WITH_AES_128_GCM_"
            "SHA256, which this mbedTLS (%s) has, not \"%.*s\"",
            MBEDTLS_VERSION_STRING, (int)bad.len, bad.ptr);
    LOCUST_FREE(list);
    return list ? NULL : text;
}

/* Starts mbedTLS and makes what all connections share. */
static locust_error locust__tls_start(locust__tls *tls)
{
    locust__view bad;
    psa_status_t rc = psa_crypto_init(); // no effect when it is up; another test may have ended it
    if (rc)
        return rc == PSA_ERROR_INSUFFICIENT_MEMORY ? LOCUST_ERR_MEMORY : LOCUST_ERR_TLS_RANDOM;
    tls->started = true;
    if (!tls->ahead) {
        tls->ahead =
            locust__arena_zalloc(tls->arena, sizeof *tls->ahead + (size_t)2 * LOCUST__TLS_AHEAD);
        if (!tls->ahead)
            return LOCUST_ERR_MEMORY;
        tls->ahead->cap = LOCUST__TLS_AHEAD;
        tls->stage = tls->ahead->bytes + LOCUST__TLS_AHEAD;
    }
    if (!tls->ciphers)
        tls->ciphers = tls->options.ciphers ? locust__tls_cipher_list(tls->options.ciphers, &bad)
                                            : locust__tls_cipher_default();
    return tls->ciphers ? LOCUST_OK : LOCUST_ERR_MEMORY;
}
