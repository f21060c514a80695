/* ============================================================================================
 * >>class  user classes as a test runs them
 *
 * Purpose     a class with its host, route, plan of tasks and arrivals; what is wrong with one.
 * Names       locust__class_ locust__arrival_queue
 * Uses        >>co >>route >>pool >>base_url >>task
 * ============================================================================================ */

typedef struct locust__arrival_queue { // the arrivals of a class
    locust_arrivals as;
    double share;       // of --rate; 0: a rate of its own
    locust__queue free; // users without a task to run, parked
    int64_t *backlog;   // when those that wait were due: a ring
    size_t first, n, cap;
    locust_env *env;
    locust__co *pacer; // NULL: it has ended
    bool pacing;       // the pacer sleeps and may be woken
    locust_arrival_counts counts;
} locust__arrival_queue;

typedef struct locust__class { // a user class as a test runs it
    const locust_user_class *as;
    const locust_user_class *declared; // the test's; `as` may be changed by --config-users
    locust_user_class changed;
    locust_task *tasks; // of `changed`; NULL: the declared ones
    const char *host;   // in force
    locust__base_url base;
    locust__route route;
    locust__conns shared;            // with .pool
    locust__plan *plan;              // its tasks, those that the tags leave
    locust__arrival_queue *arrivals; // NULL: its users do not arrive
    int alive;
} locust__class;

/* NULL, or what is wrong with a class. */
static const char *locust__class_check(const locust_user_class *as)
{
    if (!as->tasks || !(as->tasks->fn || as->tasks->set))
        return "has no tasks: give it .tasks = LOCUST_TASKS(LOCUST_TASK(function))";
    for (const locust_task *task = as->tasks; task->fn || task->set; task++)
        if (locust__task_weight(task))
            return NULL;
    return "has no task with a weight above 0";
}

static void locust__class_init(locust__class *cls, const locust_user_class *as)
{
    memset(cls, 0, sizeof *cls);
    cls->as = cls->declared = as;
    cls->base.prefix = cls->base.text = "";
}

/* Makes the plan of a class. NULL, or what is wrong with it, in p. */
static const char *locust__class_plan(locust__class *cls, locust__planner *p)
{
    cls->plan = locust__plan_new(p, NULL, cls->as->tasks, NULL, 0);
    if (!cls->plan && !p->wrong)
        p->wrong = "has no tasks left by --tags and --exclude-tags";
    return p->wrong;
}

/* The weight by which a class gets users; 0: it gets none that way. */
static double locust__class_weight(const locust_user_class *as)
{
    return as->fixed_count > 0 || as->weight < 0 ? 0 : as->weight > 0 ? as->weight : 1;
}
