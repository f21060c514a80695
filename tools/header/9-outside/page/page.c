/* ============================================================================================
 * >>page  the web page, generated
 *
 * Purpose     the page that watches and steers a test, and that a report is: page.html, page.css
 *             and page.js beside this part, made by tools/page.py (`make header`).
 * Invariants  the page asks for nothing but the routes of the program that serves it.
 * Names       locust__page_
 * Limits      1 KB of the program.
 * ============================================================================================ */

enum { LOCUST__PAGE_TOP, LOCUST__PAGE_MIDDLE, LOCUST__PAGE_END, LOCUST__PAGE_PIECES };

// clang-format off
static const char *const locust__page_top[] = {
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport"
    "\" content=\"width=device-width, initial-scale=1\">\n<title>Locust</title>\n<style>body{marg"
    "in:0}</style>\n</head>\n<body>\n",
    NULL,
};

static const char *const locust__page_middle[] = {
    "\n<script>",
    NULL,
};

static const char *const locust__page_end[] = {
    "</script>\n<script>\"use strict\";</script>\n</body>\n</html>\n",
    NULL,
};
// clang-format on

/* Adds a piece of the page. Between the first and the second stand the tables of a report, between
 * the second and the third, in a script, its data. */
static void locust__page_put(locust__buf *out, int piece)
{
    const char *const *pieces[LOCUST__PAGE_PIECES] = {
        locust__page_top, locust__page_middle, locust__page_end};
    for (const char *const *p = pieces[piece]; *p; p++)
        locust__buf_puts(out, *p);
}
