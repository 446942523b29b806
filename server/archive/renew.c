/* renew.c: the catalog written anew while the archive runs, from what is in memory.
 *
 *   catalog_renew() ─► CHANGE_CATALOG ─► writer: rows to catalog.db.new ─► in the place of the old
 *
 * The tables in memory are what the old catalog said at the start and all that came since, so
 * nothing has to be read from the journals. The catalog's lock is held all the time: the syncer's
 * next transaction comes after. The writer does it, so that no move is half done. */
#include <errno.h>
#include <string.h>

#include "archive/inside.h"
#include "archive/pathtext.h"
#include "base/db.h"
#include "base/log.h"

struct renewal {
    struct archive *archive;
    struct catalog *catalog; /* the new one */
    struct archive_run *run;
};

/* A row's texts, copied under the lock. */
static int put_run(struct renewal *n)
{
    struct catalog_run row;

    pthread_mutex_lock(&n->archive->lock);
    run_row(n->run, &row);
    _cleanup_free_ char *name = strdup(row.name), *notes = strdup(row.notes),
                        *tags = strdup(row.tags);
    bool made = n->run->made;
    pthread_mutex_unlock(&n->archive->lock);
    if (!name || !notes || !tags)
        return -ENOMEM;
    row.name = name;
    row.notes = notes;
    row.tags = tags;
    return made ? catalog_put_run(n->catalog, &row) : 0; /* else its change is still to come */
}

static int put_damages(struct renewal *n, struct archive_file *file, const char *path,
                       uint32_t number)
{
    _cleanup_free_ struct damage *list = NULL;
    size_t count;

    int r = archive_damages(file, &list, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = catalog_put_damage(n->catalog, n->run->info.id, path, number, &list[i]);
    return r;
}

static int put_file(struct renewal *n, struct archive_file *file)
{
    char path[PATHTEXT_BYTES];
    uint8_t sha256[DIGEST_BYTES];
    struct catalog_generation row;

    pthread_mutex_lock(&n->archive->lock);
    file_row(file, atomic_load(&file->durable), path, &row);
    memcpy(sha256, file->sha256, sizeof sha256);
    bool made = file->made;
    pthread_mutex_unlock(&n->archive->lock);
    if (row.sha256)
        row.sha256 = sha256;
    if (!made && row.number == 1)
        return 0; /* its change is still to come */
    if (!made)
        row.state = GENERATION_MOVING; /* the older file may have been moved for it */
    int r = catalog_put_generation(n->catalog, &row);
    return r == 0 ? put_damages(n, file, path, row.number) : r;
}

static int put_files(struct renewal *n)
{
    _cleanup_free_ struct archive_file **files = NULL;
    size_t count;

    int r = archive_files(n->run, &files, &count);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = put_file(n, files[i]);
    return r;
}

static int put_events(struct renewal *n)
{
    _cleanup_free_ struct archive_event *events = NULL;
    size_t count;

    int r = archive_events(n->run, &events, &count);
    for (size_t i = 0; r == 0 && i < count && !n->run->purged; i++)
        r = catalog_put_event(n->catalog, n->run->info.id, i + 1, &events[i]);
    return r;
}

static int put_tombstones(struct renewal *n)
{
    int r = 0;

    for (size_t i = 0; r == 0; i++) {
        pthread_mutex_lock(&n->archive->lock);
        bool there = n->run->deleted_s > 0 && i < n->run->n_tombstones;
        struct catalog_tombstone stone = there ? n->run->tombstones[i]
                                               : (struct catalog_tombstone){0};
        _cleanup_free_ char *path = there ? strdup(stone.path) : NULL;
        pthread_mutex_unlock(&n->archive->lock);
        if (!there)
            break;
        stone.path = path;
        r = path ? catalog_put_tombstone(n->catalog, &stone) : -ENOMEM;
    }
    return r;
}

static int put_all(struct renewal *n)
{
    static int (*const parts[])(struct renewal *) = {put_run, put_files, put_events,
                                                     put_tombstones};
    int r = 0;

    for (size_t i = 0; r == 0; i++) {
        pthread_mutex_lock(&n->archive->lock);
        n->run = i < n->archive->n_runs ? n->archive->runs[i] : NULL;
        pthread_mutex_unlock(&n->archive->lock);
        if (!n->run)
            break; /* one that comes meanwhile has a change of its own */
        for (size_t j = 0; r == 0 && j < ARRAY_LEN(parts); j++)
            r = parts[j](n);
    }
    return r;
}

/* ---- the file ----------------------------------------------------------------------------- */

static int unlink_all(struct archive *archive, const char *name)
{
    static const char *const parts[] = {"", "-wal", "-shm", "-journal"};
    char at[48];
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts) && (r == 0 || r == -ENOENT); i++) {
        snprintf(at, sizeof at, "%s%s", name, parts[i]);
        r = place_unlink(archive->root, at);
    }
    return r == -ENOENT ? 0 : r;
}

/* Where there are links, a whole catalog is under the name at every moment. */
int catalog_swap(struct archive *archive)
{
    static const char *const sides[] = {"-wal", "-shm", "-journal"};
    char from[32], to[32];

    int r = unlink_all(archive, "catalog.db.old");
    if (r == 0)
        r = place_link(archive->root, "catalog.db", "catalog.db.old");
    if (r == -EPERM || r == -EOPNOTSUPP) /* no links here */
        r = place_rename(archive->root, "catalog.db", "catalog.db.old");
    for (size_t i = 0; (r == 0 || r == -ENOENT) && i < ARRAY_LEN(sides); i++) {
        snprintf(from, sizeof from, "catalog.db%s", sides[i]);
        snprintf(to, sizeof to, "catalog.db.old%s", sides[i]);
        r = place_rename(archive->root, from, to);
    }
    if (r == 0 || r == -ENOENT)
        r = place_rename(archive->root, CATALOG_NEW, "catalog.db");
    return r == 0 ? place_sync_dir(archive->root, "") : r;
}

static int open_new(struct archive *archive, const char *name, bool lease, struct catalog **ret)
{
    const struct catalog_holder self = archive_self();
    struct archive_holder other;
    struct catalog *catalog;
    char path[LIMIT_PATH_BYTES + 32];
    int version;

    snprintf(path, sizeof path, "%s/%s", archive->dir, name);
    int r = catalog_open(path, archive->remote, &catalog, &version);
    if (r == 0 && lease)
        r = catalog_take_lease(catalog, &self, clock_wall_s(NULL), &other);
    if (r < 0) {
        log_error("%s cannot be opened: %s", path, strerrordesc_np(-r));
        return r;
    }
    *ret = catalog;
    return 0;
}

static int fill_new(struct archive *archive)
{
    struct renewal renewal = {.archive = archive};

    int r = unlink_all(archive, CATALOG_NEW);
    if (r == 0)
        r = open_new(archive, CATALOG_NEW, false, &renewal.catalog);
    if (r < 0)
        return r;
    r = catalog_begin(renewal.catalog, 0);
    if (r == 0)
        r = put_all(&renewal);
    if (r == 0)
        r = catalog_set_mark(renewal.catalog, "stop", "open");
    r = catalog_end(renewal.catalog, r);
    catalog_close(renewal.catalog);
    return r;
}

/* With the catalog's lock. */
static int change_over(struct archive *archive)
{
    archive->catalog = catalog_close(archive->catalog);
    int r = catalog_swap(archive);
    int opened = open_new(archive, "catalog.db", true, &archive->catalog);
    if (opened < 0) { /* nothing can be acknowledged any more */
        pthread_mutex_lock(&archive->lock);
        archive->lost = true;
        pthread_mutex_unlock(&archive->lock);
    }
    return r < 0 ? r : opened;
}

int renew_apply(struct archive *archive, struct change *change)
{
    pthread_mutex_lock(&archive->catalog_lock);
    int r = fill_new(archive);
    if (r == 0)
        r = change_over(archive);
    pthread_mutex_unlock(&archive->catalog_lock);
    change->result = r;
    return 0; /* whoever asked is told; the old one is still there */
}

int catalog_renew(struct archive *archive)
{
    return change_wait(archive, change_new(CHANGE_CATALOG, NULL, NULL, 0));
}
