/* test_feed.c - LOCUST_FEEDER: CSV (RFC 4180), orders, workers, files that cannot be used. */
#define LOCUST__LAYERS 6
#include "../../tools/header/all.h"
#include "users.h"
#include "run.h"
#include <sys/stat.h>

/* -- files -- */

static char folder[64], path_a[96];
static pid_t owner; // of the folder

static void write_file(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    CHECK(f != NULL && fwrite(bytes, 1, n, f) == n);
    if (f)
        fclose(f);
}

static void remove_folder(void)
{
    if (getpid() == owner) { // not a child that ends
        unlink(path_a);
        rmdir(folder);
    }
}

/* The file of all tests, with other bytes each time. */
static const char *file(const char *bytes, size_t n)
{
    if (!*folder) {
        snprintf(folder, sizeof folder, "/tmp/feed-XXXXXX");
        CHECK(mkdtemp(folder) != NULL);
        snprintf(path_a, sizeof path_a, "%s/a.csv", folder);
        owner = getpid();
        atexit(remove_folder);
    }
    write_file(path_a, bytes, n);
    return path_a;
}

static const char *text_file(const char *text)
{
    return file(text, strlen(text));
}

static locust_feeder feeder(const char *path, int order)
{
    locust_feeder f = {.path = path, .order = order};
    return f;
}

/* -- one user that feeds -- */

enum { ROWS = 8192, WIDE = 256 };
static locust_feeder *feeding;
static int wanted, n_rows; // rows to take; taken
static size_t numbers[ROWS];
static char first_fields[ROWS][WIDE];
static bool ended; // locust_feed returned false
static void (*inspect)(const locust_feed_row *row);

static void feed_all(locust_user *u)
{
    locust_feed_row row;
    while (n_rows < wanted) {
        if (!locust_feed(u, feeding, &row)) {
            ended = true;
            break;
        }
        numbers[n_rows] = row.number;
        CHECK(row.feeder == feeding);
        if (!locust_field_at(&row, 0, first_fields[n_rows], WIDE))
            strcpy(first_fields[n_rows], "(none)");
        if (inspect)
            inspect(&row);
        n_rows++;
    }
    locust_stop_test(u);
}

static const locust_task feed_tasks[] = {LOCUST_TASK(feed_all), {.name = NULL}};
static const locust_user_class Feeding = {.name = "Feeding", .tasks = feed_tasks};
static const locust_test feed_test = {.users = {&Feeding}};

/* Takes up to n rows in a test of its own. Returns how many there were. */
static int take(locust_feeder *f, int n)
{
    feeding = f;
    wanted = n;
    n_rows = 0;
    ended = false;
    CHECK_INT(run(&feed_test, (locust_options){0}), 0);
    return n_rows;
}

/* -- CSV -- */

static const char *want_fields[8];
static int want_n;

/* The fields of the last row that was fed are want_fields. */
static void inspect_fields(const locust_feed_row *row)
{
    char got[WIDE];
    for (int i = 0; i < want_n; i++) {
        strcpy(got, "(none)");
        CHECK(locust_field_at(row, i, got, sizeof got));
        CHECK_STR(got, want_fields[i]);
    }
    CHECK(!locust_field_at(row, want_n, got, sizeof got));
    CHECK(!locust_field_at(row, -1, got, sizeof got));
}

static void fields(void)
{
    static const struct {
        const char *name, *row;
        char separator;
        const char *want[6];
    } rows[] = {
        {"plain", "a,b,c", 0, {"a", "b", "c"}},
        {"one field", "a", 0, {"a"}},
        {"spaces are part of a field", " a , b ", 0, {" a ", " b "}},
        {"empty fields", ",,", 0, {"", "", ""}},
        {"empty at the end", "a,", 0, {"a", ""}},
        {"quoted", "\"a\",\"b\"", 0, {"a", "b"}},
        {"a quoted empty one", "\"\",b", 0, {"", "b"}},
        {"a quoted empty one alone", "\"\"", 0, {""}},
        {"a separator in quotes", "\"a,b\",c", 0, {"a,b", "c"}},
        {"a newline in quotes", "\"a\nb\",c", 0, {"a\nb", "c"}},
        {"CRLF in quotes", "\"a\r\nb\",c", 0, {"a\r\nb", "c"}},
        {"a newline at the end of a quoted one", "b,\"a\n\"", 0, {"b", "a\n"}},
        {"a newline before the quote", "b,\"\n\"", 0, {"b", "\n"}},
        {"doubled quotes", "\"a\"\"b\",c", 0, {"a\"b", "c"}},
        {"only a doubled quote", "\"\"\"\"", 0, {"\""}},
        {"quotes around all", "\"\"\"a\"\"\",\"\"\"\"\"\"", 0, {"\"a\"", "\"\""}},
        {"doubled quotes, separator, newline", "\"\"\",\"\"\n\",x", 0, {"\",\"\n", "x"}},
        {"JSON", "\"{\"\"a\"\": [1, 2]}\",x", 0, {"{\"a\": [1, 2]}", "x"}},
        {"other separator", "a;b,c;\"d;e\"", ';', {"a", "b,c", "d;e"}},
        {"tabs", "a\tb\t", '\t', {"a", "b", ""}},
        {"UTF-8", "\xc3\xa4,\xe2\x82\xac", 0, {"\xc3\xa4", "\xe2\x82\xac"}},
        {"a quote inside an unquoted field", "5\" pipe,b", 0, {"5\" pipe", "b"}},
        {"two quotes inside an unquoted field", "a \"b\" c,d", 0, {"a \"b\" c", "d"}},
    };
    static const char *const ends[] = {"\n", "\r\n"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int end = 0; end < 2; end++)
            for (int last = 0; last < 2; last++) { // without a newline at the end of the file
                char text[512];
                locust_feeder f;
                snprintf(text, sizeof text, "%s%s%s", rows[i].row, ends[end], last ? "z" : "z\n");
                CHECK_ROW(rows[i].name);
                f = feeder(text_file(text), LOCUST_FEED_UNIQUE);
                f.no_header = true;
                f.separator = rows[i].separator;
                for (want_n = 0; want_n < 6 && rows[i].want[want_n]; want_n++)
                    want_fields[want_n] = rows[i].want[want_n];
                inspect = inspect_fields;
                take(&f, 1);
                inspect = NULL;
                CHECK_INT(take(&f, 9), 2); // "z" is a row of its own
                CHECK_STR(first_fields[1], "z");
                // The last row, without a newline behind it.
                f = feeder(text_file(rows[i].row), LOCUST_FEED_UNIQUE);
                f.no_header = true;
                f.separator = rows[i].separator;
                inspect = inspect_fields;
                CHECK_INT(take(&f, 9), 1);
                inspect = NULL;
            }
}

static void inspect_columns(const locust_feed_row *row)
{
    char got[WIDE] = "was";
    CHECK(locust_field(row, "name", got, sizeof got));
    CHECK_STR(got, row->number == 0 ? "Ann" : "Bob \"B\" Berg, jun.");
    CHECK(locust_field(row, "id", got, sizeof got));
    CHECK_STR(got, row->number == 0 ? "1" : "2");
    CHECK(locust_field(row, "a,\nb", got, sizeof got));
    CHECK_STR(got, row->number == 0 ? "x" : "y");
    CHECK(!locust_field(row, "ID", got, sizeof got));
    CHECK(!locust_field(row, "nam", got, sizeof got));
    CHECK(!locust_field(row, "", got, sizeof got));
    CHECK(!locust_field(row, "name ", got, sizeof got));
    CHECK(!locust_field_at(row, 3, got, sizeof got));
}

static void columns_by_name(void)
{
    locust_feeder f =
        feeder(text_file("id,name,\"a,\nb\"\r\n1,Ann,x\r\n2,\"Bob \"\"B\"\" Berg, jun.\",y"),
            LOCUST_FEED_UNIQUE);
    inspect = inspect_columns;
    CHECK_INT(take(&f, 99), 2);
    inspect = NULL;
    CHECK(ended);
    CHECK_INT(numbers[0], 0);
    CHECK_INT(numbers[1], 1);
}

static void inspect_ragged(const locust_feed_row *row)
{
    char got[WIDE];
    bool more = row->number == 1;
    CHECK(locust_field(row, "a", got, sizeof got));
    CHECK_STR(got, "1");
    CHECK_INT(locust_field(row, "b", got, sizeof got), more);
    CHECK_INT(locust_field(row, "c", got, sizeof got), false);
    CHECK_INT(locust_field_at(row, 1, got, sizeof got), more);
    CHECK_INT(locust_field_at(row, 2, got, sizeof got), more);
    CHECK_INT(locust_field_at(row, 3, got, sizeof got), false);
}

static void missing_and_extra_columns(void)
{
    locust_feeder f = feeder(text_file("a,b\n1\n1,2,3\n"), LOCUST_FEED_UNIQUE);
    inspect = inspect_ragged;
    CHECK_INT(take(&f, 99), 2);
    inspect = NULL;
}

static void take_ragged(void *arg)
{
    locust_feeder f = feeder(text_file("a,b\n1,2\n\n1\n\"x\n\",2\n1,2,3\n"), LOCUST_FEED_UNIQUE);
    (void)arg;
    f.no_header = arg != NULL;
    CHECK_INT(take(&f, 99), f.no_header ? 5 : 4);
}

/* The first line with another number of fields than the header is named, and how many there are. */
static void tells_of_ragged_rows(void)
{
    char *text;
    CHECK_INT(check_fork(take_ragged, NULL, &text), 0);
    CHECK(strstr(text, "a.csv: line 4 has 1 field, the header 2 (lines like that: 2)\n") != NULL);
    free(text);
    CHECK_INT(check_fork(take_ragged, &text, &text), 0); // no header that says how many
    CHECK_STR(text, "");
    free(text);
}

static void empty_lines(void)
{
    locust_feeder f = feeder(text_file("a\n\n1\n\r\n\r\n2\n\n\n"), LOCUST_FEED_UNIQUE);
    CHECK_INT(take(&f, 99), 2);
    CHECK_STR(first_fields[0], "1");
    CHECK_STR(first_fields[1], "2");
    CHECK_INT(numbers[1], 1);
}

static void no_header(void)
{
    locust_feeder f = feeder(text_file("a,b\n1,2\n"), LOCUST_FEED_UNIQUE);
    f.no_header = true;
    CHECK_INT(take(&f, 99), 2);
    CHECK_STR(first_fields[0], "a");
}

/* Lines that end in CR alone, as old programs write them, and in CR CR LF. */
static void carriage_returns(void)
{
    locust_feeder f = feeder(text_file("a,b\r1,2\r\r3,\"x\ry\"\r\r\n4,\r"), LOCUST_FEED_UNIQUE);
    CHECK_INT(take(&f, 99), 3);
    CHECK_STR(first_fields[0], "1");
    CHECK_STR(first_fields[1], "3");
    CHECK_STR(first_fields[2], "4");
    f = feeder(text_file("one\rtwo\r\nthree"), LOCUST_FEED_UNIQUE);
    f.lines = true;
    CHECK_INT(take(&f, 99), 3);
    CHECK_STR(first_fields[1], "two");
}

static void inspect_no_names(const locust_feed_row *row)
{
    char got[WIDE];
    CHECK(!locust_field(row, "a", got, sizeof got));
    CHECK(!locust_field(row, "", got, sizeof got));
}

static void names_need_a_header(void)
{
    locust_feeder f = feeder(text_file("a,b\n1,2\n"), LOCUST_FEED_UNIQUE);
    f.no_header = true;
    inspect = inspect_no_names;
    CHECK_INT(take(&f, 99), 2);
    f.no_header = false;
    f.lines = true;
    CHECK_INT(take(&f, 99), 2);
    inspect = NULL;
}

static void inspect_line(const locust_feed_row *row)
{
    static const char *const want[] = {"one, \"two", " three\" ", "four"};
    char got[WIDE];
    CHECK_INT(row->len, strlen(want[row->number]));
    CHECK(memcmp(row->text, want[row->number], row->len) == 0);
    CHECK(locust_field_at(row, 0, got, sizeof got));
    CHECK_STR(got, want[row->number]);
    CHECK(!locust_field_at(row, 1, got, sizeof got));
    CHECK(locust_field_at(row, 0, got, row->len + 1));
    CHECK(!locust_field_at(row, 0, got, row->len));
}

static void lines(void)
{
    locust_feeder f = feeder(text_file("one, \"two\r\n three\" \n\nfour"), LOCUST_FEED_SEQUENTIAL);
    f.lines = true;
    inspect = inspect_line;
    CHECK_INT(take(&f, 7), 7);
    inspect = NULL;
    CHECK_INT(numbers[6], 0);
}

static void inspect_fit(const locust_feed_row *row)
{
    char *got = check_guarded("xxxxx", 5); // a byte more would be seen
    CHECK(locust_field_at(row, 0, got, 5));
    CHECK_STR(got, "abcd");
    CHECK(locust_field(row, "quoted", got, 5));
    CHECK_STR(got, "e\"fg");
    check_guarded_free(got, 5);
    got = check_guarded("xxxx", 4);
    CHECK(!locust_field_at(row, 0, got, 4));
    CHECK(!locust_field(row, "plain", got, 4));
    CHECK(!locust_field(row, "quoted", got, 4));
    CHECK(locust_field(row, "empty", got, 1));
    CHECK_INT(got[0], 0);
    CHECK(!locust_field(row, "empty", got, 0));
    check_guarded_free(got, 4);
}

static void fields_that_do_not_fit(void)
{
    locust_feeder f =
        feeder(text_file("plain,quoted,empty\nabcd,\"e\"\"fg\",\n"), LOCUST_FEED_UNIQUE);
    inspect = inspect_fit;
    CHECK_INT(take(&f, 99), 1);
    inspect = NULL;
}

static void inspect_nul(const locust_feed_row *row)
{
    char got[WIDE];
    CHECK_INT(row->len, 5);
    CHECK(!locust_field_at(row, 0, got, sizeof got)); // no string can hold it
    CHECK(locust_field_at(row, 1, got, sizeof got));
    CHECK_STR(got, "c");
    CHECK(memcmp(row->text, "a\0b,c", 5) == 0);
}

static void page_sizes(void)
{
    // Files that end with their last page: nothing behind them may be read.
    static char bytes[8192];
    locust_feeder f;
    memset(bytes, 'x', sizeof bytes);
    f = feeder(file(bytes, 4096), LOCUST_FEED_UNIQUE);
    f.no_header = true;
    CHECK_INT(take(&f, 9), 1);
    bytes[4095] = '\n';
    bytes[8191] = '"'; // an open quote
    f = feeder(file(bytes, sizeof bytes), LOCUST_FEED_UNIQUE);
    f.no_header = true;
    CHECK_INT(take(&f, 9), 2);
    memset(bytes, 'x', sizeof bytes);
    bytes[4096] = '"';
    bytes[8191] = ',';
    CHECK_INT((file(bytes, sizeof bytes), take(&f, 9)), 1);
    f = feeder(file("a\0b,c\n", 6), LOCUST_FEED_UNIQUE);
    f.no_header = true;
    inspect = inspect_nul;
    CHECK_INT(take(&f, 9), 1);
    inspect = NULL;
}

/* -- orders -- */

static const char *numbered(int n)
{
    static char text[65536];
    size_t len = (size_t)sprintf(text, "id\n");
    for (int i = 0; i < n; i++)
        len += (size_t)sprintf(text + len, "%d\n", i);
    return file(text, len);
}

/* Number and text of a row belong together. */
static void check_numbers(void)
{
    for (int i = 0; i < n_rows; i++) {
        char want[24];
        snprintf(want, sizeof want, "%d", (int)numbers[i]);
        CHECK_STR(first_fields[i], want);
    }
}

static void sequential(void)
{
    locust_feeder f = feeder(numbered(10), LOCUST_FEED_SEQUENTIAL);
    CHECK_INT(take(&f, 35), 35);
    for (int i = 0; i < 35; i++)
        CHECK_INT(numbers[i], i % 10);
    check_numbers();
    CHECK(!ended);
}

static void random_order(void)
{
    int times[20] = {0}, repeated = 0;
    locust_feeder f = feeder(numbered(20), LOCUST_FEED_RANDOM);
    CHECK_INT(take(&f, 4000), 4000);
    check_numbers();
    for (int i = 0; i < 4000; i++) {
        if (CHECK(numbers[i] < 20))
            times[numbers[i]]++;
        repeated += i && numbers[i] == numbers[i - 1];
    }
    for (int i = 0; i < 20; i++)
        CHECK_NEAR(times[i], 200, 90); // 6.5 standard deviations
    CHECK_NEAR(repeated, 200, 90);     // any, each time
}

static void shuffle(void)
{
    int same = 0, kept = 0;
    locust_feeder f = feeder(numbered(50), LOCUST_FEED_SHUFFLE);
    CHECK_INT(take(&f, 500), 500);
    check_numbers();
    for (int round = 0; round < 10; round++) {
        int times[50] = {0};
        for (int i = 0; i < 50; i++) {
            size_t number = numbers[round * 50 + i];
            if (CHECK(number < 50))
                CHECK_INT(++times[number], 1);
            kept += number == (size_t)i;
            same += round && number == numbers[(round - 1) * 50 + i];
        }
    }
    CHECK(kept < 60); // by chance 10
    CHECK(same < 60); // by chance 9
}

static void shuffle_of_one(void)
{
    locust_feeder f = feeder(numbered(1), LOCUST_FEED_SHUFFLE);
    CHECK_INT(take(&f, 5), 5);
    check_numbers();
    f = feeder(numbered(1), LOCUST_FEED_RANDOM);
    CHECK_INT(take(&f, 5), 5);
    CHECK_INT(numbers[4], 0);
}

static int uses[1000], refused;

static void take_until_the_end(locust_user *u)
{
    locust_feed_row row;
    if (locust_feed(u, feeding, &row)) {
        uses[row.number]++;
        if (u->id % 3 == 0)
            locust_sleep(u, 0.0005);
        return;
    }
    refused++;
    CHECK(!locust_feed(u, feeding, &row)); // for good
    locust_stop_user(u);
}

static const locust_task take_tasks[] = {LOCUST_TASK(take_until_the_end), {.name = NULL}};
static const locust_user_class Taking = {.name = "Taking", .tasks = take_tasks};
static const locust_user_class Other = {.name = "Other", .tasks = take_tasks};

static void unique_over_many_users(void)
{
    static const locust_test test = {.users = {&Taking, &Other}};
    locust_options options = {.users = 50, .spawn_rate = 5000, .quiet = true, .run_time_s = 2};
    locust_feeder f = feeder(numbered(1000), LOCUST_FEED_UNIQUE);
    locust_env *env = locust_env_new(&test, &options);
    feeding = &f;
    refused = 0;
    memset(uses, 0, sizeof uses);
    CHECK_INT(locust_run(env), 0);
    locust_env_free(env);
    for (int i = 0; i < 1000; i++)
        CHECK_INT(uses[i], 1);
    CHECK_INT(refused, 50);
}

static void environments_start_afresh(void)
{
    locust_feeder f = feeder(numbered(10), LOCUST_FEED_SEQUENTIAL);
    CHECK_INT(take(&f, 7), 7);
    CHECK_INT(take(&f, 3), 3);
    CHECK_INT(numbers[0], 0);
    f = feeder(numbered(10), LOCUST_FEED_UNIQUE);
    CHECK_INT(take(&f, 99), 10);
    CHECK_INT(take(&f, 99), 10);
    // Another file at the same place is read anew.
    f = feeder(numbered(10), LOCUST_FEED_SHUFFLE);
    CHECK_INT(take(&f, 10), 10);
    numbered(30);
    CHECK_INT(take(&f, 30), 30);
    for (int i = 0, seen[30] = {0}; i < 30; i++)
        if (CHECK(numbers[i] < 30))
            CHECK_INT(++seen[numbers[i]], 1);
}

static void workers(void)
{
    static const int counts[] = {1, 2, 3, 7};
    for (int order = LOCUST_FEED_SEQUENTIAL; order <= LOCUST_FEED_UNIQUE; order++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            int times[100] = {0}, workers_n = counts[c], shares = 0;
            for (int i = 0; i < workers_n; i++) {
                locust_feeder f = feeder(numbered(100), order);
                bool mine[100] = {0};
                int share = 100 / workers_n + (i < 100 % workers_n);
                feeding = &f;
                // Any order but random gives each row once in the first round.
                wanted = order == LOCUST_FEED_RANDOM   ? 4000
                         : order == LOCUST_FEED_UNIQUE ? 999
                                                       : share;
                n_rows = 0;
                ended = false;
                CHECK_INT(
                    run(&feed_test, (locust_options){.worker_index = i, .worker_count = workers_n}),
                    0);
                check_numbers();
                CHECK_INT(ended, order == LOCUST_FEED_UNIQUE);
                for (int k = 0; k < n_rows; k++)
                    if (CHECK(numbers[k] < 100)) {
                        times[numbers[k]] += !mine[numbers[k]];
                        if (order != LOCUST_FEED_RANDOM)
                            CHECK(!mine[numbers[k]]);
                        mine[numbers[k]] = true;
                    }
                for (int k = 0; k < 100; k++)
                    shares += mine[k];
            }
            CHECK_INT(shares, 100);
            for (int k = 0; k < 100; k++)
                CHECK_INT(times[k], 1);
        }
}

/* -- files that cannot be used -- */

static const char *bad_path;
static bool bad_lines;
static int bad_count;

static void run_bad(void *arg)
{
    static locust_feeder f;
    (void)arg;
    f = feeder(bad_path, LOCUST_FEED_SEQUENTIAL);
    f.lines = bad_lines;
    feeding = &f;
    wanted = 1;
    n_rows = 0;
    exit(run(&feed_test,
        (locust_options){
            .iterations = 3, .worker_index = bad_count - 1, .worker_count = bad_count}));
}

static void check_bad(const char *path, bool as_lines, int count, const char *why)
{
    char *text, want[256];
    int status;
    bad_path = path;
    bad_lines = as_lines;
    bad_count = count;
    status = check_fork(run_bad, NULL, &text);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 1);
    snprintf(want, sizeof want, "%s", path);
    if (!CHECK(strstr(text, want) != NULL && strstr(text, why) != NULL))
        fprintf(stderr, "%s\n", text);
    free(text);
}

static void files_that_cannot_be_used(void)
{
    static const struct {
        const char *name, *text;
        bool lines;
        int count;
    } empty[] = {
        {"empty", "", false, 1},
        {"empty, lines", "", true, 1},
        {"header only", "id,name\n", false, 1},
        {"header without a newline", "id,name", false, 1},
        {"blank lines alone", "\n\r\n\n", true, 1},
        {"header and blank lines", "id\n\n\n", false, 1},
        {"no row for the third worker", "id\n1\n2\n", false, 3},
    };
    static const struct {
        const char *text, *why;
        int line;
    } flawed[] = {
        // where Go's encoding/csv says `extraneous or missing " in quoted-field`
        {"id,name\n1,\"Ann\n2,Bob\n3,Eve\n", "the quote that opens", 2},
        {"id,name\n1,Ann\n2,\"Bob", "the quote that opens", 3},
        {"id,name\r\n1,\"A\r\nB\"\r\n2,\"Bob\r\n", "the quote that opens", 4},
        {"id\r1\r\"", "the quote that opens", 3},
        {"\"id,name\n1,Ann\n", "the quote that opens", 1},
        {"id,name\n1,\"Ann\" \n2,Bob\n", "text follows a closing quote", 2},
        {"id,name\n1,\"a\"b\n2,c\n", "text follows a closing quote", 2},
        {"id,name\n1,\"say \"hi\" to\"\n2,c\n", "text follows a closing quote", 2},
        {"\xEF\xBB\xBFid\n\"\"x\n", "text follows a closing quote", 2},
    };
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        CHECK_ROW(empty[i].name);
        check_bad(text_file(empty[i].text), empty[i].lines, empty[i].count, "");
    }
    for (size_t i = 0; i < sizeof flawed / sizeof *flawed; i++) {
        char why[64];
        snprintf(why, sizeof why, ", line %d: %s", flawed[i].line, flawed[i].why);
        CHECK_ROW(flawed[i].text);
        check_bad(text_file(flawed[i].text), false, 1, why);
        CHECK_ROW("a worker without that row");
        check_bad(text_file(flawed[i].text), false, 3, why);
    }
    CHECK_ROW("UTF-16");
    check_bad(file("\xFF\xFEi\0d\0\n\0001\0", 10), false, 1, "UTF-16");
    CHECK_ROW("missing");
    check_bad("/tmp/no-such-file-of-feed.csv", false, 1, "No such file or directory");
    CHECK_ROW("pipe"); // that nobody writes to
    unlink(text_file(""));
    CHECK_INT(mkfifo(path_a, 0600), 0);
    check_bad(path_a, false, 1, "is a pipe");
    unlink(path_a);
    CHECK_ROW("directory");
    check_bad("/tmp", false, 1, "directory");
    CHECK_ROW("no permission");
    if (getuid()) {
        chmod(text_file("id\n1\n"), 0);
        check_bad(path_a, false, 1, "Permission denied");
        chmod(path_a, 0600);
    }
}

static void outside_a_user(void *arg)
{
    locust_feeder f = feeder(numbered(3), LOCUST_FEED_SEQUENTIAL);
    locust_feed_row row;
    (void)arg;
    locust_feed(NULL, &f, &row);
}

static void misuse(void)
{
    char *text;
    int status = check_fork(outside_a_user, NULL, &text);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 2);
    CHECK(strstr(text, "locust_feed") != NULL);
    free(text);
}

/* -- size -- */

static size_t big_n, big_seen;
static uint64_t big_sum;

static void feed_big(locust_user *u)
{
    locust_feed_row row;
    char id[24];
    while (locust_feed(u, feeding, &row)) {
        CHECK(locust_field(&row, "id", id, sizeof id));
        big_sum += strtoull(id, NULL, 10);
        big_seen++;
    }
    locust_stop_test(u);
}

static const locust_task big_tasks[] = {LOCUST_TASK(feed_big), {.name = NULL}};
static const locust_user_class Big = {.name = "Big", .tasks = big_tasks};

static void a_million_rows(void)
{
    static const locust_test test = {.users = {&Big}};
    locust_options options = {.quiet = true};
    locust_feeder f;
    locust_env *env;
    FILE *out;
    big_n = check_now.limit_s > 60 ? 50000 : 1000000; // a slow variant
    f = feeder(text_file(""), LOCUST_FEED_UNIQUE);
    out = fopen(path_a, "wb");
    if (!CHECK(out != NULL))
        return;
    fprintf(out, "id,name\r\n");
    for (size_t i = 0; i < big_n; i++)
        fprintf(out, "%zu,\"user, %zu\"\r\n", i, i);
    fclose(out);
    for (int order = 0; order < 2; order++) {
        f.order = LOCUST_FEED_UNIQUE;
        feeding = &f;
        big_seen = 0;
        big_sum = 0;
        env = locust_env_new(&test, &options);
        CHECK_INT(locust_run(env), 0);
        locust_env_free(env);
        CHECK_INT(big_seen, big_n);
        CHECK_INT(big_sum, (uint64_t)big_n * (big_n - 1) / 2);
    }
}

TESTS({"fields of RFC 4180", fields}, {"columns by name", columns_by_name},
    {"missing and extra columns", missing_and_extra_columns}, {"empty lines", empty_lines},
    {"carriage returns", carriage_returns}, {"tells of ragged rows", tells_of_ragged_rows},
    {"no header", no_header}, {"names need a header", names_need_a_header}, {"lines", lines},
    {"fields that do not fit", fields_that_do_not_fit}, {"page sizes", page_sizes},
    {"sequential", sequential}, {"random", random_order}, {"shuffle", shuffle},
    {"shuffle of one row", shuffle_of_one}, {"unique over many users", unique_over_many_users},
    {"environments start afresh", environments_start_afresh},
    {"workers share without overlap or loss", workers},
    {"files that cannot be used", files_that_cannot_be_used}, {"misuse", misuse},
    {"a million rows", a_million_rows})
