/* ============================================================================================
 * >>tls_bind  channel binding
 *
 * Purpose     what a login over TLS is bound to, so that nobody in the middle can pass it on: the
 *             digest of the server's certificate, tls-server-end-point.
 * Names       locust__tls_bind locust__tls_bind_
 * Uses        >>tls >>tls_state
 * Sources     RFC 5929 4.
 * Limits      a certificate signed with another digest than MD5 and SHA, such as Ed25519's, has
 *             none.
 * ============================================================================================ */

/* The digest that a certificate was signed with; RFC 5929 4.1: SHA-256 for MD5 and SHA-1. */
static psa_algorithm_t locust__tls_bind_digest(const mbedtls_x509_crt *leaf)
{
    switch (leaf->LOCUST__TLS_FIELD(sig_md)) {
    case MBEDTLS_MD_MD5:
    case MBEDTLS_MD_SHA1:
    case MBEDTLS_MD_SHA256:
        return PSA_ALG_SHA_256;
    case MBEDTLS_MD_SHA224:
        return PSA_ALG_SHA_224;
    case MBEDTLS_MD_SHA384:
        return PSA_ALG_SHA_384;
    case MBEDTLS_MD_SHA512:
        return PSA_ALG_SHA_512;
    default:
        return 0;
    }
}

/* This is the `see_leaf` of who logs in; arg: a locust__tls_binding. */
LOCUST__UNUSED static void locust__tls_bind(void *arg, const void *certificate)
{
    locust__tls_binding *binding = arg;
    const mbedtls_x509_crt *leaf = certificate;
    psa_algorithm_t digest = leaf ? locust__tls_bind_digest(leaf) : 0;
    binding->len = 0;
    if (!digest || psa_hash_compute(digest, leaf->raw.p, leaf->raw.len, binding->bytes,
                       sizeof binding->bytes, &binding->len) != PSA_SUCCESS)
        binding->len = 0;
}
