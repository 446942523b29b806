#include "live/hub.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

#define ACTIVITY_SECONDS 5

/* ---- notices: the writer's side --------------------------------------------------------- */

static bool room_for_series(struct notices *notices, size_t more)
{
    if (more > LIMIT_LIVE_NOTICES - MIN(notices->n_series, (size_t)LIMIT_LIVE_NOTICES))
        return false;
    if (notices->n_series + more <= notices->series_capacity)
        return true;
    size_t capacity = MAX(notices->n_series + more, notices->series_capacity * 2);
    struct series **series = realloc(notices->series, capacity * sizeof(struct series *));
    if (!series)
        return false;
    notices->series = series;
    notices->series_capacity = capacity;
    return true;
}

/* The note of a run: one of the last few, or a new one. NULL: out of memory. */
static struct run_note *note_of(struct notices *notices, struct run *run)
{
    for (size_t i = notices->n_runs; i > 0 && i + 16 > notices->n_runs; i--)
        if (notices->runs[i - 1].run == run)
            return &notices->runs[i - 1];
    if (notices->n_runs == notices->runs_capacity) {
        size_t capacity = MAX(notices->runs_capacity * 2, (size_t)64);
        struct run_note *runs = realloc(notices->runs, capacity * sizeof *runs);
        if (!runs)
            return NULL;
        notices->runs = runs;
        notices->runs_capacity = capacity;
    }
    struct run_note *note = &notices->runs[notices->n_runs++];
    *note = (struct run_note){.run = run};
    return note;
}

static void notice(struct notices *notices, const struct commit *commit)
{
    struct run_note *note = note_of(notices, commit->run);

    if (!note || !room_for_series(notices, commit->n_changed)) {
        notices->lost = true;
        return;
    }
    note->new_series |= commit->new_series;
    note->run_changed |= commit->run_changed;
    note->damage_changed |= commit->damage_changed;
    if (commit->n_changed)
        memcpy(notices->series + notices->n_series, commit->changed,
               commit->n_changed * sizeof(struct series *));
    notices->n_series += commit->n_changed;
}

static void on_commit(void *ctx, const struct commit *commit)
{
    struct hub *hub = ctx;

    if (!atomic_load(&hub->interested))
        return;
    pthread_mutex_lock(&hub->lock);
    bool first = hub->notices.n_runs == 0 && !hub->notices.lost;
    notice(&hub->notices, commit);
    pthread_mutex_unlock(&hub->lock);
    if (first)
        hub->o.wake(hub->o.ctx);
}

static void notices_done(struct notices *notices)
{
    free(notices->series);
    free(notices->runs);
}

/* ---- notices: the live thread's side ---------------------------------------------------- */

/* Once a round: who watches from then on marks itself. */
static void mark_subs(struct hub *hub, struct feed *feed)
{
    if (feed->marked == hub->round)
        return;
    feed->marked = hub->round;
    for (struct sub *sub = feed->subs; sub; sub = sub->next)
        hub_mark(hub, sub->client);
}

static void tell_subs(struct feed *feed)
{
    for (struct sub *sub = feed->subs; sub; sub = sub->next) {
        sub->client->subs_due = true;
        client_ask(sub->client);
        hub_mark(sub->client->hub, sub->client);
    }
}

static void use_run_note(struct hub *hub, const struct run_note *note)
{
    struct feed *feed = feeds_commit(&hub->feeds, note->run, note->new_series);

    if (hub->n_run_watchers && note->run_changed)
        runlist_changed(&hub->runlist, note->run);
    if (!feed)
        return;
    mark_subs(hub, feed);
    if (note->damage_changed) {
        feed->damage_version++;
        tell_subs(feed);
    }
}

/* Some notices were dropped: all that is watched may have changed. */
static void use_lost(struct hub *hub)
{
    struct run_summary *runs;
    size_t n;

    if (store_runs(hub->o.store, &runs, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        struct run_note note = {runs[i].run, true, true, true};
        use_run_note(hub, &note);
    }
    free(runs);
    for (struct client *c = hub->clients; c; c = c->next)
        for (uint32_t s = 0; s < c->n_subs; s++)
            for (uint32_t i = 0; c->subs[s] && i < c->subs[s]->count; i++)
                c->subs[s]->cursors[i].topic->version = hub->feeds.version;
}

static void take_notices(struct hub *hub)
{
    struct notices *taken = &hub->taken;

    pthread_mutex_lock(&hub->lock);
    struct notices swap = hub->notices;
    hub->notices = *taken;
    *taken = swap;
    pthread_mutex_unlock(&hub->lock);
    if (!taken->n_runs && !taken->lost)
        return;
    hub->feeds.version++;
    for (size_t i = 0; i < taken->n_runs; i++)
        use_run_note(hub, &taken->runs[i]);
    struct run *run = NULL;
    struct feed *feed = NULL;
    for (size_t i = 0; i < taken->n_series; i++) {
        struct run *its = series_run(taken->series[i]);
        if (its != run) {
            run = its;
            feed = idmap_find(&hub->feeds.by_run, idmap_pointer(run));
        }
        if (feed)
            feed_changed(feed, taken->series[i]);
    }
    if (taken->lost)
        use_lost(hub);
    taken->n_series = taken->n_runs = 0;
    taken->lost = false;
}

/* ---- ticks ------------------------------------------------------------------------------ */

void hub_mark(struct hub *hub, struct client *client)
{
    if (client->pending || client->bye)
        return;
    client->pending = true;
    client->next_pending = hub->pending;
    hub->pending = client;
}

void hub_busy(struct hub *hub, int64_t ns)
{
    hub->busy_ns += ns;
}

static void set_interval(struct hub *hub)
{
    int64_t longest = LIMIT_LIVE_INTERVAL_MS * NS_PER_MS;

    if (hub->busy_ns > hub->interval_ns / 4)
        hub->interval_ns = MIN(hub->interval_ns * 2, longest);
    else if (hub->busy_ns < hub->interval_ns / 8)
        hub->interval_ns = MAX(hub->interval_ns / 2, NS_PER_MS);
    hub->busy_ns = 0;
    atomic_store_explicit(&hub->stat_interval_us, (uint64_t)(hub->interval_ns / 1000),
                          memory_order_relaxed);
}

/* Serves all that are pending. */
static void tick(struct hub *hub, int64_t now_ns)
{
    struct client *client = hub->pending;

    set_interval(hub);
    hub->round++;
    hub->tick_ns = now_ns;
    hub->pending = NULL;
    while (client) {
        struct client *next = client->next_pending;

        client->pending = false;
        client->next_pending = NULL;
        client->due = true;
        if (client_may_send_points(client))
            client_ask(client);
        client = next;
    }
}

static void pass_time(struct hub *hub, int64_t now_ns)
{
    hub->period_ns = now_ns + HUB_PERIOD_MS * NS_PER_MS;
    if (hub->n_run_watchers && now_ns >= hub->activity_ns) {
        hub->activity_ns = now_ns + ACTIVITY_SECONDS * NS_PER_S;
        runlist_look(&hub->runlist, hub->o.store);
    }
    for (struct client *client = hub->clients, *next; client; client = next) {
        next = client->next;
        if (!client_pass_time(client, now_ns))
            hub->o.kill(hub->o.ctx, client->connection);
    }
}

int64_t hub_turn(struct hub *hub)
{
    int64_t now = hub_now(hub);

    take_notices(hub);
    if (!hub->clients)
        return 0;
    if (now >= hub->period_ns)
        pass_time(hub, now);
    int64_t next = hub->period_ns, list = feeds_list(&hub->feeds, now, tell_subs);
    if (list)
        next = MIN(next, list);
    if (!hub->pending)
        return next;
    if (now >= hub->tick_ns + hub->interval_ns) {
        tick(hub, now);
        return next;
    }
    return MIN(next, hub->tick_ns + hub->interval_ns);
}

/* ---- clients ---------------------------------------------------------------------------- */

struct client *hub_open(struct hub *hub, void *connection)
{
    struct client *client = client_new(hub, connection, hub_now(hub));

    if (!client)
        return NULL;
    client->next = hub->clients;
    if (hub->clients)
        hub->clients->previous = client;
    hub->clients = client;
    hub->n_clients++;
    atomic_store(&hub->interested, true);
    client_ask(client);
    return client;
}

void hub_close(struct hub *hub, struct client *client)
{
    if (client->pending) {
        struct client **at = &hub->pending;
        while (*at != client)
            at = &(*at)->next_pending;
        *at = client->next_pending;
    }
    if (client->previous)
        client->previous->next = client->next;
    else
        hub->clients = client->next;
    if (client->next)
        client->next->previous = client->previous;
    if (--hub->n_clients == 0)
        atomic_store(&hub->interested, false);
    client_free(client);
    if (hub->n_run_watchers == 0)
        runlist_done(&hub->runlist);
}

void hub_say_bye(struct hub *hub, enum bye why)
{
    for (struct client *client = hub->clients; client; client = client->next)
        client_say_bye(client, why);
}

struct live_stats hub_stats(struct hub *hub)
{
    return (struct live_stats){
        .clients = atomic_load(&hub->stat_clients),
        .watches = atomic_load(&hub->stat_watches),
        .messages = atomic_load(&hub->stat_messages),
        .bytes = atomic_load(&hub->stat_bytes),
        .interval_us = atomic_load(&hub->stat_interval_us),
    };
}

int hub_init(struct hub *hub, const struct hub_options *options)
{
    *hub = (struct hub){
        .o = *options,
        .epoch = store_epoch(options->store),
        .out = BUF_INIT(LIMIT_LIVE_TEXT_BYTES),
        .interval_ns = NS_PER_MS,
        .round = 1,
    };
    feeds_init(&hub->feeds, options->store);
    if (buf_reserve(&hub->out, LIMIT_LIVE_BATCH_BYTES) < 0)
        return -ENOMEM;
    pthread_mutex_init(&hub->lock, NULL);
    int r = store_subscribe(options->store, on_commit, hub);
    if (r < 0) {
        pthread_mutex_destroy(&hub->lock);
        buf_done(&hub->out);
    }
    return r;
}

void hub_done(struct hub *hub)
{
    store_unsubscribe(hub->o.store, on_commit, hub);
    DCHECK(!hub->clients);
    runlist_done(&hub->runlist);
    feeds_done(&hub->feeds);
    notices_done(&hub->notices);
    notices_done(&hub->taken);
    buf_done(&hub->out);
    pthread_mutex_destroy(&hub->lock);
}
