/* ============================================================================================
 * >>dispatch  which class the next user has
 *
 * Purpose     Locust's dispatcher: fixed_count first, then the smallest w log2(x / (x + 1)).
 * Names       locust__dispatch_
 * Uses        >>class
 * ============================================================================================ */

/* The class with the smallest w log2(x / (x + 1)); ties go by x, then w, then name. */
static int locust__dispatch_smallest(const locust_env *env, const double *weights)
{
    int best = -1;
    double best_key = 0;
    for (int i = 0; i < env->n_classes; i++) {
        double x = env->dispatched[i], w = weights[i];
        double key = w > 0 ? w * locust__number_log2(x / (x + 1)) : 0;
        if (w <= 0)
            continue;
        if (best < 0 || key < best_key ||
            (!(key > best_key) && (x < env->dispatched[best] ||
                                      (!(x > env->dispatched[best]) && w < weights[best])))) {
            best = i;
            best_key = key;
        }
    }
    return best;
}

static void locust__dispatch_weights(const locust_env *env, double *weights, bool fixed)
{
    for (int i = 0; i < env->n_classes; i++) {
        const locust__class *cls = &env->classes[i];
        bool chosen = !env->chosen;
        for (int k = 0; env->chosen && env->chosen[k]; k++)
            chosen |= env->chosen[k] == cls->as || env->chosen[k] == cls->declared;
        weights[i] = !chosen || cls->arrivals ? 0
                     : fixed ? (cls->as->fixed_count > 0 ? cls->as->fixed_count : 0)
                             : locust__class_weight(cls->as);
    }
}

/* Starts the generator over with such weights. */
static void locust__dispatch_restart(locust_env *env, bool fixed)
{
    locust__dispatch_weights(env, env->dispatched, fixed);
}

/* The class of the next user; NULL: no class takes any more. */
static locust__class *locust__dispatch_next(locust_env *env)
{
    double weights[LOCUST_CLASSES_MAX];
    int owed = 0, i;
    locust__dispatch_weights(env, weights, true);
    for (i = 0; i < env->n_classes; i++)
        owed += weights[i] > 0 ? env->fixed[i] : 0;
    if (!owed)
        locust__dispatch_weights(env, weights, false);
    for (i = 0; owed && i < env->n_classes; i++)
        if (!env->fixed[i])
            weights[i] = 0;
    i = locust__dispatch_smallest(env, weights);
    if (i < 0)
        return NULL;
    env->dispatched[i] += 1;
    if (owed && --env->fixed[i] == 0 && owed == 1)
        locust__dispatch_restart(env, false);
    return &env->classes[i];
}

static void locust__dispatch_init(locust_env *env)
{
    int owed = 0;
    for (int i = 0; i < env->n_classes; i++) {
        env->fixed[i] = !env->classes[i].arrivals && env->classes[i].as->fixed_count > 0
                            ? env->classes[i].as->fixed_count
                            : 0;
        owed += env->fixed[i];
    }
    locust__dispatch_restart(env, owed > 0);
}
