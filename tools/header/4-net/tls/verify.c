/* ============================================================================================
 * >>tls_verify  verification
 *
 * Purpose     decides whether a server's chain of certificates is to be trusted, for this host and
 *             now; if not, says why once for each host. The same code for all versions of mbedTLS.
 * Cost        one verification of a certificate and host in a test: what was found is remembered.
 * Names       locust__tls_before_ locust__tls_bound_ locust__tls_date_ locust__tls_explain_
 *             locust__tls_has_ locust__tls_is_ locust__tls_judge_ locust__tls_lacks_
 *             locust__tls_names_ locust__tls_recall_ locust__tls_remember_ locust__tls_verify_
 * Uses        >>address >>tls >>tls_state >>tls_trust
 * Sources     RFC 5280, RFC 9525 (names).
 * ============================================================================================ */

static void locust__tls_date(char *out, size_t size, const mbedtls_x509_time *t)
{
    snprintf(out, size, "%04d-%02d-%02d", t->year, t->mon, t->day);
}

/* Appends the names that a certificate is for, up to some 250 bytes. */
static void locust__tls_names(locust__buf *out, const mbedtls_x509_crt *leaf)
{
    for (const mbedtls_x509_sequence *s = &leaf->subject_alt_names; s && s->buf.p; s = s->next)
        if ((s->buf.tag & 31) == 2 && out->len < 200) {
            locust__buf_puts(out, out->len ? ", " : "");
            for (size_t i = 0; i < s->buf.len && out->len < 250; i++) {
                char c = (char)s->buf.p[i];
                locust__buf_add(
                    out, c > ' ' && c < 127 ? &c : "?", 1); // a server may write anything
            }
        }
    if (!out->len)
        locust__buf_puts(out, "no host name");
}

/* Is a earlier than b? */
static bool locust__tls_before(const mbedtls_x509_time *a, const mbedtls_x509_time *b)
{
    int x[] = {a->year, a->mon, a->day, a->hour, a->min, a->sec};
    int y[] = {b->year, b->mon, b->day, b->hour, b->min, b->sec};
    for (int i = 0; i < 6; i++)
        if (x[i] != y[i])
            return x[i] < y[i];
    return false;
}

/* The end (or begin) of the time in which all certificates of a chain are valid. */
static const mbedtls_x509_time *locust__tls_bound(const mbedtls_x509_crt *chain, bool end)
{
    const mbedtls_x509_time *bound = end ? &chain->valid_to : &chain->valid_from;
    for (; chain; chain = chain->next) {
        if (end && locust__tls_before(&chain->valid_to, bound))
            bound = &chain->valid_to;
        if (!end && locust__tls_before(bound, &chain->valid_from))
            bound = &chain->valid_from;
    }
    return bound;
}

/* Says once for each host what is wrong with its certificate, and what to do. */
static void locust__tls_explain(locust__tls *tls, const char *host, locust_error error,
    const mbedtls_x509_crt *leaf, const locust__tls_roots *roots)
{
    locust__buf text = {NULL, 0, 0, false}, names = {NULL, 0, 0, false};
    char date[32];
    const char *source = !roots ? "" : roots->pem ? "LOCUST_CA_PEM" : roots->path;
    locust__buf_printf(&text, "\n%s: %s", host, locust__error_text(error));
    if (error == LOCUST_ERR_TLS_CERT_EXPIRED || error == LOCUST_ERR_TLS_CERT_FUTURE) {
        int64_t now_s = locust__os_wall_ns() / LOCUST__S;
        locust__tls_date(
            date, sizeof date, locust__tls_bound(leaf, error == LOCUST_ERR_TLS_CERT_EXPIRED));
        locust__buf_printf(
            &text, ": valid %s %s", error == LOCUST_ERR_TLS_CERT_EXPIRED ? "until" : "from", date);
        if (now_s < 1704067200) // 2024
            locust__buf_puts(&text, "; but the clock of this machine is wrong: set it");
    } else if (error == LOCUST_ERR_TLS_CERT_HOST) {
        locust__tls_names(&names, leaf);
        locust__buf_add(&names, "", 1);
        locust__buf_printf(&text, ": it is for %s", names.failed ? "others" : names.ptr);
    } else if (error == LOCUST_ERR_TLS_CERT_SELF_SIGNED) {
        locust__buf_puts(&text, ": to trust it, give it as --cacert or .ca_file");
    } else if (error == LOCUST_ERR_TLS_CERT_ISSUER) {
        locust__buf_printf(&text,
            ": none in %s issued it, or the server left out an intermediate certificate", source);
    }
    locust__buf_add(&text, "\n", 2);
    // The line ends in front of and behind the text make it match whole lines alone.
    if (!text.failed && !(tls->warned.ptr && strstr(tls->warned.ptr, text.ptr))) {
        locust__buf_printf(&tls->warned, "%s", text.ptr);
        text.ptr[text.len - 2] = '\0';
        locust__log_print(tls->log, LOCUST__LOG_WARNING, "locust.tls", "%s", text.ptr + 1);
    }
    locust__buf_free(&text);
    locust__buf_free(&names);
}

/* Is the certificate for this address? Only subjectAltName counts, not the common name: RFC 9525
 * 6.4. */
static bool locust__tls_has_address(const mbedtls_x509_crt *leaf, const locust__addr *addr)
{
    bool six = addr->as.any.sa_family == AF_INET6;
    const void *bytes = six ? (const void *)&addr->as.in6.sin6_addr : &addr->as.in.sin_addr;
    size_t len = six ? 16 : 4;
    for (const mbedtls_x509_sequence *s = &leaf->subject_alt_names; s; s = s->next)
        if ((s->buf.tag & 31) == 7 && s->buf.len == len && memcmp(s->buf.p, bytes, len) == 0)
            return true;
    return false;
}

/* May the certificate prove a server's identity? One without the extensions may be used for
 * anything. */
static bool locust__tls_is_for_servers(const mbedtls_x509_crt *leaf)
{
    static const char server_auth[] = {0x2B, 6, 1, 5, 5, 7, 3, 1}; // id-kp-serverAuth
    return mbedtls_x509_crt_check_extended_key_usage(leaf, server_auth, sizeof server_auth) == 0 &&
           (mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 ||
               mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_KEY_ENCIPHERMENT) == 0);
}

/* The error for what verification found; of several, the one that helps most. */
static locust_error locust__tls_judge(uint32_t flags, const mbedtls_x509_crt *leaf)
{
    if (flags & MBEDTLS_X509_BADCERT_EXPIRED)
        return LOCUST_ERR_TLS_CERT_EXPIRED;
    if (flags & MBEDTLS_X509_BADCERT_FUTURE)
        return LOCUST_ERR_TLS_CERT_FUTURE;
    if (flags & MBEDTLS_X509_BADCERT_CN_MISMATCH)
        return LOCUST_ERR_TLS_CERT_HOST;
    if (flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return locust__tls_names_equal(&leaf->issuer_raw, &leaf->subject_raw)
                   ? LOCUST_ERR_TLS_CERT_SELF_SIGNED
                   : LOCUST_ERR_TLS_CERT_ISSUER;
    if (flags &
        (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY))
        return LOCUST_ERR_TLS_CERT_WEAK;
    if (flags & (MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE))
        return LOCUST_ERR_TLS_CERT_USAGE;
    return flags ? LOCUST_ERR_TLS_CERT_FORM : LOCUST_OK;
}

/* Was exactly this certificate verified for this host before, and has not expired? Verifying it
 * again would be half of what a handshake costs. */
static bool locust__tls_recall(
    const locust__tls_roots *r, const char *host, const mbedtls_x509_crt *leaf)
{
    for (const locust__tls_leaf *l = r->leaves; l; l = l->next)
        if (l->len == leaf->raw.len && memcmp(l->der, leaf->raw.p, l->len) == 0 &&
            strcasecmp(l->host, host) == 0)
            return !mbedtls_x509_time_is_past(&l->until);
    return false;
}

static void locust__tls_remember(
    locust__tls *tls, locust__tls_roots *r, const char *host, const mbedtls_x509_crt *leaf)
{
    size_t host_len = strlen(host) + 1;
    locust__tls_leaf *l = locust__arena_zalloc(tls->arena, sizeof *l + leaf->raw.len + host_len);
    if (!l)
        return;
    l->len = leaf->raw.len;
    memcpy(l->der, leaf->raw.p, l->len);
    l->host = (char *)l->der + l->len;
    memcpy(l->host, host, host_len);
    l->until = *locust__tls_bound(leaf, true);
    l->next = r->leaves;
    r->leaves = l;
}

/* Does an error of mbedTLS mean out of memory? It is either a PSA status, or the code of a module
 * plus that of a module which it uses. */
static bool locust__tls_lacks_memory(int rc)
{
    static const int modules[] = {0x2880, 0x3F80, 0x4D80, 0x5180, 0x6180, 0x7F00}; // X.509 to SSL
    int below = -rc & 0x7F;
    if (-rc >= 0x80 && -rc < 0x100)
        return rc == PSA_ERROR_INSUFFICIENT_MEMORY;
    if (below == 0x10 || below == 0x6A) // MPI, ASN.1
        return true;
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++)
        if ((-rc & ~0x7F) == modules[i])
            return true;
    return false;
}

/* Is the server the one that it claims to be? The only place that decides this. */
static locust_error locust__tls_verify(
    locust__tls *tls, mbedtls_ssl_context *ssl, const char *host, const locust__tls_how *how)
{
    const mbedtls_x509_crt *leaf = mbedtls_ssl_get_peer_cert(ssl);
    locust__tls_roots *roots = NULL;
    locust__addr addr;
    const char *name = how->any_name ? "" : host; // what is verified, and remembered
    bool literal = *name && locust__addr_parse(&addr, host, 0);
    uint32_t flags = 0;
    locust_error error;
    int rc;
    if (!leaf)
        return LOCUST_ERR_TLS_CERT_FORM;
    error = locust__tls_roots_of(tls, how->ca_file, &roots);
    if (error || locust__tls_recall(roots, name, leaf))
        return error;
    error = locust__tls_load_issuers(tls, roots, leaf);
    if (error)
        return error;
    rc = mbedtls_x509_crt_verify_with_profile((mbedtls_x509_crt *)(uintptr_t)leaf,
        roots->parsed.raw.p ? &roots->parsed : NULL, NULL, &mbedtls_x509_crt_profile_default,
        literal || !*name ? NULL : host, &flags, NULL, NULL);
    if (rc && rc != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
        return locust__tls_lacks_memory(rc) ? LOCUST_ERR_MEMORY : LOCUST_ERR_TLS_CERT_FORM;
    if (literal && !locust__tls_has_address(leaf, &addr))
        flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    if (!locust__tls_is_for_servers(leaf))
        flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    error = locust__tls_judge(flags, leaf);
    if (error)
        locust__tls_explain(tls, host, error, leaf, roots);
    else
        locust__tls_remember(tls, roots, name, leaf);
    return error;
}
