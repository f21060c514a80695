/* ============================================================================================
 * >>config_file  config files
 *
 * Purpose     reads ~/.locust.conf, ./locust.conf and the file of --config.
 * Names       locust__config_file_
 * Uses        >>options
 * Sources     Locust 2.46: ConfigArgParse's form.
 * ============================================================================================ */

/* Cuts blanks, then a pair of quotes, off both ends. */
static char *locust__config_file_trim(char *text)
{
    size_t n;
    text += strspn(text, " \t\r");
    n = strlen(text);
    while (n && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    if (n >= 2 && (*text == '"' || *text == '\'') && text[n - 1] == *text) {
        text[n - 1] = '\0';
        text++;
    }
    return text;
}

/* Cuts a comment off a value: from a '#' or ';' with a blank before it, outside of quotes. */
static void locust__config_file_uncomment(char *value)
{
    char *c = value + strspn(value, " \t");
    char *close = *c == '"' || *c == '\'' ? strchr(c + 1, *c) : NULL;
    for (c = close ? close + 1 : c; *c; c++)
        if ((*c == '#' || *c == ';') && c > value && (c[-1] == ' ' || c[-1] == '\t')) {
            *c = '\0';
            return;
        }
}

/* One line: key = value, key: value, key value, --key or key. */
static void locust__config_file_line(locust__settings *st, char *line, const char *path, int number)
{
    char where[512];
    const locust__known_option *o;
    char *key = locust__config_file_trim(line), *value;
    size_t n;
    if (!*key || *key == '#' || *key == ';' || *key == '[' || strncmp(key, "---", 3) == 0)
        return;
    while (*key == '-')
        key++;
    n = strcspn(key, "=: \t");
    value = key + n;
    value += strspn(value, " \t");
    if (*value == '=' || *value == ':')
        value++;
    locust__config_file_uncomment(value);
    value = locust__config_file_trim(value);
    snprintf(where, sizeof where, "%.*s in %s:%d", (int)n, key, path, number);
    o = locust__option_find(st, (locust__view){key, n}, where);
    if (locust__option_takes_value(o) && !*value)
        locust__options_die("%s needs a value", where);
    locust__option_set(st, o, *value ? value : NULL, where);
}

/* Sets the options of a config file. They point into its text, which is cut into lines. */
static void locust__config_file_read(locust__settings *st, locust__buf *text, const char *path)
{
    int number = 0;
    for (char *line = text->ptr, *end; line; line = end) {
        end = strchr(line, '\n');
        if (end)
            *end++ = '\0';
        locust__config_file_line(st, line, path, ++number);
    }
}

/* Reads a file into `text`, one of the settings'; `needed`: it must be there. */
static void locust__config_file_load(
    locust__settings *st, locust__buf *text, const char *path, bool needed)
{
    *text = locust__os_read_file(path, SIZE_MAX);
    if (text->failed && (needed || text->ptr))
        locust__options_die("cannot read the config file %s: %s", path, strerror(errno));
    locust__config_file_read(st, text, path);
}
