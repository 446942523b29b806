/* route_console.c: GET /runs/{id}/console: what a process wrote to stdout or stderr.
 *
 * A file of the run like any other, under a name made from attempt, rank and stream. With follow=1
 * the answer goes on while the run does. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "http/history.h"
#include "http/router.h"

enum { PIECE = 64 << 10, LOOK_MS = 100, AFTER_END_S = 10 };

struct console {
    struct producer producer; /* first */
    struct http_shared *shared;
    struct archive_run *run;
    char id[LIMIT_RUN_ID_BYTES + 1];
    char paths[2][64]; /* where it may lie; the second "": nowhere else */
    struct archive_file *file;
    uint64_t offset;
    bool follow;
};

static struct archive_file *find(const struct console *console)
{
    struct archive_file *file = archive_find_file(console->run, console->paths[0], 0);

    if (!file && *console->paths[1])
        file = archive_find_file(console->run, console->paths[1], 0);
    return file;
}

static bool has_more(struct producer *producer)
{
    struct console *console = (struct console *)producer;

    if (!console->file)
        console->file = find(console);
    return console->file && archive_file_facts(console->file).received > console->offset;
}

/* Will nothing come any more? */
static bool is_over(struct console *console)
{
    double now = clock_wall_s(console->shared->options.clock);
    struct life life;
    bool over;

    if (console->file && archive_file_facts(console->file).complete)
        return true;
    if (!lives_take(console->shared->lives, console->id, &life))
        return true;
    over = !life.job || life.deleted ||
           (lifecycle_is_over(life.cycle.status) &&
            (life.cycle.files_complete || now - life.cycle.ended_s > AFTER_END_S ||
             isnan(life.cycle.ended_s)));
    lives_give_back(console->shared->lives);
    return over;
}

static int produce(struct producer *producer, struct buf *out)
{
    struct console *console = (struct console *)producer;
    ssize_t n;

    if (has_more(producer)) {
        if (buf_reserve(out, PIECE) < 0)
            return -ENOMEM;
        n = archive_read(console->file, console->offset, out->data + out->length, PIECE);
        if (n < 0)
            return (int)n;
        out->length += (size_t)n;
        console->offset += (uint64_t)n;
        if (n > 0)
            return 1;
    }
    if (!console->follow || producer->stopping || is_over(console))
        return has_more(producer) && !producer->stopping && console->follow;
    producer->due_ns = clock_ns(NULL) + LOOK_MS * NS_PER_MS;
    return -EAGAIN;
}

static void free_console(struct producer *producer)
{
    free(producer);
}

/* Attempt 1 lies at console/, others at console/aN/. One process: stdout.txt; else one a rank. */
static void name_paths(struct console *console, uint64_t attempt, const char *stream,
                       const char *rank_text, uint64_t rank)
{
    char folder[32] = "console";

    if (attempt > 1)
        snprintf(folder, sizeof folder, "console/a%" PRIu64, attempt);
    if (strcmp(stream, "engine") == 0) {
        snprintf(console->paths[0], sizeof console->paths[0], "%s/engine.txt", folder);
        return;
    }
    snprintf(console->paths[0], sizeof console->paths[0], "%s/%s-r%04" PRIu64 ".txt", folder,
             stream, rank);
    if (!rank_text || rank == 0)
        snprintf(console->paths[1], sizeof console->paths[1], "%s/%s.txt", folder, stream);
}

static bool read_query(struct request *request, struct console *console)
{
    const char *stream = request_value(request, "stream");
    uint64_t rank, attempt, follow, usual;
    struct life life;

    stream = stream ? stream : "stdout";
    if (strcmp(stream, "stdout") != 0 && strcmp(stream, "stderr") != 0 &&
        strcmp(stream, "engine") != 0) {
        response_problem(request, 400, "bad-parameter", "stream is stdout, stderr or engine.");
        return false;
    }
    if (!lives_take(console->shared->lives, console->id, &life))
        return false;
    usual = MAX(life.cycle.attempt, 1u);
    lives_give_back(console->shared->lives);
    if (!request_number(request, "rank", 0, LIMIT_RANKS - 1, 0, &rank) ||
        !request_number(request, "attempt", 1, UINT32_MAX, usual, &attempt) ||
        !request_number(request, "offset", 0, INT64_MAX, 0, &console->offset) ||
        !request_number(request, "follow", 0, 1, 0, &follow))
        return false;
    console->follow = follow;
    name_paths(console, attempt, stream, request_value(request, "rank"), rank);
    return true;
}

void route_console(struct request *request)
{
    struct archive_run *run = history_run(request);
    struct console *console = run ? calloc(1, sizeof *console) : NULL;

    if (!console) {
        if (run)
            response_error(request, -ENOMEM);
        return;
    }
    console->producer = (struct producer){.produce = produce, .ready = has_more,
                                          .free = free_console};
    console->shared = request->shared;
    console->run = run;
    memcpy(console->id, request->id, strlen(request->id) + 1);
    if (!read_query(request, console)) {
        free(console);
        return;
    }
    console->file = find(console);
    if (!console->file && !console->follow) {
        response_problem(request, 404, "no-console", "Nothing is kept of this stream.");
        free(console);
        return;
    }
    console->producer.endless = console->follow;
    response_producer(request, "text/plain; charset=utf-8", &console->producer);
}
