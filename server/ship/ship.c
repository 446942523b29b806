#include "ship/ship.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/clock.h"
#include "ship/control.h"
#include "ship/folder.h"
#include "ship/haul.h"
#include "ship/upload.h"

#define STOP_PATIENCE_S 2

struct ship {
    struct ship_options options; /* strings are own copies */
    struct server_name server;
    struct rate rate;
    struct folder folder;
    struct upload upload;
    struct channel *control_channel;
    _Atomic(struct shiprun *) runs; /* newest first; they stay until the end */
    atomic_bool stop;
    atomic_bool told[3]; /* what is said once */
    int wake_fd, done_fd;
    pthread_mutex_t lock;
    pthread_cond_t control_cond, known_cond;
    bool control_due; /* under the lock */
    pthread_t ship_thread, control_thread;
    bool has_threads;
};

/* ---- between the threads ------------------------------------------------------------------ */

static void signal_fd(int fd)
{
    uint64_t one = 1;

    (void)!write(fd, &one, sizeof one);
}

static void clear_fd(int fd)
{
    uint64_t count;

    (void)!read(fd, &count, sizeof count);
}

void control_wake(struct ship *ship)
{
    pthread_mutex_lock(&ship->lock);
    ship->control_due = true;
    pthread_cond_signal(&ship->control_cond);
    pthread_mutex_unlock(&ship->lock);
}

void control_news(struct ship *ship)
{
    pthread_mutex_lock(&ship->lock);
    pthread_cond_broadcast(&ship->known_cond);
    pthread_mutex_unlock(&ship->lock);
    signal_fd(ship->wake_fd);
    if (ship_done(ship))
        signal_fd(ship->done_fd);
}

const char *control_server(const struct ship *ship)
{
    return ship->options.server;
}

const char *control_token(const struct ship *ship)
{
    return ship->options.token;
}

void control_stop_order(struct shiprun *run, const struct ship_stop *stop)
{
    struct ship *ship = run->ship;

    if (ship->options.stop)
        ship->options.stop(ship->options.ctx, run, stop);
}

void control_trouble(struct ship *ship, const char *text)
{
    if (!atomic_exchange(&ship->told[0], true) && ship->options.trouble)
        ship->options.trouble(ship->options.ctx, text);
}

void control_shared(struct ship *ship)
{
    if (!atomic_exchange(&ship->told[2], true) && ship->options.trouble)
        ship->options.trouble(ship->options.ctx,
                              "several runs follow this directory: files that no process has open "
                              "belong to all of them");
}

static void upload_trouble(void *ctx, const char *text)
{
    struct ship *ship = ctx;

    /* If runs cannot be made known, that was said. */
    if (!atomic_load(&ship->told[0]) && !atomic_exchange(&ship->told[1], true) &&
        ship->options.trouble)
        ship->options.trouble(ship->options.ctx, text);
}

/* ---- the control thread ------------------------------------------------------------------- */

static void after(int64_t now_ns, int64_t next_ns, struct timespec *ret)
{
    int64_t wait = next_ns == INT64_MAX ? 3600 * NS_PER_S : MAX(next_ns - now_ns, (int64_t)0);

    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += (ret->tv_nsec + wait) / NS_PER_S;
    ret->tv_nsec = (ret->tv_nsec + wait) % NS_PER_S;
}

static void *control_work(void *arg)
{
    struct ship *ship = arg;
    struct timespec until;

    while (!atomic_load(&ship->stop)) {
        int64_t next = INT64_MAX;
        for (struct shiprun *run = atomic_load(&ship->runs); run; run = run->next) {
            int64_t due = shiprun_control(run, ship->control_channel, clock_ns(NULL));
            next = MIN(next, due);
        }
        int64_t now = clock_ns(NULL);
        pthread_mutex_lock(&ship->lock);
        after(now, next, &until);
        while (!ship->control_due && !atomic_load(&ship->stop) &&
               pthread_cond_timedwait(&ship->control_cond, &ship->lock, &until) != ETIMEDOUT)
            ;
        ship->control_due = false;
        pthread_mutex_unlock(&ship->lock);
    }
    return NULL;
}

/* ---- the ship thread ---------------------------------------------------------------------- */

static void on_news(void *ctx, void *owner, const char *path, bool directory)
{
    struct ship *ship = ctx;

    if (path) {
        haul_news(owner, &ship->folder, &ship->upload, path, directory);
        return;
    }
    for (struct shiprun *run = atomic_load(&ship->runs); run; run = run->next)
        for (size_t i = 0; i < run->n_roots; i++)
            haul_news(&run->roots[i], &ship->folder, &ship->upload, NULL, true);
}

/* Files that waited for their run to be known are queued again. */
static void queue_known(struct ship *ship)
{
    for (struct shiprun *run = atomic_load(&ship->runs); run; run = run->next) {
        pthread_mutex_lock(&run->lock);
        bool known = run->registered || run->deleted;
        pthread_mutex_unlock(&run->lock);
        if (known == run->was_known)
            continue;
        run->was_known = known;
        for (struct shipfile *file = run->files; file && known; file = file->next)
            upload_queue(&ship->upload, file);
    }
}

static void wait_for_work(struct ship *ship, int64_t next_ns)
{
    int64_t now = clock_ns(NULL), wait = next_ns <= now ? 0 : (next_ns - now) / NS_PER_MS + 1;
    bool answers = ship->upload.channel && ship->upload.count > 0;
    struct pollfd fds[3] = {
        {ship->wake_fd, POLLIN, 0},
        {ship->folder.fd, POLLIN, 0},
        {answers ? channel_fd(ship->upload.channel) : -1, POLLIN, 0},
    };

    if (answers && fds[2].fd < 0)
        wait = 0;
    (void)poll(fds, 3, (int)MIN(wait, (int64_t)1000));
    if (fds[0].revents)
        clear_fd(ship->wake_fd);
    if (fds[1].revents)
        folder_read(&ship->folder, on_news, ship);
}

static void *ship_work(void *arg)
{
    struct ship *ship = arg;

    while (!atomic_load(&ship->stop)) {
        int64_t next = INT64_MAX;
        queue_known(ship);
        for (struct shiprun *run = atomic_load(&ship->runs); run; run = run->next) {
            int64_t due = haul_turn(run, &ship->folder, &ship->upload, clock_ns(NULL));
            next = MIN(next, due);
        }
        int64_t due = upload_send(&ship->upload, clock_ns(NULL));
        wait_for_work(ship, MIN(next, due));
        upload_receive(&ship->upload, 0);
    }
    return NULL;
}

/* ---- lifetime ----------------------------------------------------------------------------- */

static int open_channels(struct ship *ship, const char **ret_why)
{
    const struct channel_options options = {
        .server = &ship->server, .rate = &ship->rate, .stop = &ship->stop};
    struct channel_options control = options;

    if (!ship->options.server)
        return 0;
    if (channel_parse(ship->options.server, &ship->server) < 0) {
        *ret_why = "the server's address is no http:// or https:// URL";
        return -EINVAL;
    }
    control.rate = NULL; /* events are few, and heartbeats must not wait */
    int r = channel_new(&options, &ship->upload.channel, ret_why);
    return r < 0 ? r : channel_new(&control, &ship->control_channel, ret_why);
}

static int start_threads(struct ship *ship)
{
    int r = -pthread_create(&ship->ship_thread, NULL, ship_work, ship);

    if (r < 0)
        return r;
    r = -pthread_create(&ship->control_thread, NULL, control_work, ship);
    if (r < 0) {
        atomic_store(&ship->stop, true);
        pthread_join(ship->ship_thread, NULL);
        return r;
    }
    ship->has_threads = true;
    return 0;
}

static void release(struct ship *ship)
{
    channel_free(ship->upload.channel);
    channel_free(ship->control_channel);
    folder_done(&ship->folder);
    for (struct shiprun *run = atomic_load(&ship->runs), *next; run; run = next) {
        next = run->next;
        shiprun_free(run);
    }
    if (ship->wake_fd >= 0)
        close(ship->wake_fd);
    if (ship->done_fd >= 0)
        close(ship->done_fd);
    pthread_cond_destroy(&ship->control_cond);
    pthread_cond_destroy(&ship->known_cond);
    pthread_mutex_destroy(&ship->lock);
    free((char *)ship->options.server);
    free((char *)ship->options.token);
    free(ship);
}

static void init_locks(struct ship *ship)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&ship->control_cond, &attributes);
    pthread_cond_init(&ship->known_cond, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&ship->lock, NULL);
}

int ship_start(const struct ship_options *options, struct ship **ret, const char **ret_why)
{
    struct ship *ship = calloc(1, sizeof *ship);

    *ret_why = "out of memory";
    if (!ship)
        return -ENOMEM;
    init_locks(ship);
    ship->options = *options;
    ship->options.server = options->server ? strdup(options->server) : NULL;
    ship->options.token = options->token && *options->token ? strdup(options->token) : NULL;
    rate_init(&ship->rate, options->limit_rate);
    folder_init(&ship->folder);
    upload_init(&ship->upload);
    if (options->limit_rate)
        ship->upload.most = ship->upload.piece =
            MIN(MAX(options->limit_rate / 4, UINT64_C(4096)), (uint64_t)LIMIT_PIECE_BYTES);
    ship->upload.trouble = upload_trouble;
    ship->upload.ctx = ship;
    ship->upload.server = ship->options.server;
    ship->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ship->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = ship->wake_fd < 0 || ship->done_fd < 0 ? -EMFILE : open_channels(ship, ret_why);
    if (r == 0)
        r = start_threads(ship);
    if (r < 0) {
        release(ship);
        return r;
    }
    *ret = ship;
    return 0;
}

int ship_add(struct ship *ship, const struct ship_run *given, struct shiprun **ret)
{
    struct shiprun *run;
    int r = shiprun_new(ship, given, &run);

    if (r < 0)
        return r;
    haul_note_before(run);
    run->next = atomic_load(&ship->runs);
    while (!atomic_compare_exchange_weak(&ship->runs, &run->next, run))
        ;
    signal_fd(ship->wake_fd);
    control_wake(ship);
    *ret = run;
    return 0;
}

/* Joins within the patience. False: it hangs in a call that nothing ends. */
static bool join(pthread_t thread)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += STOP_PATIENCE_S;
    return pthread_timedjoin_np(thread, NULL, &until) == 0;
}

bool ship_stop(struct ship *ship)
{
    if (!ship)
        return true;
    atomic_store(&ship->stop, true);
    signal_fd(ship->wake_fd);
    control_wake(ship);
    if (ship->has_threads && (!join(ship->ship_thread) || !join(ship->control_thread)))
        return false;
    for (struct shiprun *run = atomic_load(&ship->runs); run; run = run->next) {
        if (run->flushed && run->has_spool && !run->given.keep)
            spool_remove(&run->spool);
        else
            haul_save(run);
    }
    release(ship);
    return true;
}

/* ---- for the wiring ----------------------------------------------------------------------- */

void ship_event(struct shiprun *run, const char *kind, const char *data)
{
    shiprun_event(run, kind, data);
}

void ship_finish(struct shiprun *run)
{
    pthread_mutex_lock(&run->lock);
    run->finishing = true;
    pthread_mutex_unlock(&run->lock);
    signal_fd(run->ship->wake_fd);
}

void ship_set_attempt(struct shiprun *run, int attempt)
{
    pthread_mutex_lock(&run->lock);
    run->given.attempt = attempt;
    (void)shiprun_save(run);
    pthread_mutex_unlock(&run->lock);
}

void ship_wait_known(struct shiprun *run, int timeout_ms)
{
    struct ship *ship = run->ship;
    struct timespec until;

    if (!ship->options.server)
        return;
    pthread_mutex_lock(&ship->lock);
    after(0, timeout_ms * NS_PER_MS, &until);
    for (bool known = false; !known;) {
        pthread_mutex_lock(&run->lock);
        known = run->registered || run->failed_once;
        pthread_mutex_unlock(&run->lock);
        if (!known && pthread_cond_timedwait(&ship->known_cond, &ship->lock, &until) == ETIMEDOUT)
            break;
    }
    pthread_mutex_unlock(&ship->lock);
}

void ship_identity(struct shiprun *run, char *ret_id, size_t id_size, char *ret_token,
                   size_t token_size, int *ret_attempt)
{
    pthread_mutex_lock(&run->lock);
    snprintf(ret_id, id_size, "%s", run->id);
    snprintf(ret_token, token_size, "%s", run->token);
    *ret_attempt = run->server_attempt;
    pthread_mutex_unlock(&run->lock);
}

const char *ship_spool(const struct shiprun *run)
{
    return run->has_spool ? run->spool.dir : NULL;
}

bool ship_sends(const struct ship *ship)
{
    return ship->options.server != NULL;
}

int ship_done_fd(const struct ship *ship)
{
    return ship->done_fd;
}

bool ship_done(struct ship *ship)
{
    for (struct shiprun *run = atomic_load(&ship->runs); run; run = run->next) {
        pthread_mutex_lock(&run->lock);
        bool done = run->flushed || run->deleted;
        pthread_mutex_unlock(&run->lock);
        if (!done)
            return false;
    }
    return true;
}

struct ship_left ship_left(struct shiprun *run)
{
    struct ship_left left = {0};

    pthread_mutex_lock(&run->lock);
    left.bytes = run->bytes_left;
    left.files = run->files_left;
    left.events = run->n_unsent;
    left.bytes_done = run->bytes_done;
    left.files_done = run->files_done;
    left.deleted = run->deleted;
    left.flushed = run->flushed;
    pthread_mutex_unlock(&run->lock);
    return left;
}

size_t ship_find_spools(const char *dir, void (*each)(void *ctx, const char *path), void *ctx)
{
    char top[LIMIT_PATH_BYTES], path[2 * LIMIT_PATH_BYTES];
    size_t count = 0;

    snprintf(top, sizeof top, "%s/" SPOOL_FOLDER, dir);
    DIR *folder = opendir(top);
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        snprintf(path, sizeof path, "%s/%s/run.json", top, entry->d_name);
        if (access(path, R_OK) < 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", top, entry->d_name);
        each(ctx, path);
        count++;
    }
    if (folder)
        closedir(folder);
    return count;
}

int ship_dir_id(const char *base, const char *fresh, char ret[SHIP_ID_BYTES])
{
    return spool_id(base, "dir-id", fresh, ret);
}

int ship_run_id(const char *base, const char *fresh, char ret[SHIP_ID_BYTES])
{
    return spool_id(base, "run-id", fresh, ret);
}

bool ship_is_remote(const char *path)
{
    return folder_is_remote(path);
}
