// regex_rows.c - what a pattern finds in a text, for test_regex.py.
// Reads lines "PATTERN TEXT" in hexadecimal digits ("-" for nothing). Answers each with a line: what the
// groups 0 to 9 matched, as "FROM-TO" or "x"; "none"; or "refused: " and why.
#include "../../../locust.h"

static size_t unhex(const char *hex, char *out)
{
    size_t n = 0;
    for (; *hex && *hex != '-' && *hex != '\n'; hex += 2)
        out[n++] = (char)locust__number_hex(hex, 2);
    out[n] = '\0';
    return n;
}

int main(void)
{
    static char line[1 << 22], pattern[1 << 20], text[1 << 21];
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin)) {
        char why[160], *second = strchr(line, ' ');
        locust__view found, all;
        *second++ = '\0';
        unhex(line, pattern);
        all = (locust__view){text, unhex(second, text)};
        locust__regex *r = locust__regex_compile(pattern, why, sizeof why);
        if (!r)
            printf("refused: %s\n", why);
        else if (!locust__regex_search(r, all, 0, &found))
            printf("none\n");
        for (int i = 0; r && i < 10 && locust__regex_search(r, all, 0, &found); i++) {
            const char *behind = i < 9 ? " " : "\n";
            if (locust__regex_search(r, all, i, &found))
                printf("%d-%d%s", (int)(found.ptr - text), (int)(found.ptr - text) + (int)found.len,
                    behind);
            else
                printf("x%s", behind);
        }
        LOCUST_FREE(r);
    }
    return 0;
}
