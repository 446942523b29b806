/* bench_live.c: how long from a flushed append to the message in a client's hands.
 *
 *     bench_live latency PORT LOGDIR             one client
 *     bench_live clients PORT LOGDIR N STALLED   N clients, STALLED of them never read
 *     bench_live store N STALLED                 without files: store and live side in here
 *
 * A writer appends 1,000 points a second to 100 series, each flushed; a point's wall time is the
 * time of its append, and the clients compare it with the same clock when a message arrives. The
 * last line of the output is a JSON object. Wall times on the wire are in units of 0.24 ms. */
#include <eventfile/eventfile.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "live_rig.h"
#include "wsclient.h"

#define SERIES 100
#define RATE 1000
#define SECONDS 8
#define WARM_UP 1000       /* points that are not counted */
#define SLOTS 40000        /* of the histogram */
#define SLOT_S 0.00005
#define ACK_BYTES (256 * 1024)

struct figures {
    uint64_t slots[SLOTS + 1], samples, buckets, behind, messages, bytes;
    double start; /* points before it are not counted */
};

struct reader {
    struct wsclient ws;
    uint64_t bytes, acked, points;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- frames ----------------------------------------------------------------------------- */

static size_t column_size(unsigned code, uint32_t n)
{
    static const uint8_t fixed[] = {[2] = 16, [3] = 8}, each[] = {8, 4, 0, 4, 8, 0, 8};

    CHECK(code < sizeof each);
    size_t size = (code < sizeof fixed ? fixed[code] : 0) + (size_t)each[code] * n;
    return (size + 7) / 8 * 8;
}

static double wall_at(const char *column, unsigned code, uint32_t i)
{
    double a, b;
    uint32_t units;

    memcpy(&a, column, sizeof a);
    if (code == 3) {
        memcpy(&units, column + 8 + 4 * (size_t)i, sizeof units);
        return a + units / 4096.0;
    }
    if (code == 2) {
        memcpy(&b, column + 8, sizeof b);
        return a + b * i;
    }
    memcpy(&a, column + 8 * (size_t)i, sizeof a);
    return a;
}

static void count_points(struct figures *f, const char *frame, uint32_t n, double now)
{
    unsigned codes = (uint8_t)frame[1];
    const char *wall = frame + 32 + column_size(codes & 15, n);

    for (uint32_t i = 0; i < n; i++) {
        double at = wall_at(wall, codes >> 4, i);
        if (at < f->start)
            continue;
        double slot = (now - at) / SLOT_S;
        f->slots[slot < 0 ? 0 : slot > SLOTS ? SLOTS : (size_t)slot]++;
        f->samples++;
    }
}

static void take_message(struct figures *f, struct reader *reader, const struct wsmessage *m)
{
    double now = now_s();

    f->messages++;
    f->bytes += m->size;
    for (size_t at = 0; at + 32 <= m->size;) {
        const char *frame = m->data + at;
        uint32_t n;
        uint64_t length;

        memcpy(&n, frame + 8, sizeof n);
        memcpy(&length, frame + 16, sizeof length);
        CHECK(length >= 32 && length <= m->size - at);
        if (frame[0] == 1) {
            reader->points += n;
            count_points(f, frame, n, now);
        } else if (frame[0] == 2)
            f->buckets++;
        else if (frame[0] == 4)
            f->behind++;
        at += length;
    }
    reader->bytes += m->size;
    if (reader->bytes - reader->acked >= ACK_BYTES) {
        char text[64];
        snprintf(text, sizeof text, "{\"t\":\"ack\",\"bytes\":%llu}",
                 (unsigned long long)reader->bytes);
        wsclient_text(&reader->ws, text);
        reader->acked = reader->bytes;
    }
}

/* ---- writers ---------------------------------------------------------------------------- */

static void wait_until(double at)
{
    struct timespec t = {(time_t)at, (long)((at - (double)(time_t)at) * 1e9)};

    while (clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static void append(ef_writer *writer, unsigned tag, int64_t step)
{
    char name[32];

    snprintf(name, sizeof name, "t%u", tag);
    CHECK(ef_writer_scalar(writer, now_s(), step, name, (float)step * 0.37f) == 0);
    CHECK(ef_writer_flush(writer) == 0);
}

/* A process of its own: it appends, one point a flush, from `start` on. */
static void write_file(const char *path, int go_fd)
{
    ef_writer *writer;
    double start;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    CHECK(ef_writer_create(path, now_s(), &writer) == 0);
    for (unsigned tag = 0; tag < SERIES; tag++)
        append(writer, tag, 0);
    if (read(go_fd, &start, sizeof start) != sizeof start)
        _exit(1);
    for (int i = 0; i < RATE * SECONDS + WARM_UP; i++) {
        wait_until(start + (double)i / RATE);
        append(writer, (unsigned)i % SERIES, 1 + i / SERIES);
    }
    _exit(ef_writer_close(writer) == 0 ? 0 : 1);
}

static double write_start; /* for the thread below, set before it starts */

static void *write_store(void *arg)
{
    struct live_writer *writer = arg;

    for (int i = 0; i < RATE * SECONDS + WARM_UP; i++) {
        wait_until(write_start + (double)i / RATE);
        live_writer_point(writer, (unsigned)i % SERIES, 1 + i / SERIES, now_s(), (float)i);
        CHECK(run_commit(writer->run) == 0);
    }
    return NULL;
}

/* ---- clients ---------------------------------------------------------------------------- */

/* The id of the run named "run", once it has all series. */
static bool ask_run(uint16_t port, char *id, size_t size)
{
    static const char request[] =
        "GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[65536];
    size_t n = 0;
    ssize_t got;
    int fd = wsclient_connect(port);

    if (fd < 0)
        return false;
    if (send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0) {
        close(fd);
        return false;
    }
    while (n < sizeof answer - 1 && (got = recv(fd, answer + n, sizeof answer - 1 - n, 0)) > 0)
        n += (size_t)got;
    close(fd);
    answer[n] = '\0';
    char *at = strstr(answer, "\"id\":\"");
    if (!at || !strstr(answer, "\"series\":100,"))
        return false;
    at += 6;
    snprintf(id, size, "%.*s", (int)strcspn(at, "\""), at);
    return true;
}

static void watch_all(struct reader *reader, uint16_t port, const char *run)
{
    char text[8192];
    struct wsmessage m;
    int n, fd = wsclient_connect(port);

    CHECK(fd >= 0);
    CHECK(wsclient_open(&reader->ws, fd, "/live", "Sec-WebSocket-Protocol: tailboard.v1\r\n",
                        10000) == 101);
    n = snprintf(text, sizeof text, "{\"t\":\"watch\",\"id\":0,\"runs\":[\"%s\"],\"tags\":[", run);
    for (unsigned tag = 0; tag < SERIES; tag++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s\"t%u\"", tag ? "," : "", tag);
    snprintf(text + n, sizeof text - (size_t)n, "]}");
    CHECK(wsclient_text(&reader->ws, text) == 0);
    /* An error to a wrong message says that the one before it was obeyed. */
    CHECK(wsclient_text(&reader->ws, "{\"t\":\"watch\"}") == 0);
    CHECK(wsclient_expect(&reader->ws, "bad-id", &m, 10000));
}

/* Reads all clients until a while after the last point. */
static void read_all(struct figures *f, struct reader *readers, int n, double end)
{
    struct epoll_event events[256], event = {.events = EPOLLIN};
    int epoll = epoll_create1(0);

    for (int i = 0; i < n; i++) {
        event.data.ptr = &readers[i];
        CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, readers[i].ws.fd, &event) == 0);
    }
    while (now_s() < end) {
        int got = epoll_wait(epoll, events, 256, 50);
        for (int i = 0; i < got; i++) {
            struct reader *reader = events[i].data.ptr;
            struct wsmessage m;

            CHECK(wsclient_read(&reader->ws) == 0);
            while (wsclient_take(&reader->ws, &m) == 1)
                if (m.binary)
                    take_message(f, reader, &m);
        }
    }
    close(epoll);
}

static double percentile(const struct figures *f, double share)
{
    uint64_t seen = 0, wanted = (uint64_t)((double)f->samples * share);

    for (size_t i = 0; i <= SLOTS; i++)
        if ((seen += f->slots[i]) > wanted)
            return ((double)i + 0.5) * SLOT_S * 1e3;
    return 0;
}

static void report(const struct figures *f, const struct reader *readers, int n, int stalled)
{
    uint64_t least = UINT64_MAX;

    for (int i = stalled; i < n; i++)
        least = MIN(least, readers[i].points);
    printf("{\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"clients\":%d,"
           "\"stalled\":%d,\"samples\":%llu,\"points_sent\":%d,\"least_points\":%llu,"
           "\"messages\":%llu,\"bytes\":%llu,\"buckets\":%llu,\"behind\":%llu}\n",
           percentile(f, 0.5), percentile(f, 0.9), percentile(f, 0.99), percentile(f, 0.99999),
           n, stalled, (unsigned long long)f->samples, RATE * SECONDS + WARM_UP,
           (unsigned long long)least, (unsigned long long)f->messages,
           (unsigned long long)f->bytes, (unsigned long long)f->buckets,
           (unsigned long long)f->behind);
}

static struct reader *open_readers(uint16_t port, const char *run, int n)
{
    struct reader *readers = calloc((size_t)n, sizeof *readers);

    CHECK(readers);
    for (int i = 0; i < n; i++)
        watch_all(&readers[i], port, run);
    return readers;
}

static int bench_files(uint16_t port, const char *logdir, int n, int stalled)
{
    static struct figures figures;
    char folder[3000], path[4096], id[128];
    int go[2], status;

    snprintf(folder, sizeof folder, "%s/run", logdir);
    snprintf(path, sizeof path, "%s/events.out.tfevents.%lld.bench", folder,
             (long long)now_s());
    CHECK(mkdir(folder, 0777) == 0 && pipe(go) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0)
        write_file(path, go[0]);
    for (int i = 0; !ask_run(port, id, sizeof id); i++) {
        CHECK(i < 3000);
        usleep(10000);
    }
    struct reader *readers = open_readers(port, id, n);
    double start = now_s() + 0.5;
    figures.start = start + (double)WARM_UP / RATE;
    CHECK(write(go[1], &start, sizeof start) == sizeof start);
    read_all(&figures, readers + stalled, n - stalled, figures.start + SECONDS + 1);
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    report(&figures, readers, n, stalled);
    free(readers);
    return 0;
}

static int bench_store(int n, int stalled)
{
    static struct figures figures;
    static struct live_writer writer;
    static struct live_rig rig;
    pthread_t thread;

    live_rig_start(&rig, NULL);
    live_writer_init(&writer, rig.store, "run", "events.out.tfevents.1");
    for (unsigned tag = 0; tag < SERIES; tag++)
        live_writer_point(&writer, tag, 0, now_s(), 0);
    CHECK(run_commit(writer.run) == 0);
    struct reader *readers = open_readers(rig.port, "run", n);
    write_start = now_s() + 0.5;
    figures.start = write_start + (double)WARM_UP / RATE;
    CHECK(pthread_create(&thread, NULL, write_store, &writer) == 0);
    read_all(&figures, readers + stalled, n - stalled, figures.start + SECONDS + 1);
    pthread_join(thread, NULL);
    report(&figures, readers, n, stalled);
    for (int i = 0; i < n; i++)
        wsclient_done(&readers[i].ws);
    free(readers);
    live_rig_stop(&rig);
    return 0;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    const char *mode = argc > 1 ? argv[1] : "";

    signal(SIGPIPE, SIG_IGN);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (strcmp(mode, "latency") == 0 && argc == 4)
        return bench_files((uint16_t)strtol(argv[2], NULL, 10), argv[3], 1, 0);
    if (strcmp(mode, "clients") == 0 && argc == 6)
        return bench_files((uint16_t)strtol(argv[2], NULL, 10), argv[3],
                         (int)strtol(argv[4], NULL, 10), (int)strtol(argv[5], NULL, 10));
    if (strcmp(mode, "store") == 0 && argc == 4)
        return bench_store((int)strtol(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10));
    fprintf(stderr, "bench_live latency PORT LOGDIR | clients PORT LOGDIR N STALLED | "
                    "store N STALLED\n");
    return 2;
}
