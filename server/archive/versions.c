/* versions.c: of a file of ./outputs so many generations are kept; what is older goes.
 *
 *   newest generation complete ─► versions_drop(): row, then bytes, then an object nobody shares
 *
 * A checkpoint that is written anew each minute must not fill the disk. Event files and other logs
 * are never dropped. Thread: the writer. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/inside.h"
#include "archive/pathtext.h"

unsigned versions_count(const struct archive_run *run, const char *path)
{
    unsigned count = 0;

    for (size_t at = run->n_files; at-- > 0;) /* by path and number */
        count += strcmp(run->files[at]->path, path) == 0 && !run->files[at]->gone;
    return count;
}

/* The oldest generation beyond those that are kept; NULL: none. With the lock. */
static struct archive_file *surplus(const struct archive_file *newest)
{
    const struct archive_run *run = newest->run;
    unsigned kept = run->archive->output_generations;

    if (kept == 0 || versions_count(run, newest->path) <= kept)
        return NULL;
    for (size_t i = 0; i < run->n_files; i++)
        if (strcmp(run->files[i]->path, newest->path) == 0 && !run->files[i]->gone)
            return run->files[i];
    return NULL;
}

static int forget_row(struct archive *archive, const struct archive_file *file)
{
    char path[PATHTEXT_BYTES];

    pathtext_encode(path, sizeof path, file->at_path);
    pthread_mutex_lock(&archive->catalog_lock);
    int r = catalog_begin(archive->catalog, clock_wall_s(NULL));
    if (r == 0)
        r = catalog_forget_generation(archive->catalog, file->run->info.id, path,
                                      file->at_number);
    r = catalog_end(archive->catalog, r);
    pthread_mutex_unlock(&archive->catalog_lock);
    return r;
}

/* The content goes where nobody shares it. */
static int forget_content(struct archive *archive, const struct archive_file *file,
                          const char *place)
{
    char object[PLACE_BYTES];
    struct stat st;

    int r = place_unlink(archive->root, place);
    if ((r < 0 && r != -ENOENT) || !file->has_sha256)
        return r == -ENOENT ? 0 : r;
    object_place(file->sha256, object);
    _cleanup_close_ int fd = place_open(archive->root, object, O_PATH, 0);
    if (fd < 0 || fstat(fd, &st) < 0 || st.st_nlink > 1)
        return 0;
    r = place_unlink(archive->root, object);
    return r == -ENOENT ? 0 : r;
}

static int drop(struct archive *archive, struct archive_file *file)
{
    char place[PLACE_BYTES];

    pthread_mutex_lock(&archive->lock);
    int r = batch_settle(archive); /* no row of it comes after this */
    if (r == 0)
        r = file_place(file, place, sizeof place);
    if (r == 0)
        file_close(file);
    pthread_mutex_unlock(&archive->lock);
    if (r == 0)
        r = forget_row(archive, file);
    if (r < 0)
        return r;
    pthread_mutex_lock(&archive->lock);
    uint64_t durable = atomic_load(&file->durable);
    file_drop_pieces(file);
    file_release_source(file);
    file->gone = true;
    file->reset = false;
    archive->bytes_kept -= durable;
    file->run->bytes -= durable;
    file->received = file->written = 0;
    atomic_store(&file->durable, 0);
    pthread_mutex_unlock(&archive->lock);
    return forget_content(archive, file, place);
}

int versions_drop(struct archive *archive, const struct archive_file *newest)
{
    for (;;) {
        pthread_mutex_lock(&archive->lock);
        struct archive_file *file = surplus(newest);
        pthread_mutex_unlock(&archive->lock);
        int r = file && file != newest ? drop(archive, file) : 0;
        if (r < 0 || !file || file == newest)
            return r;
    }
}
