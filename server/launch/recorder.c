#include "launch/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "base/fileio.h"
#include "base/limits.h"

#define STREAM_BUFFER (1u << 20)

struct stream {
    int fd; /* -1: not recorded (any more) */
    char *ring;
    size_t start, held; /* under the lock */
    uint64_t written;
    bool open; /* takes bytes; under the lock */
};

struct recorder {
    struct stream streams[RECORDER_STREAMS];
    void (*trouble)(void *ctx, const char *text);
    void *ctx;
    bool told, stopping; /* under the lock */
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* bytes came; bytes went */
    pthread_t thread;
};

/* Ends a stream, with the lock held. */
static void give_up(struct recorder *recorder, struct stream *stream, const char *why)
{
    stream->open = false;
    stream->held = 0;
    if (!recorder->told && recorder->trouble)
        recorder->trouble(recorder->ctx, why);
    recorder->told = true;
}

/* Writes the first piece of a stream; the lock is let go meanwhile. */
static void write_piece(struct recorder *recorder, struct stream *stream)
{
    static const char mark[] = "\n[tailboard: 1 GB is recorded, the rest is not]\n";
    size_t n = MIN(stream->held, STREAM_BUFFER - stream->start);
    const char *data = stream->ring + stream->start;
    bool last = stream->written + n > LIMIT_CONSOLE_BYTES;

    pthread_mutex_unlock(&recorder->lock);
    int r = last ? fileio_write(stream->fd, mark, sizeof mark - 1)
                 : fileio_write(stream->fd, data, n);
    pthread_mutex_lock(&recorder->lock);
    if (!stream->open) /* main has lost patience */
        return;
    if (r < 0) {
        give_up(recorder, stream, strerror(-r));
    } else if (last) {
        give_up(recorder, stream, "1 GB is recorded");
    } else {
        stream->written += n;
        stream->start = (stream->start + n) % STREAM_BUFFER;
        stream->held -= n;
    }
    pthread_cond_broadcast(&recorder->less);
}

static void *work(void *arg)
{
    struct recorder *recorder = arg;

    pthread_mutex_lock(&recorder->lock);
    for (;;) {
        bool any = false;
        for (int i = 0; i < RECORDER_STREAMS; i++)
            if (recorder->streams[i].held > 0) {
                write_piece(recorder, &recorder->streams[i]);
                any = true;
            }
        if (any)
            continue;
        if (recorder->stopping)
            break;
        pthread_cond_wait(&recorder->more, &recorder->lock);
    }
    pthread_mutex_unlock(&recorder->lock);
    return NULL;
}

static struct recorder *release(struct recorder *recorder)
{
    for (int i = 0; i < RECORDER_STREAMS; i++) {
        if (recorder->streams[i].fd >= 0)
            close(recorder->streams[i].fd);
        free(recorder->streams[i].ring);
    }
    pthread_cond_destroy(&recorder->more);
    pthread_cond_destroy(&recorder->less);
    pthread_mutex_destroy(&recorder->lock);
    free(recorder);
    return NULL;
}

static int open_stream(struct stream *stream, const char *path)
{
    stream->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (stream->fd < 0)
        return -errno;
    off_t size = lseek(stream->fd, 0, SEEK_END);
    stream->written = size > 0 ? (uint64_t)size : 0;
    stream->ring = malloc(STREAM_BUFFER);
    stream->open = stream->ring != NULL;
    return stream->ring ? 0 : -ENOMEM;
}

int recorder_start(const char *const paths[RECORDER_STREAMS],
                   void (*trouble)(void *ctx, const char *text), void *ctx, struct recorder **ret)
{
    struct recorder *recorder = calloc(1, sizeof *recorder);
    pthread_condattr_t attributes;
    int r = 0;

    if (!recorder)
        return -ENOMEM;
    recorder->trouble = trouble;
    recorder->ctx = ctx;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&recorder->lock, NULL);
    pthread_cond_init(&recorder->more, &attributes);
    pthread_cond_init(&recorder->less, &attributes);
    pthread_condattr_destroy(&attributes);
    for (int i = 0; i < RECORDER_STREAMS; i++)
        recorder->streams[i].fd = -1;
    for (int i = 0; i < RECORDER_STREAMS && r == 0; i++)
        if (paths[i])
            r = open_stream(&recorder->streams[i], paths[i]);
    if (r == 0)
        r = -pthread_create(&recorder->thread, NULL, work, recorder);
    if (r < 0) {
        release(recorder);
        return r;
    }
    *ret = recorder;
    return 0;
}

static void add_seconds(struct timespec *ret, int seconds)
{
    clock_gettime(CLOCK_MONOTONIC, ret);
    ret->tv_sec += seconds;
}

/* Waits for room, with the lock held. False: the stream is closed. */
static bool wait_for_room(struct recorder *recorder, struct stream *stream)
{
    struct timespec until;

    add_seconds(&until, RECORDER_PATIENCE_S);
    while (stream->open && stream->held == STREAM_BUFFER)
        if (pthread_cond_timedwait(&recorder->less, &recorder->lock, &until) == ETIMEDOUT &&
            stream->held == STREAM_BUFFER && stream->open)
            give_up(recorder, stream, "the disk takes nothing");
    return stream->open;
}

void recorder_add(struct recorder *recorder, int stream_number, const void *data, size_t size)
{
    struct stream *stream = &recorder->streams[stream_number];
    const char *p = data;

    pthread_mutex_lock(&recorder->lock);
    while (size > 0 && stream->open && wait_for_room(recorder, stream)) {
        size_t end = (stream->start + stream->held) % STREAM_BUFFER;
        size_t n = MIN(size, MIN(STREAM_BUFFER - stream->held, STREAM_BUFFER - end));
        memcpy(stream->ring + end, p, n);
        stream->held += n;
        p += n;
        size -= n;
        pthread_cond_signal(&recorder->more);
    }
    pthread_mutex_unlock(&recorder->lock);
}

struct recorder *recorder_stop(struct recorder *recorder)
{
    struct timespec until;

    if (!recorder)
        return NULL;
    pthread_mutex_lock(&recorder->lock);
    recorder->stopping = true;
    pthread_cond_signal(&recorder->more);
    pthread_mutex_unlock(&recorder->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += RECORDER_PATIENCE_S;
    if (pthread_timedjoin_np(recorder->thread, NULL, &until) != 0)
        return NULL; /* a disk that hangs: the thread keeps what it needs until the process ends */
    return release(recorder);
}
