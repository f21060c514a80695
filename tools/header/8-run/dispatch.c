/* ============================================================================================
 * >>dispatch  which class the next user has
 *
 * Purpose     Locust's dispatcher: as many users as fixed_count asks for first, then by weight.
 * Invariants  for the same classes, the same order of users as Locust's, user by user.
 * Cost        a walk over the classes for each user that starts.
 * Names       locust__dispatch locust__dispatch_
 * Uses        >>class
 * Sources     Locust 2.46 and 2.47 (reference runs): roundrobin's generator. Of each class with
 *             weight w that was given users, x counts from w, one more for each; the next user goes
 *             to the class with the smallest w log2(x / (x + 1)).
 * ============================================================================================ */

typedef struct locust__dispatch {
    locust__class *classes; // of the test, in order of name
    int n;
    double *x;                              // of each class: its weight and the users it was given
    int *owed;                              // of each class: users that fixed_count still asks for
    const locust_user_class *const *chosen; // classes that new users are of; NULL: all
} locust__dispatch;

/* The class with the smallest w log2(x / (x + 1)), -1 without any; ties go by x, then w, then
 * name. */
static int locust__dispatch_smallest(const locust__dispatch *d, const double *weights)
{
    int best = -1;
    double best_key = 0;
    for (int i = 0; i < d->n; i++) {
        double x = d->x[i], w = weights[i];
        double key = w > 0 ? w * locust__number_log2(x / (x + 1)) : 0;
        if (w <= 0)
            continue;
        if (best < 0 || key < best_key ||
            (!(key > best_key) && (x < d->x[best] || (!(x > d->x[best]) && w < weights[best])))) {
            best = i;
            best_key = key;
        }
    }
    return best;
}

/* The weights of the classes, or their fixed_count in place of them; 0 for a class that is not
 * chosen or whose users arrive. */
LOCUST__COLD static void locust__dispatch_weights(
    const locust__dispatch *d, double *weights, bool fixed)
{
    for (int i = 0; i < d->n; i++) {
        const locust__class *cls = &d->classes[i];
        bool chosen = !d->chosen;
        for (int k = 0; d->chosen && d->chosen[k]; k++)
            chosen |= d->chosen[k] == cls->as || d->chosen[k] == cls->declared;
        if (!chosen || cls->arrivals)
            weights[i] = 0;
        else if (fixed)
            weights[i] = cls->as->fixed_count > 0 ? cls->as->fixed_count : 0;
        else
            weights[i] = locust__class_weight(cls->as);
    }
}

/* The class of the next user; NULL: no class takes any more. When the last user that was owed to a
 * fixed_count is given, the order by weight begins, with x from the start. */
static locust__class *locust__dispatch_next(locust__dispatch *d)
{
    double weights[LOCUST_CLASSES_MAX];
    int owed = 0, i;
    locust__dispatch_weights(d, weights, true);
    for (i = 0; i < d->n; i++)
        owed += weights[i] > 0 ? d->owed[i] : 0;
    if (!owed)
        locust__dispatch_weights(d, weights, false);
    for (i = 0; owed && i < d->n; i++)
        if (!d->owed[i])
            weights[i] = 0;
    i = locust__dispatch_smallest(d, weights);
    if (i < 0)
        return NULL;
    d->x[i] += 1;
    if (owed && --d->owed[i] == 0 && owed == 1)
        locust__dispatch_weights(d, d->x, false);
    return &d->classes[i];
}

/* A user of this class was taken down: a fixed_count is owed it again. */
static void locust__dispatch_take_back(locust__dispatch *d, const locust__class *cls)
{
    if (cls->as->fixed_count > 0)
        d->owed[cls - d->classes]++;
}

/* New users are of these classes from now on; NULL: of all. */
static void locust__dispatch_choose(locust__dispatch *d, const locust_user_class *const *chosen)
{
    if (chosen == d->chosen)
        return;
    d->chosen = chosen;
    locust__dispatch_weights(d, d->x, false);
}

/* Begins a run: no class has a user yet. */
static void locust__dispatch_begin(locust__dispatch *d)
{
    int owed = 0;
    d->chosen = NULL;
    for (int i = 0; i < d->n; i++) {
        const locust__class *cls = &d->classes[i];
        d->owed[i] = !cls->arrivals && cls->as->fixed_count > 0 ? cls->as->fixed_count : 0;
        owed += d->owed[i];
    }
    locust__dispatch_weights(d, d->x, owed > 0);
}

/* False: no memory. */
static bool locust__dispatch_init(locust__dispatch *d, locust__class *classes, int n)
{
    d->classes = classes;
    d->n = n;
    d->x = locust__memory_zalloc((size_t)n * sizeof *d->x);
    d->owed = locust__memory_zalloc((size_t)n * sizeof *d->owed);
    return d->x && d->owed;
}

static void locust__dispatch_deinit(locust__dispatch *d)
{
    LOCUST_FREE(d->owed);
    LOCUST_FREE(d->x);
}
