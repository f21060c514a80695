/* ============================================================================================
 * >>task  tasks and task sets as a test runs them
 *
 * Purpose     take the tasks of a class, its nested sets and their transitions apart once, with the
 *             tags of this run applied; pick what a user does next.
 * Invariants  a plan is made before its first user runs, and never changes: all users of a class
 *             walk over the same one, each with a frame of its own for every set that it is in. A
 *             plan has at least one step, all weights are positive, and their sum fits an int.
 * Cost        picking is a random number and a walk over the weights.
 * Names       locust__frame_ locust__plan_ locust__planner_ locust__tags_ locust__task_
 * Uses        >>fault >>wait
 * Sources     Locust 2.46: TaskSet, SequentialTaskSet, MarkovTaskSet, tags.
 * Limits      sets are nested up to 16 deep. Transitions name tasks: of two tasks with the same
 *             name the first is meant.
 *
 *   plan of a class          plan of a set                frames of a user, the top one first
 *     browse    weight 3       search   weight 1            frame of `Shop`, at search
 *     Shop      weight 1 ->    buy      weight 2            frame of the class, at Shop
 * ============================================================================================ */

enum { LOCUST__PLAN_DEPTH = 16 };

typedef struct locust__plan_move { // a transition of a Markov set
    int to, weight;
} locust__plan_move;

typedef struct locust__plan_task { // a task, or a set in a task's place
    const char *name;
    locust_task_fn fn; // NULL: `set`
    struct locust__plan *set;
    int weight;
    locust__plan_move *moves;
    int n_moves;
} locust__plan_task;

typedef struct locust__plan {
    const locust_taskset *as; // NULL: the tasks of a class
    locust__plan_task *steps;
    int n, total_weight;
} locust__plan;

typedef struct locust__tags { // lists of words, of a run
    const char *wanted;       // NULL: tasks need no tag
    const char *unwanted;     // NULL: no task is left out
} locust__tags;

/* 0 in a task means 1, as in all options; a negative weight keeps a task from ever running. */
static int locust__task_weight(const locust_task *task)
{
    return task->weight < 0 ? 0 : task->weight ? task->weight : 1;
}

static void locust__plan_free(locust__plan *plan)
{
    for (int i = 0; plan && i < plan->n; i++) {
        locust__plan_free(plan->steps[i].set);
        LOCUST_FREE(plan->steps[i].moves);
    }
    if (plan)
        LOCUST_FREE(plan->steps);
    LOCUST_FREE(plan);
}

/* Takes the next word off a list; words are separated by commas or blanks. */
static bool locust__tags_next(const char **list, locust__view *word)
{
    *list += strspn(*list, ", ");
    *word = (locust__view){*list, strcspn(*list, ", ")};
    *list += word->len;
    return word->len > 0;
}

/* Do two lists share a word? */
static bool locust__tags_meet(const char *a, const char *b)
{
    locust__view x, y;
    for (; a && b && locust__tags_next(&a, &x);)
        for (const char *rest = b; locust__tags_next(&rest, &y);)
            if (x.len == y.len && memcmp(x.ptr, y.ptr, x.len) == 0)
                return true;
    return false;
}

/* Is a task part of the run? Locust's rule: it has one of the wanted tags and none of the
 * unwanted. Tags of the sets around it (`inherited`) count as its own. */
static bool locust__tags_keep(const locust__tags *tags, const char *own, const char *inherited)
{
    bool wanted = !tags->wanted || locust__tags_meet(tags->wanted, own) ||
                  locust__tags_meet(tags->wanted, inherited);
    return wanted && !locust__tags_meet(tags->unwanted, own) &&
           !locust__tags_meet(tags->unwanted, inherited);
}

typedef struct locust__planner { // what the making of a plan needs at every depth
    const locust__tags *tags;
    const char *cls; // name of the user class that the plan is for
    locust__fault *fault;
} locust__planner;

/* The class itself cannot be planned; the sentence goes on behind its name. */
static void locust__planner_fail(const locust__planner *p, const char *what)
{
    locust__fault_set(p->fault, LOCUST__EXIT_USAGE, "user class %s %s", p->cls, what);
}

/* A set of the class cannot be planned. `set`: its name, which the sentence goes on behind. */
LOCUST__PRINTF(3, 4)
static void locust__planner_fail_set(
    const locust__planner *p, const char *set, const char *format, ...)
{
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    locust__fault_set(p->fault, LOCUST__EXIT_USAGE, "user class %s has a broken task set: set %s%s",
        p->cls, set, what);
}

/* The index of the step with that name, or -1. */
static int locust__plan_find(const locust__plan *plan, locust__view name)
{
    for (int i = 0; i < plan->n; i++)
        if (locust__view_is(name, plan->steps[i].name))
            return i;
    return -1;
}

/* Reads the transitions "name:weight,name" of a step. */
static void locust__plan_moves(
    locust__planner *p, locust__plan *plan, locust__plan_task *step, const char *next)
{
    locust__view word;
    size_t cap = 0;
    if (!next || !*next) {
        locust__planner_fail_set(p, plan->as->name, ": task %s has no .next", step->name);
        return;
    }
    while (!p->fault->code && locust__tags_next(&next, &word)) {
        const char *colon = memchr(word.ptr, ':', word.len);
        locust__view name = {word.ptr, colon ? (size_t)(colon - word.ptr) : word.len};
        const char *digits = colon ? colon + 1 : "1";
        int64_t weight = locust__number_whole(&digits);
        locust__plan_move move = {
            locust__plan_find(plan, name), weight < INT_MAX ? (int)weight : 0};
        locust__plan_move *moves =
            locust__memory_grow(step->moves, sizeof move, (size_t)step->n_moves, &cap);
        if (!moves) {
            locust__planner_fail(p, "out of memory");
            return;
        }
        step->moves = moves;
        if (move.to < 0)
            locust__planner_fail_set(p, plan->as->name,
                ": .next of task %s names \"%.*s\", which is no task of it", step->name,
                (int)name.len, name.ptr);
        if (move.weight < 1)
            locust__planner_fail_set(p, plan->as->name,
                ": .next of task %s gives \"%.*s\" no weight from 1", step->name, (int)word.len,
                word.ptr);
        step->moves[step->n_moves++] = move;
    }
}

/* Finds a task of a Markov set that no user can get to. A user begins with the first task; from
 * there this marks what transitions lead to until nothing new is found. */
static void locust__plan_reach(locust__planner *p, const locust__plan *plan)
{
    bool *seen = locust__memory_zalloc((size_t)plan->n * sizeof *seen), more = seen != NULL;
    if (seen)
        seen[0] = true;
    while (more) {
        more = false;
        for (int i = 0; i < plan->n; i++)
            for (int k = 0; seen[i] && k < plan->steps[i].n_moves; k++)
                if (!seen[plan->steps[i].moves[k].to])
                    more = seen[plan->steps[i].moves[k].to] = true;
    }
    for (int i = 0; seen && i < plan->n; i++)
        if (!seen[i])
            locust__planner_fail_set(
                p, plan->as->name, ": no .next leads to task %s", plan->steps[i].name);
    LOCUST_FREE(seen);
}

/* Reads the transitions of a Markov set. A tag cannot leave out one of its tasks, as in Locust:
 * transitions to that task would lead nowhere. So every task of the list has a step. */
static void locust__plan_markov(locust__planner *p, locust__plan *plan, const locust_task *tasks)
{
    int i = 0;
    if (p->tags->wanted || p->tags->unwanted)
        for (const locust_task *task = tasks; task->fn || task->set; task++)
            if (task->tags)
                locust__planner_fail_set(p, plan->as->name,
                    ": tags do not go with LOCUST_MARKOV, for what is left out is missing in "
                    ".next");
    for (const locust_task *task = tasks; !p->fault->code && (task->fn || task->set); task++)
        locust__plan_moves(p, plan, &plan->steps[i++], task->next);
    if (!p->fault->code)
        locust__plan_reach(p, plan);
}

/* Adds a step to a plan, which then owns the step's set. */
static void locust__plan_add(
    locust__planner *p, locust__plan *plan, size_t *cap, locust__plan_task step)
{
    locust__plan_task *steps = locust__memory_grow(plan->steps, sizeof step, (size_t)plan->n, cap);
    if (!steps) {
        locust__planner_fail(p, "out of memory");
        locust__plan_free(step.set);
        return;
    }
    plan->steps = steps;
    plan->steps[plan->n++] = step;
    if (step.weight > INT_MAX - plan->total_weight)
        locust__planner_fail(p, "has weights of tasks that add up to more than 2147483647");
    else
        plan->total_weight += step.weight;
}

/* Takes the tasks of a class or, at depth 1 and more, of a set apart. What the tags leave out is
 * not in the plan, nor is a set of which nothing is left. NULL: nothing at all is left, or there
 * is a fault.
 *
 * Takes     as: the set, NULL for a class. inherited: tags of the sets around it.
 */
LOCUST__COLD static locust__plan *locust__plan_new(locust__planner *p, const locust_taskset *as,
    const locust_task *tasks, const char *inherited, int depth) // NOLINT(misc-no-recursion): depth
{
    locust__plan *plan = locust__memory_zalloc(sizeof *plan);
    bool markov = as && as->order == LOCUST_MARKOV;
    size_t cap = 0;
    char wrong[192];
    if (!plan) {
        locust__planner_fail(p, "out of memory");
        return NULL;
    }
    if (as && !as->name)
        locust__planner_fail(p, "has a task set without a name: make it with LOCUST_TASKSET");
    plan->as = as;
    if (depth == LOCUST__PLAN_DEPTH)
        locust__planner_fail_set(p, as->name, " is nested more than 16 deep, or in itself");
    if (as && locust__wait_wrong(&as->wait_time, wrong, sizeof wrong))
        locust__planner_fail_set(p, as->name, ": %s", wrong);
    if (!tasks || !(tasks->fn || tasks->set))
        locust__planner_fail_set(p, as ? as->name : "of the user", " has no tasks");
    for (const locust_task *task = tasks; task && !p->fault->code && (task->fn || task->set);
         task++) {
        locust__plan_task step = {.name = task->name ? task->name : "without a name",
            .fn = task->fn,
            .weight = locust__task_weight(task)};
        if (!step.weight)
            continue;
        if (task->set) {
            locust__buf both = {NULL, 0, 0, false};
            locust__buf_printf(
                &both, "%s,%s", inherited ? inherited : "", task->tags ? task->tags : "");
            if (both.failed)
                locust__planner_fail(p, "out of memory");
            else
                step.set = locust__plan_new(p, task->set, task->set->tasks, both.ptr, depth + 1);
            locust__buf_free(&both);
            if (!step.set)
                continue;
        } else if (!markov && !locust__tags_keep(p->tags, task->tags, inherited)) {
            continue;
        }
        locust__plan_add(p, plan, &cap, step);
    }
    if (!p->fault->code && markov && plan->n)
        locust__plan_markov(p, plan, tasks);
    if (!p->fault->code && plan->n)
        return plan;
    locust__plan_free(plan);
    return NULL;
}

/* Where a user is in a plan. */
typedef struct locust__frame {
    struct locust__frame *below; // the set that this one is nested in; NULL: the class's own tasks
    const locust__plan *plan;
    int at;        // the step that was picked last; -1: none yet
    int left;      // of a sequence: how often the step at `at` is repeated yet
    bool entering; // its on_start has not returned
} locust__frame;

static void locust__frame_init(locust__frame *f, const locust__plan *plan)
{
    f->plan = plan;
    f->at = -1;
    f->left = 0;
}

/* Picks the next step: by weight at random; the next one of a sequence, each as often in a row as
 * it weighs; of a Markov set by the transitions of the last step, from the first step on. */
static const locust__plan_task *locust__frame_next(locust__frame *f, uint64_t *random)
{
    const locust__plan *plan = f->plan;
    int order = plan->as ? plan->as->order : LOCUST_RANDOM, at;
    if (order == LOCUST_SEQUENTIAL) {
        if (!f->left) {
            f->at = (f->at + 1) % plan->n;
            f->left = plan->steps[f->at].weight;
        }
        f->left--;
    } else if (order == LOCUST_MARKOV && f->at >= 0) {
        const locust__plan_task *from = &plan->steps[f->at];
        int total = 0, k = 0;
        for (int i = 0; i < from->n_moves; i++)
            total += from->moves[i].weight;
        at = (int)(locust__random_unit(random) * total);
        while ((at -= from->moves[k].weight) >= 0 && k + 1 < from->n_moves)
            k++;
        f->at = from->moves[k].to;
    } else if (order == LOCUST_MARKOV || plan->n == 1) {
        f->at = 0;
    } else {
        at = (int)(locust__random_unit(random) * plan->total_weight);
        f->at = 0;
        while ((at -= plan->steps[f->at].weight) >= 0 && f->at + 1 < plan->n)
            f->at++;
    }
    return &plan->steps[f->at];
}
