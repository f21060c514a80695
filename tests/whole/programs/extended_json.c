// extended_json.c - BSON and Extended JSON, line by line from standard input to standard output.
//   J TEXT   the BSON that the JSON stands for, in hexadecimal, or "wrong: WHY"
//   B HEX    the JSON of a document, or "wrong"
// The first two characters of a line say which.
#include "locust.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void from_json(const char *text, size_t n)
{
    locust__buf out = {NULL, 0, 0, false};
    const char *wrong = locust__extjson_read(&out, (locust__view){text, n}, false);
    if (wrong)
        printf("wrong: %s", wrong);
    for (size_t i = 0; i < out.len && !wrong; i++)
        printf("%02x", (unsigned char)out.ptr[i]);
    printf("\n");
    locust__buf_free(&out);
}

static void to_json(const char *hex, size_t n)
{
    unsigned char *bytes = malloc(n / 2 + 1);
    locust__buf out = {NULL, 0, 0, false};
    for (size_t i = 0; i + 1 < n; i += 2)
        bytes[i / 2] = (unsigned char)locust__number_hex(hex + i, 2);
    if (locust__bson_is_valid(bytes, n / 2))
        locust__extjson_put(&out, bytes);
    else
        locust__buf_puts(&out, "wrong");
    printf("%.*s\n", (int)out.len, out.ptr);
    locust__buf_free(&out);
    free(bytes);
}

int main(void)
{
    size_t size = 1 << 22, n;
    char *line = malloc(size);
    while (fgets(line, (int)size, stdin)) {
        n = strcspn(line, "\n");
        line[n] = '\0';
        if (*line == 'J')
            from_json(line + 2, n - 2);
        else
            to_json(line + 2, n - 2);
    }
    free(line);
    return 0;
}
