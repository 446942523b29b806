#include "http/lives.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "http/jsonbody.h"

struct entry {
    char id[LIMIT_RUN_ID_BYTES + 1];
    struct life life;
    char *title, *notes, *tags;
};

struct lives {
    struct archive *archive;
    struct store *store;
    const struct clock *clock;
    double began_s;
    pthread_mutex_t lock;
    struct entry **entries; /* open addressing by hash of the id; NULL: free */
    size_t count, capacity; /* capacity: a power of two */
    double next_s;          /* time alone changes something then, at the earliest */

    struct archive_run_row *rows; /* of the start, by created_s; NULL once all are in the table */
    const struct archive_run_row **by_id;
    size_t n_rows;
    pthread_t loader;
    bool has_loader;
    atomic_bool loaded, stopping;
};

/* ---- the table --------------------------------------------------------------------------- */

static size_t place_of(const struct lives *lives, const char *id)
{
    uint64_t hash = 0xcbf29ce484222325u;
    size_t at;

    for (const char *p = id; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
    at = (size_t)(hash >> 20) & (lives->capacity - 1);
    while (lives->entries[at] && strcmp(lives->entries[at]->id, id) != 0)
        at = (at + 1) & (lives->capacity - 1);
    return at;
}

static struct entry *find(const struct lives *lives, const char *id)
{
    return lives->capacity ? lives->entries[place_of(lives, id)] : NULL;
}

static int grow(struct lives *lives)
{
    struct lives old = *lives;

    if (2 * (lives->count + 1) <= lives->capacity)
        return 0;
    lives->capacity = MAX(2 * old.capacity, (size_t)64);
    lives->entries = calloc(lives->capacity, sizeof *lives->entries);
    if (!lives->entries) {
        lives->entries = old.entries;
        lives->capacity = old.capacity;
        return -ENOMEM;
    }
    for (size_t i = 0; i < old.capacity; i++)
        if (old.entries[i])
            lives->entries[place_of(lives, old.entries[i]->id)] = old.entries[i];
    free(old.entries);
    return 0;
}

static struct entry *entry_free(struct entry *entry)
{
    free(entry->title);
    free(entry->notes);
    free(entry->tags);
    free(entry);
    return NULL;
}

static int set_text(char **at, const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    if (!text)
        return 0;
    if (!copy)
        return -ENOMEM;
    free(*at);
    *at = copy;
    return 0;
}

/* ---- folding ----------------------------------------------------------------------------- */

static void show(struct lives *lives, struct entry *entry)
{
    const struct lifecycle *cycle = &entry->life.cycle;
    struct run_life life = {
        .status = lifecycle_word(cycle->status),
        .reason = cycle->reason,
        .kept = !entry->life.purged,
        .cancel_requested = cycle->cancel_requested,
        .not_responding = cycle->not_responding,
        .files_complete = cycle->files_complete,
        .deleted = entry->life.deleted,
        .pinned = entry->life.pinned,
        .has_exit = cycle->has_exit,
        .exit_code = cycle->exit_code,
        .signal = cycle->signal,
        .attempt = cycle->attempt,
        .ranks = cycle->ranks,
        .started = cycle->started,
        .ended = cycle->ended,
        .created_s = cycle->created_s,
        .started_s = cycle->started_s,
        .ended_s = cycle->ended_s,
    };

    snprintf(life.message, sizeof life.message, "%.159s", cycle->message);
    snprintf(life.title, sizeof life.title, "%.127s", entry->title ? entry->title : "");
    run_set_life(entry->life.run, &life);
}

static void fold(struct lives *lives, struct entry *entry)
{
    _cleanup_free_ struct archive_event *events = NULL;
    double heard_s = isnan(entry->life.heard_s) ? lives->began_s : entry->life.heard_s;
    size_t count;
    int r = archive_events(entry->life.archived, &events, &count);

    if (r == 0)
        r = lifecycle_fold(events, count, clock_wall_s(lives->clock), heard_s,
                           &entry->life.cycle);
    if (r < 0) {
        log_error("the status of run %s cannot be told: %s", entry->id, strerror(-r));
        return;
    }
    lives->next_s = fmin(lives->next_s, entry->life.cycle.next_change_s);
    show(lives, entry);
}

/* ---- runs -------------------------------------------------------------------------------- */

/* The name that a job was made with: what people call it since is its title. */
static int first_name(struct archive_run *archived, char **ret)
{
    _cleanup_free_ struct archive_event *events = NULL;
    size_t count;
    int r = archive_events(archived, &events, &count);

    for (size_t i = 0; r == 0 && i < count; i++)
        if (strcmp(events[i].kind, "created") == 0)
            r = jsonbody_member(events[i].data, "name", ret);
    return r;
}

/* Its index is read, if it has one: that needs no lock. -ENOMEM. */
static int make_run(struct lives *lives, struct archive_run *archived, struct run **ret)
{
    const struct archive_run_info *info = archive_run_info(archived);
    struct run_info store_info = {.id = info->id, .name = info->name,
                                  .experiment = info->experiment, .path = info->source,
                                  .deleted = archive_is_deleted(archived)};
    _cleanup_free_ char *name = NULL;

    *ret = store_find_run(lives->store, info->id);
    if (*ret)
        return 0;
    if (info->kind == ARCHIVE_RUN_JOB && first_name(archived, &name) < 0)
        return -ENOMEM;
    if (info->kind == ARCHIVE_RUN_JOB)
        store_info.name = name && *name ? name : info->id;
    *ret = store_run(lives->store, &store_info);
    return *ret ? 0 : -ENOMEM;
}

/* With the lock held. */
static int add(struct lives *lives, struct archive_run *archived, struct entry **ret)
{
    const struct archive_run_info *info = archive_run_info(archived);
    struct entry *entry = find(lives, info->id);
    struct run *run;

    if (entry) {
        *ret = entry;
        return 0;
    }
    if (strlen(info->id) > LIMIT_RUN_ID_BYTES || grow(lives) < 0 ||
        make_run(lives, archived, &run) < 0)
        return -ENOMEM;
    entry = calloc(1, sizeof *entry);
    if (!entry)
        return -ENOMEM;
    entry->life = (struct life){
        .archived = archived,
        .run = run,
        .heard_s = NAN,
        .job = info->kind == ARCHIVE_RUN_JOB,
    };
    memcpy(entry->id, info->id, strlen(info->id) + 1);
    lives->entries[place_of(lives, info->id)] = entry;
    lives->count++;
    *ret = entry;
    return 0;
}

/* A run as the catalog had it at the start. With the lock held. */
static void load_row(struct lives *lives, const struct archive_run_row *row)
{
    struct archive_run *archived = archive_find_run(lives->archive, row->id);
    struct run_summary summary;
    struct entry *entry;

    if (!archived || find(lives, row->id))
        return;
    int r = add(lives, archived, &entry);
    if (r == 0) {
        entry->life.deleted = row->deleted || row->purged;
        entry->life.purged = row->purged;
        entry->life.pinned = row->pinned;
        run_summarize(entry->life.run, &summary);
        if (strcmp(row->name, summary.name) != 0)
            r = set_text(&entry->title, row->name);
        if (r == 0)
            r = set_text(&entry->notes, row->notes);
        if (r == 0)
            r = set_text(&entry->tags, row->tags);
        fold(lives, entry);
        /* Who has seen a list already must hear of it, also where its life is no news. */
        run_announce(entry->life.run);
    }
    if (r < 0)
        log_error("out of memory: run %s shows as it is after a restart", row->id);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp((*(const struct archive_run_row *const *)a)->id,
                  (*(const struct archive_run_row *const *)b)->id);
}

/* The run's entry; one of the catalog whose turn has not come yet takes it now. With the lock. */
static struct entry *known(struct lives *lives, const char *id)
{
    struct entry *entry = find(lives, id);
    const struct archive_run_row key = {.id = id}, *wanted = &key;

    if (entry || !lives->rows)
        return entry;
    const struct archive_run_row **row =
        bsearch(&wanted, lives->by_id, lives->n_rows, sizeof(void *), compare_ids);
    if (row)
        load_row(lives, *row);
    return row ? find(lives, id) : NULL;
}

int lives_add(struct lives *lives, struct archive_run *archived)
{
    struct entry *entry;
    int r = 0;

    pthread_mutex_lock(&lives->lock);
    entry = known(lives, archive_run_info(archived)->id);
    if (!entry)
        r = add(lives, archived, &entry);
    if (r == 0)
        fold(lives, entry);
    pthread_mutex_unlock(&lives->lock);
    return r;
}

/* ---- the start --------------------------------------------------------------------------- */

static void *loader_main(void *p)
{
    struct lives *lives = p;

    pthread_setname_np(pthread_self(), "lives");
    for (size_t i = lives->n_rows; i-- > 0 && !atomic_load(&lives->stopping);) {
        const struct archive_run_row *row = &lives->rows[i];
        struct archive_run *archived = archive_find_run(lives->archive, row->id);
        struct run *run;

        if (archived) /* what fails fails again below, and is told */
            (void)!make_run(lives, archived, &run);
        pthread_mutex_lock(&lives->lock);
        load_row(lives, row);
        pthread_mutex_unlock(&lives->lock);
    }
    pthread_mutex_lock(&lives->lock);
    free(lives->by_id);
    free(lives->rows);
    lives->by_id = NULL;
    lives->rows = NULL;
    pthread_mutex_unlock(&lives->lock);
    atomic_store(&lives->loaded, true);
    return NULL;
}

static int begin_load(struct lives *lives)
{
    int r = archive_runs(lives->archive, &lives->rows, &lives->n_rows);

    if (r < 0)
        return r;
    lives->by_id = calloc(lives->n_rows + 1, sizeof *lives->by_id);
    if (!lives->by_id)
        return -ENOMEM;
    for (size_t i = 0; i < lives->n_rows; i++)
        lives->by_id[i] = &lives->rows[i];
    if (lives->n_rows > 0)
        qsort(lives->by_id, lives->n_rows, sizeof *lives->by_id, compare_ids);
    r = -pthread_create(&lives->loader, NULL, loader_main, lives);
    lives->has_loader = r == 0;
    return r;
}

int lives_new(struct archive *archive, struct store *store, const struct clock *clock,
              struct lives **ret)
{
    struct lives *lives = calloc(1, sizeof *lives);
    int r;

    if (!lives)
        return -ENOMEM;
    lives->archive = archive;
    lives->store = store;
    lives->clock = clock;
    lives->began_s = clock_wall_s(clock);
    lives->next_s = INFINITY;
    pthread_mutex_init(&lives->lock, NULL);
    r = begin_load(lives);
    if (r < 0) {
        lives_free(lives);
        return r;
    }
    *ret = lives;
    return 0;
}

struct lives *lives_free(struct lives *lives)
{
    if (!lives)
        return NULL;
    atomic_store(&lives->stopping, true);
    if (lives->has_loader)
        pthread_join(lives->loader, NULL);
    for (size_t i = 0; i < lives->capacity; i++)
        if (lives->entries[i])
            entry_free(lives->entries[i]);
    free(lives->entries);
    free(lives->by_id);
    free(lives->rows);
    pthread_mutex_destroy(&lives->lock);
    free(lives);
    return NULL;
}

bool lives_loaded(const struct lives *lives)
{
    return atomic_load(&lives->loaded);
}

/* ---- for the routes ---------------------------------------------------------------------- */

void lives_bring(struct lives *lives, const char *id)
{
    if (!lives || lives_loaded(lives))
        return;
    pthread_mutex_lock(&lives->lock);
    (void)known(lives, id);
    pthread_mutex_unlock(&lives->lock);
}

bool lives_take(struct lives *lives, const char *id, struct life *ret)
{
    struct archive_run *archived;
    struct entry *entry;

    pthread_mutex_lock(&lives->lock);
    entry = known(lives, id);
    /* Found by the tailer since the start. */
    archived = entry ? NULL : archive_find_run(lives->archive, id);
    if (archived && add(lives, archived, &entry) == 0)
        fold(lives, entry);
    if (!entry) {
        pthread_mutex_unlock(&lives->lock);
        return false;
    }
    *ret = entry->life;
    ret->title = entry->title ? entry->title : "";
    ret->notes = entry->notes ? entry->notes : "";
    ret->tags = entry->tags ? entry->tags : "";
    return true;
}

void lives_give_back(struct lives *lives)
{
    pthread_mutex_unlock(&lives->lock);
}

/* ---- what happens to them ---------------------------------------------------------------- */

/* Takes the lock if the run is there. */
static struct entry *locked(struct lives *lives, const char *id)
{
    struct entry *entry;

    pthread_mutex_lock(&lives->lock);
    entry = known(lives, id);
    if (!entry)
        pthread_mutex_unlock(&lives->lock);
    return entry;
}

void lives_heard(struct lives *lives, const char *id)
{
    struct entry *entry = locked(lives, id);

    if (!entry)
        return;
    entry->life.heard_s = clock_wall_s(lives->clock);
    if (entry->life.cycle.not_responding)
        fold(lives, entry);
    pthread_mutex_unlock(&lives->lock);
}

void lives_changed(struct lives *lives, const char *id)
{
    struct entry *entry = locked(lives, id);

    if (!entry)
        return;
    fold(lives, entry);
    pthread_mutex_unlock(&lives->lock);
}

void lives_noted(struct lives *lives, const char *id, const struct archive_notes *notes)
{
    struct entry *entry = locked(lives, id);

    if (!entry)
        return;
    if (set_text(&entry->title, notes->name) < 0 || set_text(&entry->notes, notes->notes) < 0 ||
        set_text(&entry->tags, notes->tags) < 0)
        log_error("out of memory: what was written to run %s shows after a restart", id);
    if (notes->pinned >= 0)
        entry->life.pinned = notes->pinned;
    show(lives, entry);
    pthread_mutex_unlock(&lives->lock);
}

void lives_deleted(struct lives *lives, const char *id, bool deleted)
{
    struct entry *entry = locked(lives, id);

    if (!entry)
        return;
    entry->life.deleted = deleted;
    show(lives, entry);
    pthread_mutex_unlock(&lives->lock);
}

void lives_tick(struct lives *lives)
{
    double now_s = clock_wall_s(lives->clock);

    pthread_mutex_lock(&lives->lock);
    if (now_s >= lives->next_s) {
        lives->next_s = INFINITY;
        for (size_t i = 0; i < lives->capacity; i++) {
            struct entry *entry = lives->entries[i];

            if (entry && entry->life.cycle.next_change_s <= now_s)
                fold(lives, entry);
            else if (entry)
                lives->next_s = fmin(lives->next_s, entry->life.cycle.next_change_s);
        }
    }
    pthread_mutex_unlock(&lives->lock);
}

bool lives_is_busy(struct lives *lives, const char *id)
{
    double now_s = clock_wall_s(lives->clock);
    struct entry *entry = locked(lives, id);
    struct run_summary summary;
    bool busy;

    if (!entry)
        return false;
    run_summarize(entry->life.run, &summary);
    busy = now_s - entry->life.heard_s < LIMIT_BUSY_SECONDS ||
           now_s - summary.source.newest_byte_wall_s < LIMIT_BUSY_SECONDS;
    pthread_mutex_unlock(&lives->lock);
    return busy;
}
