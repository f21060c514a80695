/* ============================================================================================
 * >>fleet_crew  the workers of a master
 *
 * Purpose     who they are, how they are, what each has contributed; which of them gets which
 *             user.
 * Invariants  a worker keeps its record and its index as long as the master lives, whatever
 *             becomes of it. The sums that reports show (users of each class, arrivals) are those
 *             of the records.
 * Cost        a worker is some 1.5 KB here, and a connection in >>fleet_gate. To deal n users anew
 *             is a walk over n bytes.
 * Names       locust__crew locust__crew_ locust__member locust__member_
 * Uses        >>co >>fd >>net >>class >>user >>dispatch >>fleet_gate
 * Sources     Locust 2.12 to 2.47 (reference runs): a worker is missing when three seconds and a
 *             tick of one have passed without a heartbeat, and forgotten after another 60. Order
 *             of workers: the first of every host, the second of every host; by id within those.
 *
 *   users      0 1 2 3 4 5 6 ...    in the order of >>dispatch; the last ones go first
 *   class      A B A A A B A
 *   turn       x y z x y z x        whose it is: the turns of all workers, again and again
 * ============================================================================================ */

enum {
    LOCUST__CREW_PATIENCE_S = 4, // without a heartbeat: missing
    LOCUST__CREW_FORGET_S = 60,  // missing for that long: its connection is closed
    LOCUST__CREW_ENDING_S = 30,  // the same while it ends its users, and its connection is there
    LOCUST__CREW_TURNS = 1024,   // of all workers where shares differ
};

enum locust__member_state {
    LOCUST__MEMBER_READY,
    LOCUST__MEMBER_SPAWNING,
    LOCUST__MEMBER_RUNNING,
    LOCUST__MEMBER_STOPPED, // its test has ended; it is going to say that it is ready
    LOCUST__MEMBER_MISSING,
    LOCUST__MEMBER_GONE, // it said good-bye, or its process has ended
};

static const char *const locust__member_states[] = {
    "ready", "spawning", "running", "stopped", "missing", "gone"};

typedef struct locust__member { // a worker
    char *id;
    int index;                 // in the order of the first client_ready
    struct locust__peer *peer; // its connection; NULL: there is none
    enum locust__member_state state;
    bool ours;      // it is a locust.h
    bool told;      // it was asked for users in this run
    bool since;     // it has begun this run: its reports belong to it
    bool lost;      // in this run, and it did not come back
    bool done;      // its users have done all that they may
    bool said;      // it was asked to quit
    bool full;      // it takes no more users
    bool grew;      // what it is to have has changed
    unsigned beats; // heartbeats so far
    int within;     // which of its host's workers it is, from 0
    int64_t beat_ns, lost_ns;
    int64_t report_ns; // when its latest report came; 0: none did
    double cpu;        // percent of a core
    uint64_t memory;
    double sent_s;      // timestamp of the latest spawn
    double weight;      // its share of the users beside that of the others
    int part;           // which part of feeders and arrivals is its own; -1: none yet
    int64_t iterations; // its part of --iterations
    uint64_t requests, failures, refused; // contributed in this run; refused: reports
    locust__users_fed fed;
    locust_generator generator;
    locust_arrival_counts *arrivals; // of each class, of this run so far
    int *users;                      // of each class: as it says
    int *given;                      // the same: as it was asked
    int process;                     // of --processes: the number of its process; -1: none
} locust__member;

typedef struct locust__crew {
    locust_env *env;
    locust__net net;
    locust__fd listener;
    locust__wait_group group;   // coroutines of the connections, the listener and the clock
    struct locust__peer *peers; // all connections
    locust__member **members;   // by index
    int n, cap;
    // The users.
    unsigned char *classes; // of each user that was dealt
    int n_users, cap_users;
    int shared; // users up to here are in `given`
    locust__member **turns;
    int n_turns, cap_turns;
    bool anew;         // the workers have changed: deal again
    int64_t shared_ns; // when users may be shared anew: see >>fleet_share
    int64_t awake_ns;  // when this process last went on that had stood still
    int64_t quiet_ns;  // until then no line says that a connection is refused
    // The run.
    bool testing, ending;
    bool again;          // more tests may follow: workers stop, and stay
    bool partial;        // a worker was lost, or a report refused
    int parts;           // of feeders, arrivals and iterations
    double pace;         // of arrivals, that workers were told
    int64_t complete_ns; // when the ramp is taken for complete; LOCUST__NEVER: it was
} locust__crew;

static bool locust__member_lives(const locust__member *m)
{
    return m->state <= LOCUST__MEMBER_RUNNING;
}

static int locust__crew_living(const locust__crew *c)
{
    int n = 0;
    for (int i = 0; i < c->n; i++)
        n += locust__member_lives(c->members[i]);
    return n;
}

static int locust__member_users(const locust__crew *c, const locust__member *m)
{
    int sum = 0;
    for (int i = 0; i < c->env->n_classes; i++)
        sum += m->users[i];
    return sum;
}

static locust__member *locust__crew_find(const locust__crew *c, locust__view id)
{
    for (int i = 0; i < c->n; i++)
        if (locust__view_is(id, c->members[i]->id))
            return c->members[i];
    return NULL;
}

static void locust__member_free(locust__member *m)
{
    if (!m)
        return;
    LOCUST_FREE(m->id);
    LOCUST_FREE(m->arrivals);
    LOCUST_FREE(m->users);
    LOCUST_FREE(m);
}

/* A new worker. NULL: no memory. */
static locust__member *locust__crew_add(locust__crew *c, locust__view id)
{
    size_t n = (size_t)c->env->n_classes, cap = (size_t)c->cap;
    locust__member *m = locust__memory_zalloc(sizeof *m);
    locust__member **all =
        m ? locust__memory_grow(c->members, sizeof *all, (size_t)c->n, &cap) : NULL;
    if (all) {
        c->members = all;
        c->cap = (int)cap;
        m->id = locust__text_copy(id.ptr, id.len);
        m->users = locust__memory_zalloc(2 * n * sizeof *m->users);
        m->arrivals = locust__memory_zalloc(n * sizeof *m->arrivals);
    }
    if (!all || !m->id || !m->users || !m->arrivals) {
        locust__member_free(m);
        return NULL;
    }
    m->given = m->users + n;
    m->index = c->n;
    m->part = m->process = -1;
    m->weight = 1;
    all[c->n++] = m;
    return m;
}

/* Takes a worker's figures out of the sums that others show (by -1), before they change, or adds
 * them (by 1). */
static void locust__crew_count(locust__crew *c, const locust__member *m, int by)
{
    locust_env *env = c->env;
    for (int k = 0; k < env->n_classes; k++) {
        locust_arrival_counts *sum =
            env->classes[k].arrivals ? &env->classes[k].arrivals->counts : NULL;
        const locust_arrival_counts *a = &m->arrivals[k];
        env->classes[k].alive += by * m->users[k];
        env->users.alive += by * m->users[k];
        if (!sum)
            continue;
        sum->scheduled += (uint64_t)by * a->scheduled;
        sum->started += (uint64_t)by * a->started;
        sum->late += (uint64_t)by * a->late;
        sum->shed += (uint64_t)by * a->shed;
        sum->unanswered += (uint64_t)by * a->unanswered;
    }
    env->users.fed.asked += by * m->fed.asked;
    env->users.fed.starved += by * m->fed.starved;
    if (m->fed.longest_ns > env->users.fed.longest_ns)
        env->users.fed.longest_ns = m->fed.longest_ns;
}

/* Its users are gone. */
static void locust__member_clear(locust__crew *c, locust__member *m)
{
    locust__crew_count(c, m, -1);
    memset(m->users, 0, (size_t)c->env->n_classes * sizeof *m->users);
    locust__crew_count(c, m, 1);
    memset(m->given, 0, (size_t)c->env->n_classes * sizeof *m->given);
    m->told = m->done = false;
    c->anew = true;
}

static int locust__crew_by_id(const void *x, const void *y)
{
    const locust__member *const *a = x, *const *b = y;
    return strcmp((*a)->id, (*b)->id);
}

static int locust__crew_by_turn(const void *x, const void *y)
{
    const locust__member *const *a = x, *const *b = y;
    return (*a)->within != (*b)->within ? ((*a)->within > (*b)->within ? 1 : -1)
                                        : locust__crew_by_id(x, y);
}

/* Puts the living into the order in which they get users: the first of every host, then the second
 * of every host. */
static void locust__crew_sort(locust__member **all, int n)
{
    const char *host = NULL;
    size_t len = 0;
    int within = 0;
    if (n)
        qsort(all, (size_t)n, sizeof *all, locust__crew_by_id);
    for (int i = 0; i < n; i++) {
        bool same = host && strncmp(host, all[i]->id, len + 1) == 0;
        host = all[i]->id;
        len = same ? len : strcspn(host, "_");
        within = same ? within + 1 : 0;
        all[i]->within = within;
    }
    if (n)
        qsort(all, (size_t)n, sizeof *all, locust__crew_by_turn);
}

/* Fills in the turns where shares differ: each turn is that of who has the least for its weight. */
static void locust__crew_weigh(locust__crew *c, int n)
{
    int counts[LOCUST__CREW_TURNS];
    locust__member *order[LOCUST__CREW_TURNS];
    memcpy(order, c->turns, (size_t)n * sizeof *order);
    memset(counts, 0, sizeof counts);
    for (int t = 0; t < c->cap_turns; t++) {
        int best = 0;
        for (int i = 1; i < n; i++)
            if ((counts[i] + 1) / order[i]->weight < (counts[best] + 1) / order[best]->weight)
                best = i;
        counts[best]++;
        c->turns[t] = order[best];
    }
    c->n_turns = c->cap_turns;
}

/* Finds whose turns there are. False: nobody's, or no memory. */
static bool locust__crew_take_turns(locust__crew *c)
{
    int n = locust__crew_living(c), at = 0;
    bool differ = false;
    int cap = n > LOCUST__CREW_TURNS ? n : LOCUST__CREW_TURNS;
    if (cap > c->cap_turns) {
        locust__member **turns = LOCUST_REALLOC(c->turns, (size_t)cap * sizeof *turns);
        if (!turns)
            return false;
        c->turns = turns;
        c->cap_turns = cap;
    }
    for (int i = 0; i < c->n; i++)
        if (locust__member_lives(c->members[i])) {
            c->turns[at++] = c->members[i];
            differ |= c->members[i]->weight < 0.999 || c->members[i]->weight > 1.001;
        }
    locust__crew_sort(c->turns, n);
    c->n_turns = n;
    if (differ && n <= LOCUST__CREW_TURNS)
        locust__crew_weigh(c, n);
    return n > 0;
}

/* Gives user i to whose turn it is, or (by -1) takes it back. */
static void locust__crew_give(locust__crew *c, int i, int by)
{
    locust__member *m = c->turns[i % c->n_turns];
    m->given[c->classes[i]] += by;
    m->grew = true;
}

/* Brings what workers are to have to the users that were dealt. False: there is no worker. */
static bool locust__crew_deal(locust__crew *c)
{
    if (c->anew || !c->n_turns) {
        if (!locust__crew_take_turns(c))
            return false;
        for (int i = 0; i < c->n; i++) {
            locust__member *m = c->members[i];
            memset(m->given, 0, (size_t)c->env->n_classes * sizeof *m->given);
            m->grew = locust__member_lives(m);
        }
        c->anew = false;
        c->shared = 0;
    }
    for (; c->shared < c->n_users; c->shared++)
        locust__crew_give(c, c->shared, 1);
    for (; c->shared > c->n_users; c->shared--)
        locust__crew_give(c, c->shared - 1, -1);
    return true;
}

/* Adds a user, whose class >>dispatch says. False: no class takes one, or (*memory false) there is
 * no memory. */
static bool locust__crew_add_user(locust__crew *c, bool *memory)
{
    locust__class *cls = locust__dispatch_next(&c->env->dispatch);
    size_t cap = (size_t)c->cap_users;
    unsigned char *classes;
    if (!cls)
        return false;
    classes = locust__memory_grow(c->classes, 1, (size_t)c->n_users, &cap);
    *memory = classes != NULL;
    if (!classes) {
        locust__dispatch_take_back(&c->env->dispatch, cls);
        return false;
    }
    c->classes = classes;
    c->cap_users = (int)cap;
    classes[c->n_users++] = (unsigned char)(cls - c->env->classes);
    return true;
}

/* Takes the latest user away. Those that were given to workers are taken back by
 * locust__crew_deal, which needs its class until then. */
static void locust__crew_drop_user(locust__crew *c)
{
    c->n_users--;
    locust__dispatch_take_back(&c->env->dispatch, &c->env->classes[c->classes[c->n_users]]);
}

/* A new run: nobody has users or has counted anything. */
static void locust__crew_begin(locust__crew *c)
{
    c->n_users = c->shared = 0;
    c->anew = true;
    c->partial = c->ending = false;
    c->pace = 0;
    c->shared_ns = locust__os_now_ns() + 10 * LOCUST__S; // until then CPU is not known
    c->parts = 0;
    for (int i = 0; i < c->n; i++) {
        locust__member *m = c->members[i];
        locust__member_clear(c, m);
        m->lost = m->since = false;
        m->part = locust__member_lives(m) ? c->parts++ : -1;
        m->requests = m->failures = m->refused = 0;
        m->report_ns = 0;
        m->weight = 1;
        m->full = false;
        locust__crew_count(c, m, -1);
        m->fed = (locust__users_fed){0, 0, 0};
        memset(m->arrivals, 0, (size_t)c->env->n_classes * sizeof *m->arrivals);
        memset(&m->generator, 0, sizeof m->generator);
        m->generator.ok = true;
    }
    c->env->users.fed = (locust__users_fed){0, 0, 0};
}

/* The part of feeders, arrivals and iterations of a worker that came later: that of one which is
 * lost, or another's. */
static int locust__crew_part(locust__crew *c, locust__member *m)
{
    int parts = c->parts > 0 ? c->parts : 1;
    bool *taken = m->part < 0 ? locust__memory_zalloc((size_t)parts) : NULL;
    for (int i = 0; taken && i < c->n; i++)
        if (c->members[i]->part >= 0 && c->members[i]->part < parts &&
            locust__member_lives(c->members[i]))
            taken[c->members[i]->part] = true;
    for (int part = 0; taken && m->part < 0 && part < parts; part++)
        if (!taken[part])
            m->part = part;
    LOCUST_FREE(taken);
    return m->part >= 0 ? m->part : m->index % parts;
}

static void locust__crew_free(locust__crew *c)
{
    for (int i = 0; i < c->n; i++)
        locust__member_free(c->members[i]);
    LOCUST_FREE(c->members);
    LOCUST_FREE(c->classes);
    LOCUST_FREE(c->turns);
    LOCUST_FREE(c);
}
