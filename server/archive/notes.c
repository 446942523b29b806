/* notes.c: what is told about runs and files: events, notes, damage, repairs, the end of a file.
 *
 * Each is in memory when the call returns, and durable when its callback is made. */
#include <errno.h>
#include <string.h>

#include <eventfile/salvage.h>

#include "archive/inside.h"
#include "base/check.h"

static int post(struct archive *archive, struct change *change,
                void (*done)(void *ctx, int result), void *ctx)
{
    if (!change)
        return -ENOMEM;
    change->done = done;
    change->ctx = ctx;
    return change_post(archive, change);
}

/* ---- events ------------------------------------------------------------------------------- */

static char *put(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = memcpy(*at, text, size);

    *at += size;
    return copy;
}

static size_t event_text(const struct archive_event *event)
{
    return strlen(event->id) + strlen(event->kind) + strlen(event->source) + strlen(event->data) +
           4;
}

static void copy_event(struct archive_event *copy, char **text, const struct archive_event *event)
{
    *copy = *event;
    copy->id = put(text, event->id);
    copy->kind = put(text, event->kind);
    copy->source = put(text, event->source);
    copy->data = put(text, event->data);
}

int run_add_event(struct archive_run *run, const struct archive_event *event,
                  struct archive_event **ret)
{
    if (run->n_events == run->events_capacity) {
        size_t capacity = run->events_capacity ? 2 * run->events_capacity : 8;
        struct archive_event **events =
            realloc(run->events, capacity * sizeof(struct archive_event *));
        if (!events)
            return -ENOMEM;
        run->events = events;
        run->events_capacity = capacity;
    }
    struct archive_event *copy = malloc(sizeof *copy + event_text(event));
    if (!copy)
        return -ENOMEM;
    char *text = (char *)(copy + 1);
    copy_event(copy, &text, event);
    run->events[run->n_events++] = copy;
    *ret = copy;
    return 0;
}

static bool knows_event(const struct archive_run *run, const char *id)
{
    for (size_t i = run->n_events; i-- > 0;) /* what is repeated is mostly new */
        if (strcmp(run->events[i]->id, id) == 0)
            return true;
    return false;
}

int archive_add_event(struct archive_run *run, const struct archive_event *event,
                      void (*done)(void *ctx, int result), void *ctx)
{
    struct archive *archive = run->archive;
    int r = 0;

    if (strlen(event->data) > LIMIT_EVENT_DATA_BYTES || strlen(event->id) > LIMIT_NAME_BYTES ||
        strlen(event->kind) > LIMIT_NAME_BYTES || strlen(event->source) > LIMIT_NAME_BYTES)
        return -EMSGSIZE;
    pthread_mutex_lock(&archive->lock);
    bool known = knows_event(run, event->id);
    struct change *change = change_new(known ? CHANGE_SYNC : CHANGE_EVENT, run, NULL, 0);
    if (known && change)
        change->asked_ns = 0; /* behind the event itself, but no bytes are waited for */
    if (!change)
        r = -ENOMEM;
    else if (run->deleted_s > 0)
        r = -ESTALE;
    else if (!known && run->n_events >= LIMIT_EVENTS_PER_RUN)
        r = -EDQUOT;
    else if (!known)
        r = run_add_event(run, event, &change->event);
    if (r == 0) {
        change->place = run->n_events;
        run->changed_s = clock_wall_s(archive->clock);
        r = post(archive, change, done, ctx);
    } else {
        free(change);
    }
    pthread_mutex_unlock(&archive->lock);
    return r;
}

int archive_events(struct archive_run *run, struct archive_event **ret, size_t *ret_count)
{
    size_t size = 0;

    pthread_mutex_lock(&run->archive->lock);
    size_t n = run->n_events;
    for (size_t i = 0; i < n; i++)
        size += event_text(run->events[i]);
    struct archive_event *events = malloc((n + 1) * sizeof *events + size);
    char *text = events ? (char *)(events + n + 1) : NULL;
    for (size_t i = 0; events && i < n; i++)
        copy_event(&events[i], &text, run->events[i]);
    pthread_mutex_unlock(&run->archive->lock);
    if (!events)
        return -ENOMEM;
    *ret = events;
    *ret_count = n;
    return 0;
}

/* ---- notes -------------------------------------------------------------------------------- */

/* NULL stays as it is. */
static int copy_new(const char *text, char **ret)
{
    *ret = text ? strdup(text) : NULL;
    return text && !*ret ? -ENOMEM : 0;
}

static void take_new(char **place, char **text)
{
    if (!*text)
        return;
    free(*place);
    *place = TAKE_PTR(*text);
}

int archive_set_notes(struct archive_run *run, const struct archive_notes *notes,
                      void (*done)(void *ctx, int result), void *ctx)
{
    _cleanup_free_ char *name = NULL, *text = NULL, *tags = NULL;
    struct archive *archive = run->archive;

    if ((notes->name && (!*notes->name || strlen(notes->name) > LIMIT_PATH_BYTES)) ||
        (notes->notes && strlen(notes->notes) > LIMIT_NOTES_BYTES) ||
        (notes->tags && strlen(notes->tags) > LIMIT_NOTES_BYTES))
        return -EMSGSIZE;
    if (copy_new(notes->name, &name) < 0 || copy_new(notes->notes, &text) < 0 ||
        copy_new(notes->tags, &tags) < 0)
        return -ENOMEM;
    pthread_mutex_lock(&archive->lock);
    struct change *change = change_new(CHANGE_RUN, run, NULL, 0);
    int r = change ? 0 : -ENOMEM;
    if (r == 0) {
        take_new(&run->name, &name);
        take_new(&run->notes, &text);
        take_new(&run->tags, &tags);
        if (notes->pinned >= 0)
            run->pinned = notes->pinned > 0;
        r = post(archive, change, done, ctx);
    }
    pthread_mutex_unlock(&archive->lock);
    return r;
}

/* ---- files -------------------------------------------------------------------------------- */

int archive_damage(struct archive_file *file, const struct damage *damage)
{
    struct archive *archive = file->run->archive;

    pthread_mutex_lock(&archive->lock);
    struct change *change = NULL;
    int r = 0;
    for (size_t i = 0; i < file->n_damage && r == 0; i++)
        if (file->damage[i].offset == damage->offset && file->damage[i].length == damage->length &&
            file->damage[i].reason == damage->reason)
            r = 1; /* known, as after a restart */
    if (r == 0) {
        change = change_new(CHANGE_DAMAGE, file->run, file, 0);
        r = change ? file_add_damage(file, damage) : -ENOMEM;
    }
    if (r == 0) {
        change->damage = *damage;
        r = post(archive, change, NULL, NULL);
    } else {
        free(change);
    }
    pthread_mutex_unlock(&archive->lock);
    return r < 0 ? r : 0;
}

int archive_damages(struct archive_file *file, struct damage **ret, size_t *ret_count)
{
    struct archive *archive = file->run->archive;

    pthread_mutex_lock(&archive->lock);
    size_t n = file->n_damage;
    struct damage *list = malloc((n + 1) * sizeof *list);
    if (list && n > 0)
        memcpy(list, file->damage, n * sizeof *list);
    pthread_mutex_unlock(&archive->lock);
    if (!list)
        return -ENOMEM;
    *ret = list;
    *ret_count = n;
    return 0;
}

int archive_repair(struct archive_file *file, uint64_t offset, const void *data, size_t size)
{
    struct archive *archive = file->run->archive;
    struct damage *listed = NULL;
    int r = -EINVAL;

    pthread_mutex_lock(&archive->lock);
    for (size_t i = 0; i < file->n_damage && !listed; i++)
        if (file->damage[i].offset == offset && file->damage[i].length == size &&
            file->damage[i].reason != EF_REASON_REPAIRED)
            listed = &file->damage[i];
    struct change *change =
        listed ? change_new(CHANGE_REPAIR, file->run, file, size) : NULL;
    if (listed)
        r = change ? 0 : -ENOMEM;
    if (r == 0) {
        listed->reason = EF_REASON_REPAIRED;
        listed->found_wall_s = clock_wall_s(archive->clock);
        change->damage = *listed;
        change->upto = offset + size;
        change->size = size;
        memcpy(change->data, data, size);
        file->complete = file->has_sha256 = false;
        r = post(archive, change, NULL, NULL);
    }
    pthread_mutex_unlock(&archive->lock);
    return r;
}

int archive_complete(struct archive_file *file, const uint8_t *sha256,
                     void (*done)(void *ctx, int result), void *ctx)
{
    struct archive *archive = file->run->archive;

    pthread_mutex_lock(&archive->lock);
    struct change *change = change_new(CHANGE_COMPLETE, file->run, file, 0);
    if (change) {
        change->upto = file->received;
        change->has_sha256 = sha256 != NULL;
        if (sha256)
            memcpy(change->sha256, sha256, sizeof change->sha256);
    }
    int r = post(archive, change, done, ctx);
    pthread_mutex_unlock(&archive->lock);
    return r;
}

int archive_sync(struct archive_run *run, void (*done)(void *ctx, int result), void *ctx)
{
    struct archive *archive = run->archive;

    pthread_mutex_lock(&archive->lock);
    int r = post(archive, change_new(CHANGE_SYNC, run, NULL, 0), done, ctx);
    pthread_mutex_unlock(&archive->lock);
    return r;
}
