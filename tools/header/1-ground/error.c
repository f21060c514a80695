/* ============================================================================================
 * >>error  the sentence of each error
 *
 * Purpose     gives each error code its one sentence. Reports group failures by it, so it contains
 *             no name, number or time.
 * Names       locust__error_
 * ============================================================================================ */

static const char *locust__error_text(locust_error error)
{
    static const char *const texts[] = {
#define LOCUST__ERROR_TEXT(name, text) (text), // in parentheses: some are of two literals
        LOCUST_ERRORS(LOCUST__ERROR_TEXT)
#undef LOCUST__ERROR_TEXT
    };
    return (unsigned)error < LOCUST_ERROR_COUNT ? texts[error] : "unknown error";
}

LOCUST_API const char *locust_error_text(locust_error error)
{
    return locust__error_text(error);
}
