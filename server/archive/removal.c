/* removal.c: deleting a run, taking it back, and purging it for good.
 *
 *   deleted (tombstones) ──undelete──► as before
 *      └──purge──► trash/<id>, unlinked; row and tombstones stay, so that files at the source that
 *                  continue the deleted ones are not archived anew */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "archive/inside.h"
#include "archive/pathtext.h"
#include "base/check.h"
#include "base/log.h"

enum { BUSY_S = 600 };

int run_add_tombstone(struct archive_run *run, const char *path, const struct archive_check *check)
{
    struct catalog_tombstone *list =
        realloc(run->tombstones, (run->n_tombstones + 1) * sizeof *list);
    char *copy = strdup(path);

    if (list)
        run->tombstones = list;
    if (!list || !copy) {
        free(copy);
        return -ENOMEM;
    }
    list[run->n_tombstones++] =
        (struct catalog_tombstone){.run = run->info.id, .path = copy, .check = *check};
    return 0;
}

static void drop_tombstones(struct archive_run *run)
{
    for (size_t i = 0; i < run->n_tombstones; i++)
        free((char *)run->tombstones[i].path);
    run->n_tombstones = 0;
}

static int bury(struct archive_run *run)
{
    char path[PATHTEXT_BYTES];
    int r = 0;

    drop_tombstones(run);
    for (size_t i = 0; r == 0 && i < run->n_files; i++) {
        const struct archive_file *file = run->files[i];
        pathtext_encode(path, sizeof path, file->path);
        if (file->check.offset > 0)
            r = run_add_tombstone(run, path, &file->check);
    }
    if (r < 0)
        drop_tombstones(run);
    return r;
}

int archive_delete(struct archive_run *run, bool force, void (*done)(void *ctx, int result),
                   void *ctx)
{
    struct archive *archive = run->archive;
    double now_s = clock_wall_s(archive->clock);

    pthread_mutex_lock(&archive->lock);
    bool deleted = run->deleted_s > 0;
    struct change *change = change_new(deleted ? CHANGE_SYNC : CHANGE_BURY, run, NULL, 0);
    int r = change ? 0 : -ENOMEM;
    if (r == 0 && !deleted) {
        if (!force && now_s - run->changed_s < BUSY_S)
            r = -EBUSY;
        else
            r = bury(run);
        if (r == 0)
            run->deleted_s = now_s;
    }
    if (r == 0) {
        change->done = done;
        change->ctx = ctx;
        r = change_post(archive, change);
    } else {
        free(change);
    }
    pthread_mutex_unlock(&archive->lock);
    return r;
}

int archive_undelete(struct archive_run *run, void (*done)(void *ctx, int result), void *ctx)
{
    struct archive *archive = run->archive;

    pthread_mutex_lock(&archive->lock);
    struct change *change = change_new(CHANGE_BURY, run, NULL, 0);
    int r = !change ? -ENOMEM : run->purged ? -ENOENT : 0;
    if (r == 0) {
        run->deleted_s = 0;
        drop_tombstones(run);
        change->done = done;
        change->ctx = ctx;
        r = change_post(archive, change);
    } else {
        free(change);
    }
    pthread_mutex_unlock(&archive->lock);
    return r;
}

bool archive_is_deleted(struct archive_run *run)
{
    pthread_mutex_lock(&run->archive->lock);
    bool deleted = run->deleted_s > 0;
    pthread_mutex_unlock(&run->archive->lock);
    return deleted;
}

bool archive_tombstone(struct archive_run *run, const char *path,
                       const struct archive_check *check)
{
    char text[PATHTEXT_BYTES];
    bool found = false;

    pathtext_encode(text, sizeof text, path);
    pthread_mutex_lock(&run->archive->lock);
    for (size_t i = 0; i < run->n_tombstones && !found; i++) {
        const struct catalog_tombstone *stone = &run->tombstones[i];
        found = strcmp(stone->path, text) == 0 && stone->check.offset == check->offset &&
                stone->check.head_crc == check->head_crc &&
                stone->check.tail_crc == check->tail_crc;
    }
    pthread_mutex_unlock(&run->archive->lock);
    return found;
}

/* ---- purging ------------------------------------------------------------------------------ */

int archive_purge(struct archive *archive, double grace_s, void (*done)(void *ctx, int result),
                  void *ctx)
{
    double before_s = clock_wall_s(archive->clock) - grace_s;
    int r = 0;

    pthread_mutex_lock(&archive->lock);
    for (size_t i = 0; i < archive->n_runs && r == 0; i++) {
        struct archive_run *run = archive->runs[i];
        if (run->deleted_s <= 0 || run->deleted_s > before_s || run->purged)
            continue;
        run->purged = true;
        r = change_post(archive, change_new(CHANGE_PURGE, run, NULL, 0));
    }
    struct change *last = r == 0 ? change_new(CHANGE_SYNC, NULL, NULL, 0) : NULL;
    if (last) {
        last->done = done;
        last->ctx = ctx;
        r = change_post(archive, last);
    } else if (r == 0) {
        r = -ENOMEM;
    }
    pthread_mutex_unlock(&archive->lock);
    return r;
}

/* Nothing of the run is in a batch any more; its files are marked so that no row comes back. */
static int let_go(struct archive *archive, struct archive_run *run)
{
    pthread_mutex_lock(&archive->lock);
    int r = batch_settle(archive);
    for (size_t i = 0; r == 0 && i < run->n_files; i++) {
        struct archive_file *file = run->files[i];
        file_drop_pieces(file);
        file_release_source(file);
        file_close(file);
        file->gone = true;
        file->reset = false;
        archive->bytes_kept -= atomic_load(&file->durable);
        file->received = file->written = 0;
        atomic_store(&file->durable, 0);
    }
    if (r == 0)
        run->bytes = 0;
    pthread_mutex_unlock(&archive->lock);
    return r;
}

int purge_run(struct archive *archive, struct archive_run *run)
{
    char from[PLACE_BYTES], to[PLACE_BYTES];

    int r = let_go(archive, run);
    if (r < 0)
        return r;
    snprintf(from, sizeof from, "runs/%s", run->info.id);
    snprintf(to, sizeof to, "trash/%s", run->info.id);
    r = place_make_parents(archive->root, to, NULL);
    if (r == 0)
        r = place_rename(archive->root, from, to);
    if (r == -ENOENT) /* done before, by a start that was interrupted */
        r = 0;
    if (r == 0)
        r = place_sync_dir(archive->root, "runs");
    if (r == 0)
        r = place_sync_dir(archive->root, "trash");
    return r == 0 ? purge_trash(archive) : r;
}

int purge_trash(struct archive *archive)
{
    int r = place_remove_tree(archive->root, "trash");

    return r == 0 || r == -ENOENT ? object_sweep(archive) : r;
}
