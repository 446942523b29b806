#include "live/runlist.h"

#include <stdlib.h>

#define RUN_JSON_BYTES 65536

void runlist_done(struct runlist *list)
{
    for (size_t i = 0; i < list->count; i++)
        buf_done(&list->changes[i].json);
    free(list->changes);
    idmap_done(&list->by_run);
    *list = (struct runlist){.version = list->version};
}

static struct run_change *change_of(struct runlist *list, const struct run_summary *summary)
{
    uint64_t place = idmap_get(&list->by_run, idmap_pointer(summary->run));

    if (place != IDMAP_NONE)
        return &list->changes[place];
    if (list->count == list->capacity) {
        size_t capacity = MAX(list->capacity * 2, (size_t)64);
        struct run_change *changes = realloc(list->changes, capacity * sizeof *changes);
        if (!changes)
            return NULL;
        list->changes = changes;
        list->capacity = capacity;
    }
    if (idmap_put(&list->by_run, idmap_pointer(summary->run), list->count) < 0)
        return NULL;
    struct run_change *change = &list->changes[list->count++];
    *change = (struct run_change){
        .run = summary->run,
        .id = summary->id,
        .deleted = summary->life.deleted,
        .name = summary->name,
        .experiment = summary->experiment,
        .activity = summary->activity,
        .json = BUF_INIT(RUN_JSON_BYTES),
    };
    return change;
}

void runlist_changed(struct runlist *list, struct run *run)
{
    struct run_summary summary;

    run_summarize(run, &summary);
    struct run_change *change = change_of(list, &summary);
    if (!change)
        return;
    change->version = ++list->version;
    change->deleted = summary.life.deleted;
    change->activity = summary.activity;
}

void runlist_since(struct runlist *list, struct store *store, uint64_t since)
{
    struct run_summary *runs;
    size_t n;

    if (store_changes(store) == since || store_runs(store, &runs, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (runs[i].changed > since)
            runlist_changed(list, runs[i].run);
    free(runs);
}

void runlist_look(struct runlist *list, struct store *store)
{
    struct run_summary *runs;
    size_t n;

    if (store_runs(store, &runs, &n) < 0)
        return;
    for (size_t i = 0; i < n; i++) {
        struct run_change *change = change_of(list, &runs[i]);
        if (!change || change->activity == runs[i].activity)
            continue;
        change->activity = runs[i].activity;
        change->version = ++list->version;
    }
    free(runs);
}

const struct buf *runlist_json(struct run_change *change, double now)
{
    if (change->json_version != change->version) {
        struct run_summary summary;

        run_summarize(change->run, &summary);
        buf_clear(&change->json);
        run_summary_json(&change->json, &summary, now);
        if (buf_failed(&change->json))
            return NULL;
        change->json_version = change->version;
    }
    return &change->json;
}
