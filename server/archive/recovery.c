/* recovery.c: what a start does before anything is written: the catalog into memory, moves that a
 * crash interrupted, and after an unclean stop the cut of each file.
 *
 * The catalog's durable length is the truth. Bytes behind it stay only as far as the CRCs of their
 * records hold; files that are no event files are cut at the durable length. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <eventfile/record.h>
#include <eventfile/salvage.h>

#include "archive/inside.h"
#include "archive/pathtext.h"
#include "base/check.h"
#include "base/log.h"

/* ---- loading ------------------------------------------------------------------------------ */

struct loading {
    struct archive *archive;
    struct archive_run *run; /* the one of the last row */
    char path[PATHTEXT_BYTES];
};

static int load_run(void *ctx, const struct catalog_run *row)
{
    struct archive *archive = ((struct loading *)ctx)->archive;
    const struct archive_run_info info = {.id = row->id, .name = row->name,
                                          .experiment = row->experiment, .source = row->source,
                                          .kind = (enum archive_run_kind)row->kind};

    if (!place_id_ok(row->id) || row->kind < ARCHIVE_RUN_FOUND || row->kind > ARCHIVE_RUN_IMPORTED)
        return -EUCLEAN;
    struct archive_run *run = run_add(archive, &info);
    char *notes = strdup(row->notes), *tags = strdup(row->tags);
    if (!run || !notes || !tags) {
        free(notes);
        free(tags);
        return -ENOMEM;
    }
    free(run->notes);
    free(run->tags);
    run->notes = notes;
    run->tags = tags;
    run->pinned = row->pinned;
    run->created_s = row->created_s;
    run->changed_s = row->changed_s;
    run->deleted_s = row->deleted_s;
    run->made = true;
    return 0;
}

static struct archive_run *same_run(struct loading *loading, const char *id)
{
    if (!loading->run || strcmp(loading->run->info.id, id) != 0)
        loading->run = run_find(loading->archive, id);
    return loading->run;
}

static int load_generation(void *ctx, const struct catalog_generation *row)
{
    struct loading *loading = ctx;
    struct archive_run *run = same_run(loading, row->run);

    int r = pathtext_decode(loading->path, sizeof loading->path, row->path);
    if (!run || r < 0 || !place_path_ok(loading->path))
        return -EUCLEAN;
    struct archive_file *file = file_add(run, loading->path, row->source, row->number);
    if (!file)
        return -ENOMEM;
    file->moved = row->state == GENERATION_OLD;
    file->made = row->state != GENERATION_MOVING;
    file->complete = row->complete;
    file->received = file->written = file->journaled = row->durable;
    atomic_store(&file->durable, row->durable);
    file->check = row->check;
    file->changed_s = row->changed_s;
    file->has_sha256 = row->sha256 != NULL;
    if (row->sha256)
        memcpy(file->sha256, row->sha256, sizeof file->sha256);
    run->bytes += row->durable;
    loading->archive->bytes_kept += row->durable;
    return 0;
}

static int load_damage(void *ctx, const char *id, const char *path, uint32_t number,
                       const struct damage *damage)
{
    struct loading *loading = ctx;
    struct archive_run *run = same_run(loading, id);

    int r = pathtext_decode(loading->path, sizeof loading->path, path);
    struct archive_file *file = run && r == 0 ? file_find(run, loading->path, number) : NULL;
    if (!file)
        return 0;
    r = file_add_damage(file, damage);
    return r == -EDQUOT ? 0 : r;
}

static int load_event(void *ctx, const char *id, const struct archive_event *event)
{
    struct archive_run *run = same_run(ctx, id);
    struct archive_event *kept;

    return run ? run_add_event(run, event, &kept) : 0;
}

static int load_tombstone(void *ctx, const struct catalog_tombstone *row)
{
    struct loading *loading = ctx;
    struct archive_run *run = same_run(loading, row->run);

    if (!run)
        return 0;
    return run_add_tombstone(run, row->path, &row->check);
}

int recovery_load(struct archive *archive)
{
    struct loading *loading = calloc(1, sizeof *loading);

    if (!loading)
        return -ENOMEM;
    loading->archive = archive;
    int r = catalog_each_run(archive->catalog, load_run, loading);
    if (r == 0)
        r = catalog_each_generation(archive->catalog, load_generation, loading);
    if (r == 0)
        r = catalog_each_damage(archive->catalog, load_damage, loading);
    if (r == 0)
        r = catalog_each_event(archive->catalog, load_event, loading);
    if (r == 0)
        r = catalog_each_tombstone(archive->catalog, load_tombstone, loading);
    free(loading);
    for (size_t i = 0; i < archive->n_runs; i++)
        archive->runs[i]->purged =
            archive->runs[i]->deleted_s > 0 && archive->runs[i]->n_files == 0;
    return r;
}

/* ---- moves -------------------------------------------------------------------------------- */

/* Whether a generation was moved is seen, not believed: a crash may have come between the move and
 * its row. Nothing but a move puts a file below generations/; and where it is not there, its own
 * name leads to it unless a newer one has that. */
static int find_place(struct archive *archive, struct archive_file *file,
                      const struct archive_file *next)
{
    bool named = !next || !next->made || strcmp(next->path, file->path) != 0;
    char place[PLACE_BYTES];

    int r = place_of(place, sizeof place, file->run->info.id, file->path, file->number, true);
    if (r < 0)
        return r;
    _cleanup_close_ int fd = place_open(archive->root, place, O_PATH, 0);
    if (fd < 0 && fd != -ENOENT && fd != -ENOTDIR)
        return fd;
    bool moved = fd >= 0;
    if (moved == file->moved || (!moved && !named))
        return 0;
    file->moved = moved;
    return batch_add(archive, file);
}

/* A generation whose row says `moving`: the older file may or may not have been moved, the new
 * one may or may not be there; it has no bytes yet. */
static int complete_move(struct archive *archive, struct archive_file *file)
{
    struct archive_file *old = file_find(file->run, file->path, file->number - 1);

    if (old && !old->moved) {
        int r = generation_move(archive, file->run->info.id, old->path, old->number);
        if (r < 0)
            return r;
        old->moved = true;
        r = batch_add(archive, old);
        if (r < 0)
            return r;
    }
    return change_post(archive, change_new(CHANGE_FILE, file->run, file, 0));
}

/* ---- cuts --------------------------------------------------------------------------------- */

/* Where the record begins that holds the byte at `durable`, going from header to header. Damage
 * that is known is passed; where a header does not hold, UINT64_MAX. */
static uint64_t record_at(int fd, const struct archive_file *file, uint64_t durable)
{
    uint8_t header[EF_HEADER_BYTES];
    uint64_t at = 0, size;
    size_t damaged = 0;

    while (at < durable) {
        while (damaged < file->n_damage && file->damage[damaged].offset < at)
            damaged++;
        const struct damage *damage = damaged < file->n_damage ? &file->damage[damaged] : NULL;
        if (damage && damage->offset == at && damage->reason != EF_REASON_REPAIRED) {
            at += damage->length;
            continue;
        }
        if (pread(fd, header, sizeof header, (off_t)at) != (ssize_t)sizeof header)
            return at;
        size = UINT64_MAX;
        if (ef_record_check(header, sizeof header, &size) != 0 || size == UINT64_MAX)
            return UINT64_MAX;
        if (at + EF_RECORD_OVERHEAD + size > durable)
            return at;
        at += EF_RECORD_OVERHEAD + size;
    }
    return at;
}

/* How far whole, sound records go from `at`. */
static uint64_t sound_end(int fd, uint64_t at, uint64_t size)
{
    ef_parser *parser = ef_parser_new(at);
    uint8_t *bytes = malloc(1 << 20);
    uint64_t read_to = at;
    struct ef_record record;
    int r = parser && bytes ? 0 : -ENOMEM;

    while (r == 0 && read_to < size) {
        ssize_t got = pread(fd, bytes, (size_t)MIN(size - read_to, (uint64_t)1 << 20),
                            (off_t)read_to);
        if (got <= 0 || ef_parser_feed(parser, bytes, (size_t)got) < 0)
            break;
        read_to += (uint64_t)got;
        while ((r = ef_parser_next(parser, &record)) > 0)
            continue;
    }
    uint64_t end = parser ? ef_parser_offset(parser) : at;
    ef_parser_free(parser);
    free(bytes);
    return end;
}

static int cut_file(struct archive *archive, struct archive_file *file)
{
    char place[PLACE_BYTES];
    uint64_t durable = atomic_load(&file->durable), end = durable;
    struct stat st;

    int r = file_place(file, place, sizeof place);
    if (r < 0)
        return r;
    _cleanup_close_ int fd = place_open(archive->root, place, O_RDWR, 0);
    if (fd < 0) {
        log_error("%s/%s of the archive is missing: %s", file->run->name, file->path,
                  strerrordesc_np(-fd));
        file->gone = true;
        return 0;
    }
    if (fstat(fd, &st) < 0)
        return -errno;
    uint64_t size = (uint64_t)st.st_size;
    if (size < durable) {
        log_error("%s/%s of the archive has lost %llu bytes at its end", file->run->name,
                  file->path, (unsigned long long)(durable - size));
        end = size;
    } else if (size > durable && file->event_file && !file->moved) {
        uint64_t begin = record_at(fd, file, durable);
        if (begin != UINT64_MAX)
            end = MAX(durable, sound_end(fd, begin, size));
    }
    if (size > end && ftruncate(fd, (off_t)end) < 0)
        return -errno;
    file->received = file->written = end;
    if (end < durable) {
        file->complete = file->has_sha256 = false;
        atomic_store(&file->durable, end);
        archive->bytes_kept -= durable - end;
        file->run->bytes -= durable - end;
    }
    if (end == durable)
        return 0;
    pthread_mutex_lock(&archive->lock);
    uint64_t check_end = file_check_end(file, end);
    pthread_mutex_unlock(&archive->lock);
    if (fdatasync(fd) < 0)
        return -errno;
    r = file_make_check(fd, check_end, &file->check);
    return r < 0 ? r : batch_add(archive, file);
}

enum pass { PLACES, MOVES, CUTS, PASSES };

static int look_at_file(struct archive *archive, const struct archive_run *run, size_t at,
                        enum pass pass)
{
    struct archive_file *file = run->files[at];
    struct archive_file *next = at + 1 < run->n_files ? run->files[at + 1] : NULL;

    if (file->made == (pass == MOVES))
        return 0;
    return pass == PLACES  ? find_place(archive, file, next)
           : pass == MOVES ? complete_move(archive, file)
                           : cut_file(archive, file);
}

int recovery_mark(struct archive *archive, const char *value)
{
    int r = catalog_begin(archive->catalog, clock_wall_s(NULL));

    if (r == 0)
        r = catalog_set_mark(archive->catalog, "stop", value);
    return catalog_end(archive->catalog, r);
}

int recovery_run(struct archive *archive)
{
    char stop[16];

    int r = catalog_mark(archive->catalog, "stop", stop, sizeof stop);
    if (r < 0)
        return r;
    bool clean = strcmp(stop, "clean") == 0 || (stop[0] == '\0' && archive->n_runs == 0);
    /* All moves come before any cut. */
    for (enum pass pass = PLACES; pass < PASSES; pass++)
        for (size_t i = 0; i < archive->n_runs; i++)
            for (size_t j = 0; j < archive->runs[i]->n_files; j++) {
                r = clean && pass != MOVES ? 0 : look_at_file(archive, archive->runs[i], j, pass);
                if (r < 0)
                    return r;
            }
    return recovery_mark(archive, "open");
}
