/* ============================================================================================
 * >>tls_trust  certificates to trust
 *
 * Purpose     finds the certificates to trust; parses those that a server's chain names as issuers,
 *             not all of the system's.
 * Cost        a scan of the file for each issuer met, and its parsed certificate.
 * Names       locust__tls_ca_ locust__tls_find_ locust__tls_load_ locust__tls_names_
 *             locust__tls_next_ locust__tls_readable_ locust__tls_roots_ locust__tls_scan_
 *             locust__tls_subject_
 * Uses        >>tls_state >>tls_config
 * ============================================================================================ */

/* Where systems keep their certificates. (The directory /etc/ssl/certs has each of them twice.) */
static const char *const locust__tls_ca_files[] = {
    "/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Gentoo, Alpine, OpenWrt, NixOS
    "/etc/pki/tls/certs/ca-bundle.crt",   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // CentOS
    "/etc/ssl/ca-bundle.pem",                            // openSUSE
    "/etc/ssl/cert.pem",                                 // Alpine, OpenBSD, FreeBSD, macOS
    "/etc/ssl/certs/ca-bundle.crt",                      // Freetz
    "/usr/local/etc/ssl/cert.pem",                       // FreeBSD
    "/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD, DragonFly
    "/etc/openssl/certs/ca-certificates.crt",            // NetBSD
    "/etc/certs/ca-certificates.crt",                    // illumos
    "/opt/homebrew/etc/ca-certificates/cert.pem",
};

static bool locust__tls_readable(const char *path)
{
    return path && *path && access(path, R_OK) == 0;
}

/* Takes the next folder off a list separated by ':', as SSL_CERT_DIR is in OpenSSL. False: there is
 * none. */
static bool locust__tls_next_dir(const char **list, char *dir, size_t size)
{
    size_t n;
    *list += strspn(*list, ":");
    n = strcspn(*list, ":");
    snprintf(dir, size, "%.*s", (int)(n < size ? n : size - 1), *list);
    *list += n;
    return n > 0;
}

/* Is one of the folders there? */
static bool locust__tls_readable_dir(const char *list)
{
    char dir[4096];
    while (list && locust__tls_next_dir(&list, dir, sizeof dir))
        if (locust__tls_readable(dir))
            return true;
    return false;
}

/* Decides where the certificates come from: the file asked for, SSL_CERT_FILE, LOCUST_CA_PEM,
 * SSL_CERT_DIR, the files above. */
static locust_error locust__tls_find_roots(locust__tls *tls, locust__tls_roots *r)
{
    const char *file = r->asked ? r->asked : getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
    size_t n = sizeof locust__tls_ca_files / sizeof *locust__tls_ca_files;
    if (r->asked && !locust__tls_readable(r->asked))
        return locust__tls_break(
            tls, "cannot read the CA certificates in %s: %s", r->asked, strerror(errno));
    if (!locust__tls_readable(file))
        file = NULL;
#if defined(LOCUST_CA_PEM)
    if (!file) {
        r->pem = LOCUST_CA_PEM;
        return LOCUST_OK;
    }
#endif
    if (!file && locust__tls_readable_dir(dir)) {
        file = dir;
        r->is_dir = true;
    }
    for (size_t i = 0; !file && i < n; i++)
        if (locust__tls_readable(locust__tls_ca_files[i]))
            file = locust__tls_ca_files[i];
    if (!file)
        return locust__tls_break(tls,
            "no CA certificates found on this machine: name a file by --cacert or .ca_file, set "
            "SSL_CERT_FILE, install the package ca-certificates, compile them in by LOCUST_CA_PEM, "
            "or go without verification by --insecure");
    r->path = locust__arena_copy(tls->arena, file, strlen(file));
    return r->path ? LOCUST_OK : LOCUST_ERR_MEMORY;
}

/* The certificates that were asked for, NULL: the system's. Where they could not be found the next
 * connection looks again, unless the test ends for it. */
static locust_error locust__tls_roots_of(
    locust__tls *tls, const char *ca_file, locust__tls_roots **out)
{
    locust__tls_roots *r = tls->roots;
    while (r && !locust__tls_same(r->asked, ca_file))
        r = r->next;
    if (!r) {
        r = locust__arena_zalloc(tls->arena, sizeof *r);
        if (!r)
            return LOCUST_ERR_MEMORY;
        r->asked = ca_file;
        mbedtls_x509_crt_init(&r->parsed);
        r->next = tls->roots;
        tls->roots = r;
    }
    *out = r;
    return r->path || r->pem ? LOCUST_OK : locust__tls_find_roots(tls, r);
}

/* The subject of a certificate as it is encoded, without parsing more of it: RFC 5280 4.1. */
static bool locust__tls_subject(unsigned char *p, size_t n, locust__view *subject)
{
    unsigned char *end = p + n, *from;
    size_t len;
    // Certificate, TBSCertificate, [version], serial, signature, issuer, validity, subject
    static const int tags[] = {0x30, 0x30, 0xA0, 0x02, 0x30, 0x30, 0x30, 0x30};
    for (int i = 0; i < 8; i++) {
        from = p;
        if (i == 2 && p < end && *p != 0xA0)
            continue;
        if (mbedtls_asn1_get_tag(&p, end, &len, tags[i]) != 0)
            return false;
        if (i >= 2)
            p += len;
    }
    *subject = (locust__view){(const char *)from, (size_t)(p - from)};
    return true;
}

/* Parses the certificates of a PEM text whose subject is `issuer`. Returns how many certificates
 * the text has, of any subject. */
static int locust__tls_scan(locust__tls_roots *r, const char *pem, const mbedtls_x509_buf *issuer)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    locust__buf der = {NULL, 0, 0, false};
    int n = 0;
    while ((pem = strstr(pem, begin)) != NULL) {
        const char *stop = strstr(pem += sizeof begin - 1, end);
        locust__view subject;
        der.len = 0;
        if (!stop)
            break;
        if (locust__base64_decode(&der, (locust__view){pem, (size_t)(stop - pem)}) &&
            locust__tls_subject((unsigned char *)der.ptr, der.len, &subject)) {
            n++;
            if (subject.len == issuer->len && memcmp(subject.ptr, issuer->p, issuer->len) == 0)
                mbedtls_x509_crt_parse_der(&r->parsed, (unsigned char *)der.ptr, der.len);
        }
        pem = stop;
    }
    locust__buf_free(&der);
    return n;
}

static int locust__tls_scan_file(
    locust__tls_roots *r, const char *path, const mbedtls_x509_buf *issuer)
{
    locust__buf text = locust__os_read_file(path, 1 << 24);
    int n = text.ptr ? locust__tls_scan(r, text.ptr, issuer) : 0;
    locust__buf_free(&text);
    return n;
}

static int locust__tls_scan_dir(
    locust__tls_roots *r, const char *path, const mbedtls_x509_buf *issuer)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int n = 0;
    while (dir && (entry = readdir(dir)) != NULL) {
        char file[4096];
        int len = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (*entry->d_name != '.' && len > 0 && (size_t)len < sizeof file)
            n += locust__tls_scan_file(r, file, issuer);
    }
    if (dir)
        closedir(dir);
    return n;
}

static int locust__tls_scan_dirs(
    locust__tls_roots *r, const char *list, const mbedtls_x509_buf *issuer)
{
    char dir[4096];
    int n = 0;
    while (locust__tls_next_dir(&list, dir, sizeof dir))
        n += locust__tls_scan_dir(r, dir, issuer);
    return n;
}

static bool locust__tls_names_equal(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* Parses the trusted certificates that issued those of a chain, unless they are parsed already. */
static locust_error locust__tls_load_issuers(
    locust__tls *tls, locust__tls_roots *r, const mbedtls_x509_crt *chain)
{
    for (; chain; chain = chain->next) {
        const mbedtls_x509_crt *known = r->parsed.raw.p ? &r->parsed : NULL;
        int n;
        while (known && !locust__tls_names_equal(&known->subject_raw, &chain->issuer_raw))
            known = known->next;
        if (known)
            continue;
        n = r->pem      ? locust__tls_scan(r, r->pem, &chain->issuer_raw)
            : r->is_dir ? locust__tls_scan_dirs(r, r->path, &chain->issuer_raw)
                        : locust__tls_scan_file(r, r->path, &chain->issuer_raw);
        if (!n)
            return locust__tls_break(
                tls, "there is no CA certificate (PEM) in %s", r->pem ? "LOCUST_CA_PEM" : r->path);
    }
    return LOCUST_OK;
}
