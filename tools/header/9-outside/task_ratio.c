/* ============================================================================================
 * >>task_ratio  --list and --show-task-ratio
 *
 * Purpose     picks the user classes of the command line; prints them, and how often each task
 *             runs.
 * Names       locust__ratio_
 * Uses        >>task >>class >>table >>options
 * Sources     Locust 2.46.
 * ============================================================================================ */

/* Copies a test with only those classes that the command line names. False: one of them does not
 * exist, and a line on standard error says so. */
static bool locust__ratio_pick(
    const locust__settings *st, const locust_test *all, locust_test *picked)
{
    locust__buf unknown = {NULL, 0, 0, false};
    int n = 0;
    *picked = *all;
    if (!st->n_classes)
        return true;
    for (int k = 0; k < st->n_classes; k++) {
        bool found = false;
        for (int i = 0; i < LOCUST_CLASSES_MAX && all->users[i]; i++)
            found |= strcmp(all->users[i]->name, st->classes[k]) == 0;
        if (!found)
            locust__buf_printf(&unknown, "%s%s", unknown.len ? ", " : "", st->classes[k]);
    }
    if (unknown.len) {
        locust__say("unknown user class %.*s: --list prints those there are", (int)unknown.len,
            unknown.ptr);
        locust__buf_free(&unknown);
        return false;
    }
    for (int i = 0; i < LOCUST_CLASSES_MAX && all->users[i]; i++)
        for (int k = 0; k < st->n_classes; k++)
            if (strcmp(all->users[i]->name, st->classes[k]) == 0) {
                picked->users[n++] = all->users[i];
                break;
            }
    for (; n < LOCUST_CLASSES_MAX; n++)
        picked->users[n] = NULL;
    return true;
}

static void locust__ratio_list(const locust_test *test)
{
    locust__buf out = {NULL, 0, 0, false};
    locust__buf_puts(&out, "Available Users:\n");
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
        locust__buf_puts(&out, "    ");
        locust__table_text(&out, test->users[i]->name, 0);
        locust__buf_puts(&out, "\n");
    }
    locust__os_write_all(STDOUT_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}

/* The users of a class among `users`, as Locust rounds them. */
static double locust__ratio_share(const locust_test *test, int i, int users)
{
    double total = 0;
    int fixed = 0;
    for (int k = 0; k < LOCUST_CLASSES_MAX && test->users[k]; k++) {
        fixed += test->users[k]->fixed_count > 0 ? test->users[k]->fixed_count : 0;
        total += locust__class_weight(test->users[k]);
    }
    if (test->users[i]->fixed_count > 0)
        return test->users[i]->fixed_count;
    if (users <= 0)
        users = fixed ? 1 : (int)total; // without --users
    if (!(total > 0) || users <= fixed)
        return 0;
    return (double)locust__number_round(
        locust__class_weight(test->users[i]) / total * (users - fixed));
}

LOCUST__COLD static void locust__ratio_line(
    locust__buf *out, int level, double ratio, const char *name)
{
    int width = 10 - 2 * level < 6 ? 6 : 10 - 2 * level;
    locust__buf_printf(out, " %*s%-*.1f %*s", 2 * level, "", width, ratio * 100, 2 * level, "");
    locust__table_text(out, name, 50 - 2 * level);
    locust__buf_puts(out, "\n");
}

/* Prints the tasks of a class or a task set that has `share` of all task runs. In the total,
 * tasks of a nested set are shares of the whole; else they are shares of their set. */
LOCUST__COLD static void locust__ratio_of_tasks(locust__buf *out, // NOLINT(misc-no-recursion)
    const locust_task *tasks, int depth, double share, bool total)
{
    int weights = 0;
    for (const locust_task *t = tasks; t && (t->fn || t->set); t++)
        weights += locust__task_weight(t);
    for (const locust_task *t = tasks; t && (t->fn || t->set) && depth < LOCUST__PLAN_DEPTH; t++) {
        double part = share * locust__task_weight(t) / (weights ? weights : 1);
        locust__ratio_line(out, depth, part, t->name);
        if (t->set)
            locust__ratio_of_tasks(out, t->set->tasks, depth + 1, total ? part : 1, total);
    }
}

static void locust__ratio_print(const locust_test *test, int users)
{
    locust__buf out = {NULL, 0, 0, false};
    double sum = 0;
    for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++)
        sum += locust__ratio_share(test, i, users);
    for (int total = 0; total < 2; total++) {
        locust__buf_printf(
            &out, "\n %s\n", total ? "Total task ratio" : "Task ratio per User class");
        locust__buf_puts(&out,
            "--------------------------------------------------------------------------------\n");
        for (int i = 0; i < LOCUST_CLASSES_MAX && test->users[i]; i++) {
            const locust_user_class *c = test->users[i];
            double share = locust__ratio_share(test, i, users) / (sum > 0 ? sum : 1);
            locust__ratio_line(&out, 0, share, c->name);
            locust__ratio_of_tasks(&out, c->tasks, 1, total ? share : 1, total);
        }
    }
    locust__os_write_all(STDOUT_FILENO, out.ptr, out.len);
    locust__buf_free(&out);
}
