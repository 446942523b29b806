#include "archive/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "archive/inside.h"
#include "base/check.h"
#include "base/db.h"
#include "base/log.h"

/* ---- trouble ------------------------------------------------------------------------------ */

static bool is_full(int error)
{
    return error == -ENOSPC || error == -EDQUOT;
}

void archive_troubled(struct archive *archive, struct trouble *trouble, int error,
                      const char *what)
{
    int64_t pause = MIN(INT64_C(250) << MIN(trouble->failures, 10u),
                        (int64_t)(is_full(error) ? 2000 : LIMIT_ARCHIVE_BACKOFF_MS));

    trouble->error = error;
    trouble->failures++;
    trouble->retry_ns = archive_now() + pause * NS_PER_MS;
    if (trouble->told)
        return;
    trouble->told = true;
    if (is_full(error))
        log_warn("the archive %s is paused: the disk is full, or below its reserve; viewing goes "
                 "on, and archiving goes on by itself once there is room",
                 archive->dir);
    else
        log_warn("the archive %s cannot be %s: %s; it is tried again", archive->dir, what,
                 strerrordesc_np(-error));
}

void archive_no_trouble(struct archive *archive, struct trouble *trouble)
{
    if (trouble->told)
        log_info("the archive %s goes on", archive->dir);
    *trouble = (struct trouble){0};
}

const char *archive_state_word(enum archive_state state)
{
    static const char *const words[] = {
        [ARCHIVE_OK] = "ok",           [ARCHIVE_FULL] = "full", [ARCHIVE_FAILING] = "failing",
        [ARCHIVE_HUNG] = "hung",       [ARCHIVE_LOST] = "lost",
    };

    return words[state];
}

/* With the lock. */
static enum archive_state state_of(struct archive *archive, char *message, size_t size)
{
    int64_t now = archive_now(), limit = LIMIT_ARCHIVE_HUNG_MS * NS_PER_MS;
    int64_t writing = atomic_load(&archive->writer_call_ns);
    int64_t syncing = atomic_load(&archive->syncer_call_ns);
    int error = archive->writer_trouble.error ? archive->writer_trouble.error
                                              : archive->syncer_trouble.error;

    message[0] = '\0';
    if (archive->lost) {
        snprintf(message, size, "another server has taken the archive over");
        return ARCHIVE_LOST;
    }
    if ((writing > 0 && now - writing > limit) || (syncing > 0 && now - syncing > limit)) {
        int64_t since = MAX(writing > 0 ? now - writing : 0, syncing > 0 ? now - syncing : 0);
        snprintf(message, size, "the disk has not answered for %lld s",
                 (long long)(since / NS_PER_S));
        return ARCHIVE_HUNG;
    }
    if (is_full(error)) {
        snprintf(message, size, "%.1f GB free, %.1f GB are kept free",
                 (double)archive->free_bytes / 1e9, (double)archive->reserve_bytes / 1e9);
        return ARCHIVE_FULL;
    }
    if (error) {
        snprintf(message, size, "%s", strerrordesc_np(-error));
        return ARCHIVE_FAILING;
    }
    return ARCHIVE_OK;
}

struct archive_status archive_status(struct archive *archive)
{
    struct archive_status status = {.dir = archive->dir, .reserve_bytes = archive->reserve_bytes};
    int64_t oldest = INT64_MAX;

    pthread_mutex_lock(&archive->lock);
    status.state = state_of(archive, status.message, sizeof status.message);
    status.bytes_kept = archive->bytes_kept;
    status.runs = archive->n_runs;
    status.files = archive->n_files;
    status.free_bytes = archive->free_bytes;
    for (const struct archive_file *file = archive->queue; file; file = file->next_queued) {
        status.bytes_behind += file->received - file->written;
        oldest = MIN(oldest, file->since_ns);
    }
    status.bytes_behind += archive->open->bytes + (archive->taken ? archive->taken->bytes : 0);
    if (archive->open->since_ns > 0)
        oldest = MIN(oldest, archive->open->since_ns);
    if (archive->taken && archive->taken->since_ns > 0)
        oldest = MIN(oldest, archive->taken->since_ns);
    pthread_mutex_unlock(&archive->lock);
    if (oldest < INT64_MAX)
        status.behind_s = (double)(archive_now() - oldest) / 1e9;
    return status;
}

const char *archive_dir(const struct archive *archive)
{
    return archive->dir;
}

bool archive_is_remote(const struct archive *archive)
{
    return archive->remote;
}

/* ---- opening ------------------------------------------------------------------------------ */

/* The directory and those above it. */
static int make_dir(const char *path)
{
    char at[LIMIT_PATH_BYTES];
    size_t length = strlen(path);

    if (length == 0 || length >= sizeof at)
        return -ENAMETOOLONG;
    memcpy(at, path, length + 1);
    for (char *slash = at + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(at, 0700) < 0 && errno != EEXIST)
            return -errno;
        *slash = '/';
    }
    return mkdir(at, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static void who_holds(int lock_fd, struct archive_holder *ret)
{
    char text[LIMIT_NAME_BYTES + 64];
    ssize_t n = pread(lock_fd, text, sizeof text - 1, 0);

    *ret = (struct archive_holder){.pid = 0};
    if (n <= 0)
        return;
    text[n] = '\0';
    char *space = strchr(text, ' ');
    if (!space)
        return;
    *space = '\0';
    snprintf(ret->host, sizeof ret->host, "%.*s", LIMIT_NAME_BYTES, text);
    ret->pid = strtol(space + 1, NULL, 10);
}

struct catalog_holder archive_self(void)
{
    _cleanup_fclose_ FILE *boot = fopen("/proc/sys/kernel/random/boot_id", "re");
    struct catalog_holder self = {.pid = getpid()};

    if (gethostname(self.host, sizeof self.host - 1) < 0)
        snprintf(self.host, sizeof self.host, "unknown");
    if (boot && fgets(self.boot, sizeof self.boot, boot))
        self.boot[strcspn(self.boot, "\n")] = '\0';
    return self;
}

/* The lock of this open file description: it goes with the process, however that ends. */
static int take_lock(struct archive *archive, const struct catalog_holder *self,
                     struct archive_holder *ret_holder)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[LIMIT_NAME_BYTES + 64];

    archive->lock_fd = place_open(archive->root, "lock", O_RDWR | O_CREAT, 0600);
    if (archive->lock_fd < 0)
        return archive->lock_fd;
    if (fcntl(archive->lock_fd, F_OFD_SETLK, &lock) < 0) {
        if (errno != EAGAIN && errno != EACCES)
            return -errno;
        who_holds(archive->lock_fd, ret_holder);
        return -EBUSY;
    }
    int n = snprintf(text, sizeof text, "%s %ld\n", self->host, self->pid);
    if (ftruncate(archive->lock_fd, 0) < 0 || pwrite(archive->lock_fd, text, (size_t)n, 0) != n)
        log_debug("the lock file of the archive stays without a name in it");
    return 0;
}

static int open_catalog(struct archive *archive, const struct catalog_holder *self,
                        struct archive_holder *ret_holder)
{
    char path[LIMIT_PATH_BYTES + 16];
    int version = 0;

    snprintf(path, sizeof path, "%s/catalog.db", archive->dir);
    archive->remote = db_is_remote(archive->dir);
    int r = catalog_open(path, archive->remote, &archive->catalog, &version);
    if (r == -EPROTO)
        log_error("%s is of version %d, made by a newer Tailboard; this one knows versions up to "
                  "%d and leaves it alone",
                  path, version, CATALOG_VERSION);
    else if (r == -EUCLEAN)
        log_error("%s is torn: 'tailboard fsck --rebuild-catalog' makes it anew from the files",
                  path);
    if (r == 0)
        r = catalog_take_lease(archive->catalog, self, clock_wall_s(NULL), ret_holder);
    return r;
}

static void set_reserve(struct archive *archive, uint64_t asked)
{
    struct statvfs fs;

    archive->reserve_bytes = asked;
    if (fstatvfs(archive->root, &fs) < 0)
        return;
    uint64_t all = (uint64_t)fs.f_blocks * fs.f_frsize;
    archive->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    if (asked == 0)
        archive->reserve_bytes = MIN(all / 20, LIMIT_ARCHIVE_RESERVE_BYTES);
}

static int start_threads(struct archive *archive)
{
    int r = pthread_create(&archive->syncer, NULL, syncer_main, archive);

    archive->syncer_runs = r == 0;
    if (r == 0)
        r = pthread_create(&archive->writer, NULL, writer_main, archive);
    archive->writer_runs = r == 0 && archive->syncer_runs;
    return -r;
}

static struct archive *new_archive(const struct archive_options *options)
{
    struct archive *archive = calloc(1, sizeof *archive);

    if (!archive)
        return NULL;
    archive->root = archive->lock_fd = -1;
    archive->clock = options->clock;
    archive->output_generations = options->output_generations;
    archive->written = options->written;
    archive->begun = options->begun;
    archive->ctx = options->ctx;
    archive->queue_tail = &archive->queue;
    archive->changes_tail = &archive->changes;
    archive->open = &archive->batches[0];
    archive->taken_spare = &archive->batches[1];
    for (size_t i = 0; i < 2; i++)
        archive->batches[i].changes_tail = &archive->batches[i].changes;
    pthread_mutex_init(&archive->lock, NULL);
    pthread_mutex_init(&archive->catalog_lock, NULL);
    pthread_cond_init(&archive->work, NULL);
    pthread_cond_init(&archive->commit, NULL);
    pthread_cond_init(&archive->committed, NULL);
    archive->refreshed_ns = archive_now();
    archive->dir = strdup(options->dir);
    archive->copy_buffer = malloc(1 << 20);
    return archive;
}

static void free_archive(struct archive *archive)
{
    for (size_t i = 0; i < archive->n_runs; i++)
        kept_run_free(archive->runs[i]);
    free(archive->runs);
    for (size_t i = 0; i < 2; i++) {
        struct batch *batch = &archive->batches[i];
        while (batch->changes) {
            struct change *next = batch->changes->next;
            free(batch->changes);
            batch->changes = next;
        }
        for (size_t j = 0; j < batch->n_journals; j++)
            close(batch->journals[j]);
        place_dirs_done(&batch->dirs);
        free(batch->files);
    }
    if (archive->catalog)
        catalog_drop_lease(archive->catalog);
    catalog_close(archive->catalog);
    if (archive->lock_fd >= 0)
        close(archive->lock_fd);
    if (archive->root >= 0)
        close(archive->root);
    pthread_mutex_destroy(&archive->lock);
    pthread_mutex_destroy(&archive->catalog_lock);
    pthread_cond_destroy(&archive->work);
    pthread_cond_destroy(&archive->commit);
    pthread_cond_destroy(&archive->committed);
    free(archive->copy_buffer);
    free(archive->dir);
    free(archive);
}

static int open_steps(struct archive *archive, const struct archive_options *options,
                      struct archive_holder *ret_holder)
{
    const struct catalog_holder self = archive_self();

    int r = options->must_exist ? 0 : make_dir(options->dir);
    if (r < 0)
        return r;
    archive->root = open(options->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (archive->root < 0)
        return -errno;
    if (options->must_exist && faccessat(archive->root, "catalog.db", F_OK, 0) < 0)
        return -errno;
    set_reserve(archive, options->reserve_bytes);
    r = take_lock(archive, &self, ret_holder);
    if (r == 0)
        r = open_catalog(archive, &self, ret_holder);
    if (r == 0)
        r = place_make_parents(archive->root, "runs/x", NULL);
    if (r == 0)
        r = recovery_load(archive);
    if (r == 0)
        r = recovery_run(archive);
    return r == 0 ? start_threads(archive) : r;
}

int archive_take(const char *dir, struct archive **ret, struct archive_holder *ret_holder)
{
    const struct archive_options options = {.dir = dir};
    struct archive *archive = new_archive(&options);
    const struct catalog_holder self = archive_self();

    if (!archive)
        return -ENOMEM;
    archive->root = archive->dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int r = archive->root < 0 ? -errno : 0;
    if (r == 0)
        r = take_lock(archive, &self, ret_holder);
    if (r < 0) {
        archive_close(archive);
        return r;
    }
    *ret = archive;
    return 0;
}

int archive_open(const struct archive_options *options, struct archive **ret,
                 struct archive_holder *ret_holder)
{
    struct archive_holder nobody;
    struct archive *archive = new_archive(options);

    if (!archive)
        return -ENOMEM;
    int r = archive->dir && archive->copy_buffer
                ? open_steps(archive, options, ret_holder ? ret_holder : &nobody)
                : -ENOMEM;
    if (r < 0) {
        archive_close(archive);
        return r;
    }
    *ret = archive;
    return 0;
}

void archive_settle(struct archive *archive, unsigned milliseconds)
{
    int64_t until = archive_now() + milliseconds * NS_PER_MS;

    pthread_mutex_lock(&archive->lock);
    archive->urgent++;
    while ((archive->changes || archive->queue || archive->open->since_ns > 0 || archive->taken) &&
           !archive->lost && !archive->writer_trouble.error && !archive->syncer_trouble.error &&
           archive_now() < until) {
        int64_t again = MIN(until, archive_now() + 100 * NS_PER_MS);
        const struct timespec at = {again / NS_PER_S, again % NS_PER_S};
        pthread_cond_signal(&archive->commit);
        pthread_cond_clockwait(&archive->committed, &archive->lock, CLOCK_MONOTONIC, &at);
    }
    archive->urgent--;
    pthread_mutex_unlock(&archive->lock);
}

/* ---- closing ------------------------------------------------------------------------------ */

/* Lengths, so that the journals alone tell them. Before the writer stops. */
static void journal_lengths(struct archive *archive)
{
    pthread_mutex_lock(&archive->lock);
    for (size_t i = 0; i < archive->n_runs; i++) {
        struct archive_run *run = archive->runs[i];
        for (size_t j = 0; j < run->n_files; j++) {
            struct archive_file *file = run->files[j];
            if (file->received == file->journaled || file->gone)
                continue;
            struct change *change = change_new(CHANGE_LENGTH, run, file, 0);
            if (change)
                change->upto = file->received;
            if (change_post(archive, change) < 0)
                break; /* the catalog tells them as well */
        }
    }
    pthread_mutex_unlock(&archive->lock);
}

static bool join(pthread_t thread, bool runs, int64_t until_ns)
{
    struct timespec now, until;

    if (!runs)
        return true;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t left = MAX(until_ns - archive_now(), (int64_t)1);
    int64_t at = now.tv_sec * NS_PER_S + now.tv_nsec + left;
    until = (struct timespec){at / NS_PER_S, at % NS_PER_S};
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

/* What could not be made durable in time: it is still in its source, or will be sent again. */
static uint64_t fail_rest(struct archive *archive)
{
    uint64_t bytes = 0;

    while (archive->changes) {
        struct change *change = archive->changes;
        archive->changes = change->next;
        if (change->done)
            change->done(change->ctx, -EIO);
        free(change);
    }
    for (size_t i = 0; i < archive->n_runs; i++)
        for (size_t j = 0; j < archive->runs[i]->n_files; j++) {
            const struct archive_file *file = archive->runs[i]->files[j];
            bytes += file->gone ? 0 : file->received - atomic_load(&file->durable);
        }
    return bytes;
}

struct archive *archive_close(struct archive *archive)
{
    if (!archive)
        return NULL;
    if (archive->writer_runs)
        journal_lengths(archive);
    int64_t until = archive_now() + LIMIT_ARCHIVE_CLOSE_MS * NS_PER_MS;
    pthread_mutex_lock(&archive->lock);
    archive->stopping = true;
    archive->stop_ns = until;
    archive->drained |= !archive->writer_runs;
    pthread_cond_broadcast(&archive->work);
    pthread_cond_broadcast(&archive->commit);
    pthread_mutex_unlock(&archive->lock);
    /* A little longer than they wait themselves. */
    bool joined = join(archive->writer, archive->writer_runs, until + NS_PER_S);
    joined = joined && join(archive->syncer, archive->syncer_runs, until + NS_PER_S);
    if (!joined) { /* a thread hangs in the kernel: its memory has to stay */
        log_error("the disk of the archive %s does not answer: what is not safe yet is left to "
                  "the next start",
                  archive->dir);
        return NULL;
    }
    bool ran = archive->syncer_runs;
    bool pending = archive->changes != NULL || archive->open->since_ns > 0;
    uint64_t left = fail_rest(archive);
    if (ran && left > 0)
        log_warn("%llu bytes are not archived yet: the next start reads them again",
                 (unsigned long long)left);
    if (ran && left == 0 && !pending && !archive->lost)
        recovery_mark(archive, "clean");
    free_archive(archive);
    return NULL;
}
