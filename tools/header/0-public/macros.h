/* ============================================================================================
 * >>macros  making tests
 *
 * Purpose     the macros from which a test file is made.
 * ============================================================================================ */

#define LOCUST_FIRST_TEXT_(first, ...) #first
// clang-format off
/* LOCUST_TASK(fn, .weight = 3) */
#define LOCUST_TASK(...)     {.name = LOCUST_FIRST_TEXT_(__VA_ARGS__, ), .fn = __VA_ARGS__}
/* LOCUST_TASK_NAMED(read_page, "read", .weight = 3): a name that no function of a test can have, as
 * the C library has it (index, read, send, ...), or that is no identifier. */
#define LOCUST_TASK_NAMED(fn_, ...) {.fn = (fn_), .name = __VA_ARGS__}
/* LOCUST_TASK_SET(Set, .weight = 3) puts a set that LOCUST_TASKSET has defined among the tasks of
 * another. */
#define LOCUST_TASK_SET(...) {.name = LOCUST_FIRST_TEXT_(__VA_ARGS__, ), .set = &__VA_ARGS__}
// clang-format on
#define LOCUST_TASKS(...) ((const locust_task[]){__VA_ARGS__, {.name = NULL}})
#define LOCUST_USER(class_, ...) \
    static const locust_user_class class_ = {.name = #class_, __VA_ARGS__}
#define LOCUST_TASKSET(set_, ...) static const locust_taskset set_ = {.name = #set_, __VA_ARGS__}
#define LOCUST_MAIN(...)                        \
    int main(int argc, char **argv)             \
    {                                           \
        const locust_test test = {__VA_ARGS__}; \
        return locust_main(argc, argv, &test);  \
    }
