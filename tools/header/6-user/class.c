/* ============================================================================================
 * >>class  user classes as a test runs them
 *
 * Purpose     a class with what its users share: host, route, plan of tasks, connections, arrivals.
 * Invariants  set up once per environment; during a run only `alive`, the shared connections and
 *             the queue of arrivals change.
 * Names       locust__class_ locust__arrival_queue
 * Uses        >>co >>stack >>route >>pool >>base_url >>fault >>wait >>task
 * ============================================================================================ */

typedef struct locust__arrival_queue { // the arrivals of a class: see >>arrive and >>pace
    locust_arrivals as;
    double share;         // of --rate or --stages; 0: the class has a rate of its own
    locust__queue free;   // users that are parked until the next arrival
    int64_t *backlog;     // when the arrivals that wait were due: a ring, the oldest at `first`
    size_t first, n, cap; // places in the ring
    locust_env *env;
    locust__co *pacer; // the coroutine that keeps the schedule
    bool pacing;       // the pacer sleeps and may be woken
    locust_arrival_counts counts;
    uint64_t no_memory; // times that there was none for one more user
} locust__arrival_queue;

typedef struct locust__class { // a user class as a test runs it
    const locust_user_class *as;
    const locust_user_class *declared; // the test's; `as` may be changed by --config-users
    locust_user_class changed;
    locust_task *tasks; // of `changed`; NULL: the declared ones
    const char *host;   // that of --host, or the class's own; NULL: none
    locust__base_url base;
    locust__route route;
    locust__conns shared;            // connections of all its users, with .pool
    locust__plan *plan;              // the tasks that the tags leave
    locust__arrival_queue *arrivals; // NULL: its users do not arrive
    int alive;                       // users that count as alive: see locust__user
} locust__class;

/* Is this weight or rate no number, or infinite? */
static bool locust__class_is_odd(double number)
{
    return !(number >= -1e300 && number <= 1e300);
}

/* Are the numbers of a class such that it can be run? */
static bool locust__class_check_numbers(const locust_user_class *as, locust__fault *fault)
{
    char wrong[192];
    if (locust__class_is_odd(as->weight))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "user class %s: .weight takes a number (0: 1, negative: none), not %g", as->name,
            as->weight);
    if (!(as->arrivals.rate >= 0) || locust__class_is_odd(as->arrivals.rate))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "user class %s: .arrivals.rate takes arrivals a second, not %g", as->name,
            as->arrivals.rate);
    if (as->stack_size > LOCUST__STACK_MAX)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "user class %s: .stack_size takes bytes up to %d, not %zu", as->name,
            (int)LOCUST__STACK_MAX, as->stack_size);
    return !locust__wait_wrong(&as->wait_time, wrong, sizeof wrong) ||
           locust__fault_set(fault, LOCUST__EXIT_USAGE, "user class %s: %s", as->name, wrong);
}

/* Does a class have a name, and tasks that can be run? */
static bool locust__class_check(const locust_user_class *as, locust__fault *fault)
{
    if (!as->name || !*as->name)
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "a user class has no name: make it with LOCUST_USER, or give it .name");
    if (!locust__class_check_numbers(as, fault))
        return false;
    if (!as->tasks || !(as->tasks->fn || as->tasks->set))
        return locust__fault_set(fault, LOCUST__EXIT_USAGE,
            "user class %s has no tasks: give it .tasks = LOCUST_TASKS(LOCUST_TASK(function))",
            as->name);
    for (const locust_task *task = as->tasks; task->fn || task->set; task++)
        if (locust__task_weight(task))
            return true;
    return locust__fault_set(
        fault, LOCUST__EXIT_USAGE, "user class %s has no task with a weight above 0", as->name);
}

static void locust__class_init(locust__class *cls, const locust_user_class *as)
{
    memset(cls, 0, sizeof *cls);
    cls->as = cls->declared = as;
    cls->base.prefix = cls->base.text = "";
}

/* Makes the plan of a class; there is none if the tags leave no task. False: a fault. */
static bool locust__class_plan_left(
    locust__class *cls, const locust__tags *tags, locust__fault *fault)
{
    locust__planner p = {tags, cls->as->name, fault};
    cls->plan = locust__plan_new(&p, NULL, cls->as->tasks, NULL, 0);
    return !fault->code;
}

/* Makes the plan of a class that must have tasks left. */
static bool locust__class_plan(locust__class *cls, const locust__tags *tags, locust__fault *fault)
{
    locust__planner p = {tags, cls->as->name, fault};
    if (locust__class_plan_left(cls, tags, fault) && !cls->plan)
        locust__planner_fail(&p, "has no tasks left by --tags and --exclude-tags");
    return !fault->code;
}

/* The weight by which a class gets users; 0: it gets none that way. */
static double locust__class_weight(const locust_user_class *as)
{
    return as->fixed_count > 0 || as->weight < 0 ? 0 : as->weight > 0 ? as->weight : 1;
}

/* Does a class get users in any way: by count, by weight or by arriving? */
static bool locust__class_gets_users(const locust_user_class *as)
{
    return as->fixed_count > 0 || locust__class_weight(as) > 0 || as->arrivals.rate > 0;
}
