/* inputs.c: lists event files, and walks one with the library's reader and decoder. */
#include "cli/inputs.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include <eventfile/reader.h>
#include <eventfile/record.h>

#include "base/cleanup.h"
#include "base/eventname.h"
#include "base/limits.h"
#include "base/log.h"

static volatile sig_atomic_t input_interrupted;

static void input_on_signal(int signal_number)
{
    input_interrupted = signal_number;
}

void input_catch_signals(void)
{
    struct sigaction action = {.sa_handler = input_on_signal};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void input_print_path(FILE *out, const char *path)
{
    char safe[LIMIT_PATH_BYTES];

    log_escape(safe, sizeof safe, path, strlen(path));
    fputs(safe, out);
}

static void input_complain(const struct inputs *inputs, const char *path, const char *why)
{
    char safe[LIMIT_PATH_BYTES];

    log_escape(safe, sizeof safe, path, strlen(path));
    fflush(stdout); /* so that both streams keep their order on a terminal */
    fprintf(stderr, "tailboard %s: %s: %s\n", inputs->command->name, safe, why);
}

/* --- the list --- */

void inputs_done(struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        free(inputs->paths[i]);
    free(inputs->paths);
    *inputs = (struct inputs){0};
}

static int inputs_push(struct inputs *inputs, const char *path, uint64_t size)
{
    if (inputs->count == inputs->capacity) {
        size_t capacity = inputs->capacity ? inputs->capacity * 2 : 16;
        char **grown = reallocarray(inputs->paths, capacity, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        inputs->paths = grown;
        inputs->capacity = capacity;
    }
    char *copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    inputs->paths[inputs->count++] = copy;
    inputs->bytes += size;
    return 0;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static int inputs_visit(struct inputs *inputs, const FTSENT *entry)
{
    enum eventname class;

    switch (entry->fts_info) {
    case FTS_F:
        if (entry->fts_level == FTS_ROOTLEVEL)
            break;
        class = eventname_class(entry->fts_name);
        if (class == EVENTNAME_EVENT)
            break;
        inputs->left_out += class == EVENTNAME_TEMPORARY;
        return 0;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
    case FTS_SLNONE:
        if (entry->fts_info != FTS_SLNONE || entry->fts_level == FTS_ROOTLEVEL) {
            input_complain(inputs, entry->fts_path,
                           strerror(entry->fts_errno ? entry->fts_errno : ENOENT));
            inputs->failed = true;
        }
        return 0;
    case FTS_DEFAULT:
        if (entry->fts_level == FTS_ROOTLEVEL) {
            input_complain(inputs, entry->fts_path, "not a regular file");
            inputs->failed = true;
        }
        return 0;
    default:
        return 0;
    }
    return inputs_push(inputs, entry->fts_path, (uint64_t)entry->fts_statp->st_size);
}

int inputs_add(struct inputs *inputs, const char *operand)
{
    char *const roots[] = {(char *)(uintptr_t)operand, NULL}; /* fts does not write to it */
    FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    int r = 0;

    if (!fts)
        return -ENOMEM;
    for (FTSENT *entry; r == 0 && (entry = fts_read(fts)) != NULL;) {
        if (entry->fts_info == FTS_D && entry->fts_level > LIMIT_DIR_DEPTH)
            fts_set(fts, entry, FTS_SKIP);
        r = inputs_visit(inputs, entry);
    }
    fts_close(fts);
    return r;
}

/* --- the walk --- */

struct walk {
    const struct input_sink *sink;
    ef_reader *reader;
    ef_decoder *decoder;
    struct ef_gap gap; /* not given out yet: its neighbour may join it; length 0: none */
};

static void walk_done(struct walk *walk)
{
    walk->reader = ef_reader_free(walk->reader);
    walk->decoder = ef_decoder_free(walk->decoder);
}

static int walk_give_gap(struct walk *walk)
{
    struct ef_gap gap = walk->gap;

    walk->gap.length = 0;
    return gap.length > 0 ? walk->sink->gap(walk->sink->ctx, &gap) : 0;
}

/* One entry a maximal range; a mended header stays alone, as nothing is lost there. */
static int walk_gap(struct walk *walk, const struct ef_gap *gap)
{
    bool joins = walk->gap.length > 0 && walk->gap.offset + walk->gap.length == gap->offset &&
                 walk->gap.reason != EF_REASON_REPAIRED_HEADER &&
                 gap->reason != EF_REASON_REPAIRED_HEADER;

    if (joins) {
        walk->gap.length += gap->length;
        walk->gap.limited |= gap->limited;
        return 0;
    }
    int r = walk_give_gap(walk);
    walk->gap = *gap;
    return r;
}

static int walk_records(struct walk *walk, const struct ef_item *item)
{
    size_t at = 0;

    for (size_t i = 0; i < item->records; i++) {
        struct ef_event event;
        uint64_t size = 0;
        int r = ef_record_check(item->data + at, EF_HEADER_BYTES, &size);
        size_t framed = (size_t)size + EF_RECORD_OVERHEAD;
        if (r < 0 || framed > item->size - at)
            return EF_ERR_INVALID; /* cannot be: the reader has checked it */
        r = ef_event_decode(walk->decoder, item->data + at + EF_HEADER_BYTES, (size_t)size, &event);
        if (r == EF_ERR_NOMEM)
            return r;
        if (r < 0) {
            struct ef_gap gap = {
                .offset = item->offset + at, .length = framed, .reason = EF_REASON_NOT_EVENT};
            r = walk_gap(walk, &gap);
        } else {
            r = walk_give_gap(walk);
            if (r == 0)
                r = walk->sink->record(walk->sink->ctx, item->offset + at, item->data + at, framed,
                                       &event);
        }
        if (r < 0)
            return r;
        at += framed;
    }
    return 0;
}

/* Results of the sink and codes of the library do not meet: *ret_library tells which it is. */
static int walk_run(struct walk *walk, struct cli_progress *progress, uint64_t before,
                    bool *ret_library)
{
    struct ef_item item;
    int r;

    while ((r = ef_reader_next(walk->reader, &item)) > 0) {
        r = item.kind == EF_ITEM_RECORDS ? walk_records(walk, &item)
            : item.kind == EF_ITEM_GAP   ? walk_gap(walk, &item.gap)
                                         : 0;
        if (r < 0)
            return r;
        if (progress)
            cli_progress(progress, before + ef_reader_stats(walk->reader).offset, progress->total);
        if (input_interrupted)
            return INPUT_INTERRUPTED;
    }
    *ret_library = r < 0;
    return r < 0 ? r : walk_give_gap(walk);
}

static int input_open(const struct inputs *inputs, const char *path, struct stat *ret_stat)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd >= 0 && fstat(fd, ret_stat) == 0 && S_ISREG(ret_stat->st_mode))
        return fd;
    input_complain(inputs, path, fd < 0 ? strerror(errno) : "not a regular file");
    if (fd >= 0)
        close(fd);
    return INPUT_FAILED;
}

int input_walk(const struct inputs *inputs, const char *path, const struct input_sink *sink,
               struct cli_progress *progress, uint64_t before, int *ret_error)
{
    _cleanup_(walk_done) struct walk walk = {.sink = sink};
    struct stat st;
    bool library = false;

    int r = ef_reader_new(&walk.reader);
    walk.decoder = ef_decoder_new();
    if (r < 0 || !walk.decoder) {
        input_complain(inputs, path, ef_strerror(EF_ERR_NOMEM));
        return INPUT_FAILED;
    }
    _cleanup_close_ int fd = input_open(inputs, path, &st);
    if (fd < 0) {
        if (ret_error)
            *ret_error = EF_ERR_IO;
        return INPUT_FAILED;
    }
    ef_reader_attach(walk.reader, fd);
    ef_reader_tell(walk.reader, (uint64_t)st.st_size, 0, 0);
    ef_reader_finish(walk.reader);
    r = walk_run(&walk, progress, before, &library);
    if (!library)
        return r;
    int saved = errno;
    if (progress)
        cli_progress_end(progress);
    input_complain(inputs, path, r == EF_ERR_IO ? strerror(saved) : ef_strerror(r));
    if (ret_error)
        *ret_error = r;
    return INPUT_FAILED;
}
