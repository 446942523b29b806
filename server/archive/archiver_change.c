/* archiver_change.c: what each change asks of files and journals, done by the writer thread.
 *
 * Every step can be done again: after an error the whole change is. A new generation of a path
 * moves the older one away in steps that a start can complete (recovery.c):
 *   1. its row, state `moving`   2. the old file to generations/<n>/, both directories synced
 *   3. the new file made, its directory synced with the batch
 *   4. its row `current`, by the batch
 * A row says of a file that it was moved only when it was. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/inside.h"
#include "archive/pathtext.h"
#include "base/check.h"
#include "base/log.h"

enum { HASH_TURN_BYTES = 16 << 20, HASH_BYTES = 256 << 10 };

static int make_run(struct archive *archive, struct archive_run *run)
{
    char place[PLACE_BYTES];
    bool first = !run->made;

    if (first) {
        snprintf(place, sizeof place, "runs/%s/run.json", run->info.id);
        int r = place_make_parents(archive->root, place, &archive->open->dirs);
        if (r < 0)
            return r;
    }
    /* A run that is on its way to the catalog has its line there only after this file is safe. */
    int r = journal_run(archive, run, first);
    if (r == 0)
        run->made = true;
    return r;
}

/* ---- generations -------------------------------------------------------------------------- */

static int put_moving(struct archive *archive, struct archive_file *file)
{
    char path[PATHTEXT_BYTES];
    struct catalog_generation row;

    pthread_mutex_lock(&archive->lock);
    int r = batch_settle(archive); /* the rows that this one needs */
    file_row(file, 0, path, &row);
    pthread_mutex_unlock(&archive->lock);
    if (r < 0)
        return r;
    row.state = GENERATION_MOVING;
    pthread_mutex_lock(&archive->catalog_lock);
    r = catalog_begin(archive->catalog, clock_wall_s(NULL));
    if (r == 0)
        r = catalog_put_generation(archive->catalog, &row);
    r = catalog_end(archive->catalog, r);
    pthread_mutex_unlock(&archive->catalog_lock);
    return r;
}

int generation_move(struct archive *archive, const char *run, const char *path, uint32_t number)
{
    _cleanup_(place_dirs_done) struct place_dirs dirs = {0};
    char from[PLACE_BYTES], to[PLACE_BYTES];

    int r = place_of(from, sizeof from, run, path, number, false);
    if (r == 0)
        r = place_of(to, sizeof to, run, path, number, true);
    if (r == 0)
        r = place_make_parents(archive->root, to, &dirs);
    if (r == 0) { /* where it is there already, the name it had may be its successor's by now */
        _cleanup_close_ int there = place_open(archive->root, to, O_PATH, 0);
        r = there < 0 ? place_rename(archive->root, from, to) : 0;
    }
    if (r == 0)
        r = place_dirs_add_parent(&dirs, from);
    if (r == 0)
        r = place_dirs_add_parent(&dirs, to);
    for (size_t i = 0; r == 0 && i < dirs.count; i++)
        r = place_sync_dir(archive->root, dirs.paths[i]);
    return r;
}

/* What has the place that `file` is to have. A file that is renamed keeps its row meanwhile. */
static int move_older(struct archive *archive, struct archive_file *file)
{
    pthread_mutex_lock(&archive->lock);
    struct archive_file *old = file_find(file->run, file->path, file->number - 1);
    bool needed = old && !old->moved && !old->gone;
    pthread_mutex_unlock(&archive->lock);
    if (!needed)
        return 0;
    int r = file->made ? 0 : put_moving(archive, file);
    if (r == 0)
        r = generation_move(archive, file->run->info.id, file->path, old->number);
    if (r < 0)
        return r;
    pthread_mutex_lock(&archive->lock);
    old->moved = true;
    r = batch_add(archive, old); /* for its row */
    pthread_mutex_unlock(&archive->lock);
    return r;
}

static int make_file(struct archive *archive, struct archive_file *file)
{
    char place[PLACE_BYTES];

    int r = file->number > 1 ? move_older(archive, file) : 0;
    if (r < 0)
        return r;
    pthread_mutex_lock(&archive->lock);
    r = file_place(file, place, sizeof place);
    pthread_mutex_unlock(&archive->lock);
    if (r == 0)
        r = place_make_parents(archive->root, place, &archive->open->dirs);
    if (r < 0)
        return r;
    /* A file without a row was never ours to keep: a crash came before its first commit, or
     * between the two names of a rename. One that we made is: this is done again after a sync
     * that failed. */
    r = file->made ? 0 : place_unlink(archive->root, place);
    if (r < 0 && r != -ENOENT)
        return r;
    _cleanup_close_ int fd = place_open(archive->root, place,
                                        O_RDWR | O_CREAT | (file->made ? 0 : O_EXCL), 0600);
    if (fd < 0)
        return fd;
    r = place_dirs_add_parent(&archive->open->dirs, place);
    if (r == 0)
        r = journal_generation(archive, file);
    if (r < 0)
        return r;
    pthread_mutex_lock(&archive->lock);
    bool first = !file->made;
    file->made = true;
    r = batch_add(archive, file);
    pthread_mutex_unlock(&archive->lock);
    if (first && archive->begun)
        archive->begun(archive->ctx, file);
    return r;
}

/* ---- renames ------------------------------------------------------------------------------ */

static int put_renamed(struct archive *archive, struct archive_file *file)
{
    char path[PATHTEXT_BYTES], old_path[PATHTEXT_BYTES];
    struct catalog_generation row;

    pthread_mutex_lock(&archive->lock);
    file_row(file, atomic_load(&file->durable), path, &row);
    pathtext_encode(old_path, sizeof old_path, file->at_path);
    pathtext_encode(path, sizeof path, file->path);
    row.number = file->number;
    pthread_mutex_unlock(&archive->lock);
    pthread_mutex_lock(&archive->catalog_lock);
    int r = catalog_begin(archive->catalog, clock_wall_s(NULL));
    if (r == 0)
        r = catalog_rename(archive->catalog, &row, old_path, file->at_number);
    r = catalog_end(archive->catalog, r);
    pthread_mutex_unlock(&archive->catalog_lock);
    return r;
}

/* Both names lead to the file until the row has changed: a crash leaves one that the row names. */
static int rename_file(struct archive *archive, struct archive_file *file)
{
    char from[PLACE_BYTES], to[PLACE_BYTES];

    pthread_mutex_lock(&archive->lock);
    int r = batch_settle(archive); /* no row of the old name comes after this */
    if (r == 0)
        r = file_place(file, from, sizeof from);
    if (r == 0)
        r = place_of(to, sizeof to, file->run->info.id, file->path, file->number, file->moved);
    bool same = file->at_number == file->number && strcmp(file->at_path, file->path) == 0;
    pthread_mutex_unlock(&archive->lock);
    if (r < 0 || same)
        return r;
    if (!file->moved && file->number > 1)
        r = move_older(archive, file);
    if (r == 0)
        r = place_make_parents(archive->root, to, &archive->open->dirs);
    if (r == 0)
        r = place_unlink(archive->root, to); /* of a try before */
    if (r == 0 || r == -ENOENT)
        r = place_link(archive->root, from, to);
    if (r == 0)
        r = place_sync_parent(archive->root, to);
    if (r == 0)
        r = put_renamed(archive, file);
    if (r == 0)
        r = place_unlink(archive->root, from);
    if (r < 0)
        return r;
    pthread_mutex_lock(&archive->lock);
    file->run->old_paths[file->run->n_old_paths++] = file->at_path;
    file->at_path = file->path;
    file->at_number = file->number;
    pthread_mutex_unlock(&archive->lock);
    return journal_generation(archive, file);
}

/* ---- the rest ----------------------------------------------------------------------------- */

static int repair(struct archive *archive, struct change *change)
{
    struct archive_file *file = change->file;

    int r = file_open(file);
    if (r < 0)
        return r;
    for (size_t at = 0; at < change->size;) {
        ssize_t wrote = pwrite(file->fd, change->data + at, change->size - at,
                               (off_t)(change->damage.offset + at));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? -errno : -EIO;
        at += (size_t)wrote;
    }
    if (change->damage.offset < file->hashed) { /* the hash begins anew */
        file->hashed = 0;
        digest_init(&file->digest);
    }
    r = journal_damage(archive, file, &change->damage);
    if (r < 0)
        return r;
    pthread_mutex_lock(&archive->lock);
    r = batch_add(archive, file);
    pthread_mutex_unlock(&archive->lock);
    return r;
}

/* The hash of all bytes, some of them at a time. 1: there are more. */
static int hash_on(struct archive_file *file)
{
    uint64_t stop = MIN(file->written, file->hashed + HASH_TURN_BYTES);
    uint8_t *bytes = malloc(HASH_BYTES);
    int r = bytes ? 0 : -ENOMEM;

    while (r == 0 && file->hashed < stop) {
        ssize_t got = file_read(file, file->hashed, bytes,
                                (size_t)MIN(stop - file->hashed, (uint64_t)HASH_BYTES));
        if (got <= 0) {
            r = got < 0 ? (int)got : -EUCLEAN;
            break;
        }
        digest_add(&file->digest, bytes, (size_t)got);
        file->hashed += (uint64_t)got;
    }
    free(bytes);
    return r < 0 ? r : file->hashed < file->written;
}

/* Its bytes are safe, its descriptor is closed, and then it may share its inode. */
static int settle_as_object(struct archive *archive, struct archive_file *file,
                            const uint8_t sha256[DIGEST_BYTES])
{
    pthread_mutex_lock(&archive->lock);
    int r = batch_settle(archive);
    if (r == 0)
        file_close(file);
    pthread_mutex_unlock(&archive->lock);
    return r == 0 ? object_keep(archive, file, sha256) : r;
}

static int complete(struct archive *archive, struct change *change)
{
    struct archive_file *file = change->file;
    uint8_t sha256[DIGEST_BYTES];

    if (file->written != change->upto) {
        change->result = -ESTALE; /* more came, or bytes were lost: it is not complete */
        return 0;
    }
    int r = hash_on(file);
    if (r != 0)
        return r;
    digest_get(&file->digest, sha256);
    if (change->has_sha256 && memcmp(sha256, change->sha256, sizeof sha256) != 0) {
        change->result = -EBADMSG;
        return 0;
    }
    if (object_wanted(file)) {
        r = settle_as_object(archive, file, sha256);
        if (r < 0)
            return r;
    }
    pthread_mutex_lock(&archive->lock);
    memcpy(file->sha256, sha256, sizeof sha256);
    file->has_sha256 = true;
    file->complete = file->received == change->upto;
    r = batch_add(archive, file);
    pthread_mutex_unlock(&archive->lock);
    if (r == 0)
        r = journal_generation(archive, file);
    return r == 0 && object_wanted(file) && file->newest ? versions_drop(archive, file) : r;
}

static int damage(struct archive *archive, struct change *change)
{
    pthread_mutex_lock(&archive->lock);
    int r = batch_add(archive, change->file); /* its row comes first, and its check moves */
    pthread_mutex_unlock(&archive->lock);
    return r == 0 ? journal_damage(archive, change->file, &change->damage) : r;
}

static int length(struct archive *archive, struct archive_file *file)
{
    return file->gone || file->journaled == file->written ? 0 : journal_generation(archive, file);
}

/* A name that this file system does not take must not stop all other files. */
static int make_or_refuse(struct archive *archive, struct archive_file *file)
{
    int r = make_file(archive, file);

    if (r != -ENAMETOOLONG && r != -EINVAL && r != -EILSEQ && r != -ENOTDIR && r != -EISDIR)
        return r;
    log_error("%s/%s cannot be archived: %s", file->run->name, file->path, strerrordesc_np(-r));
    pthread_mutex_lock(&archive->lock);
    file->gone = true;
    file->received = file->written;
    file_drop_pieces(file);
    file_release_source(file);
    pthread_mutex_unlock(&archive->lock);
    return 0;
}

static int apply_to_file(struct archive *archive, struct change *change)
{
    CHECK(change->file);
    switch (change->kind) {
    case CHANGE_FILE:
        return make_or_refuse(archive, change->file);
    case CHANGE_RENAME:
        return rename_file(archive, change->file);
    case CHANGE_DAMAGE:
        return damage(archive, change);
    case CHANGE_REPAIR:
        return repair(archive, change);
    case CHANGE_COMPLETE:
        return complete(archive, change);
    case CHANGE_LENGTH:
        return length(archive, change->file);
    default:
        return 0;
    }
}

int change_apply(struct archive *archive, struct change *change)
{
    if (change->file && change->file->gone && change->kind != CHANGE_SYNC) {
        change->result = -ESTALE;
        return 0;
    }
    switch (change->kind) {
    case CHANGE_RUN:
    case CHANGE_BURY:
        return make_run(archive, change->run);
    case CHANGE_EVENT:
        return journal_event(archive, change->run, change->event);
    case CHANGE_PURGE:
        return purge_run(archive, change->run);
    case CHANGE_MEND:
        return mend_apply(archive, change);
    case CHANGE_CATALOG:
        return renew_apply(archive, change);
    case CHANGE_SYNC:
        return 0;
    default:
        return apply_to_file(archive, change);
    }
}
