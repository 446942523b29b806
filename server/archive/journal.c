/* journal.c: run.json, files.jsonl and events.jsonl: enough to make the catalog anew.
 *
 * run.json is one JSON object, written whole whenever something in it changes; the first one of a
 * run has nothing to replace and is synced with its batch, like a line of a journal. The others are
 * appended to, one JSON object a line, and synced with the batch that they belong to; the last line
 * about a thing counts. docs/formats/archive.md lists the members. Thread: the writer. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <eventfile/salvage.h>

#include "archive/inside.h"
#include "archive/pathtext.h"
#include "base/check.h"
#include "base/json.h"

static const char *const names[] = {[JOURNAL_FILES] = "files.jsonl",
                                    [JOURNAL_EVENTS] = "events.jsonl"};
static const char *const kinds[] = {[ARCHIVE_RUN_FOUND] = "found", [ARCHIVE_RUN_JOB] = "job",
                                    [ARCHIVE_RUN_IMPORTED] = "imported"};

/* The descriptor stays in the batch until that is synced. Takes `fd`, whatever comes of it. */
static int keep_open(struct archive *archive, const struct archive_run *run, int kind, int fd)
{
    struct batch *batch = archive->open;

    if (batch->n_journals == ARRAY_LEN(batch->journals)) {
        close(fd);
        return -EAGAIN;
    }
    batch->journals[batch->n_journals] = fd;
    batch->journal_runs[batch->n_journals] = run;
    batch->journal_kinds[batch->n_journals++] = kind;
    return fd;
}

int journal_run(struct archive *archive, struct archive_run *run, bool first)
{
    _cleanup_(buf_done) struct buf out = BUF_INIT(LIMIT_JOURNAL_LINE_BYTES);
    struct json j = JSON_INIT(&out);
    char place[PLACE_BYTES];

    pthread_mutex_lock(&archive->lock);
    json_open(&j, '{');
    json_key(&j, "format");
    json_put_i64(&j, 1);
    json_key(&j, "id");
    json_put_text(&j, run->info.id);
    json_key(&j, "name");
    json_put_text(&j, run->name);
    json_key(&j, "found_name");
    json_put_text(&j, run->info.name);
    json_key(&j, "experiment");
    json_put_text(&j, run->info.experiment);
    json_key(&j, "kind");
    json_put_text(&j, kinds[run->info.kind]);
    char source[PATHTEXT_BYTES];
    pathtext_encode(source, sizeof source, run->info.source);
    json_key(&j, "source");
    json_put_text(&j, source);
    json_key(&j, "created_s");
    json_put_double(&j, run->created_s);
    json_key(&j, "deleted_s");
    json_put_double(&j, run->deleted_s);
    json_key(&j, "pinned");
    json_put_bool(&j, run->pinned);
    json_key(&j, "notes");
    json_put_text(&j, run->notes);
    json_key(&j, "tags");
    json_put_raw(&j, run->tags, strlen(run->tags));
    json_close(&j, '}');
    pthread_mutex_unlock(&archive->lock);
    buf_char(&out, '\n');
    if (buf_failed(&out))
        return buf_failed(&out);
    snprintf(place, sizeof place, "runs/%s/run.json", run->info.id);
    int r = first ? place_make_file(archive->root, place, out.data, out.length)
                  : place_write_file(archive->root, place, out.data, out.length);
    if (r >= 0 && first)
        r = keep_open(archive, run, JOURNAL_RUN, r);
    if (r < 0)
        return r;
    return place_dirs_add_parent(&archive->open->dirs, place);
}

/* A line that a crash tore must not swallow the next one. */
static int end_torn_line(int fd)
{
    char last = '\n';
    off_t end = lseek(fd, 0, SEEK_END);

    if (end < 0)
        return -errno;
    if (end > 0 && pread(fd, &last, 1, end - 1) < 0)
        return -errno;
    if (last != '\n' && write(fd, "\n", 1) != 1)
        return -EIO;
    return 0;
}

/* The journal's descriptor, the batch's. */
static int open_journal(struct archive *archive, struct archive_run *run, int kind)
{
    struct batch *batch = archive->open;
    char place[PLACE_BYTES];

    for (size_t i = batch->n_journals; i-- > 0;)
        if (batch->journal_runs[i] == run && batch->journal_kinds[i] == kind)
            return batch->journals[i];
    snprintf(place, sizeof place, "runs/%s/%s", run->info.id, names[kind]);
    _cleanup_close_ int fd = place_open(archive->root, place, O_RDWR | O_APPEND | O_CREAT, 0600);
    if (fd < 0)
        return fd;
    if (!run->line_checked[kind]) {
        int r = end_torn_line(fd);
        if (r == 0)
            r = place_dirs_add_parent(&batch->dirs, place);
        if (r < 0)
            return r;
        run->line_checked[kind] = true;
    }
    return keep_open(archive, run, kind, TAKE_FD(fd));
}

/* The open batch stays while the writer works on a change (archive->applying). */
static int append_line(struct archive *archive, struct archive_run *run, int kind,
                       struct buf *line)
{
    buf_char(line, '\n');
    if (buf_failed(line))
        return buf_failed(line);
    int fd = open_journal(archive, run, kind);
    if (fd < 0)
        return fd;
    ssize_t wrote = write(fd, line->data, line->length);
    if (wrote < 0)
        return -errno;
    if ((size_t)wrote < line->length) {
        run->line_checked[kind] = false;
        return -ENOSPC;
    }
    return 0;
}

static void begin_line(struct json *j, const char *what, const struct archive_file *file)
{
    char path[PATHTEXT_BYTES];

    pathtext_encode(path, sizeof path, file->at_path);
    json_open(j, '{');
    json_key(j, "what");
    json_put_text(j, what);
    json_key(j, "path");
    json_put_text(j, path);
    json_key(j, "generation");
    json_put_u64(j, file->at_number);
}

int journal_generation(struct archive *archive, struct archive_file *file)
{
    _cleanup_(buf_done) struct buf line = BUF_INIT(LIMIT_JOURNAL_LINE_BYTES);
    struct json j = JSON_INIT(&line);
    char hex[2 * DIGEST_BYTES + 1] = "";
    /* The line is synced with the bytes that it counts. */
    pthread_mutex_lock(&archive->lock);
    uint64_t durable = file->written;
    bool complete = file->complete, hashed = file->has_sha256;
    double changed_s = file->changed_s;
    for (size_t i = 0; hashed && i < DIGEST_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", file->sha256[i]);
    pthread_mutex_unlock(&archive->lock);

    begin_line(&j, "file", file);
    json_key(&j, "source");
    json_put_text(&j, file->source);
    json_key(&j, "durable");
    json_put_u64(&j, durable);
    json_key(&j, "complete");
    json_put_bool(&j, complete);
    json_key(&j, "sha256");
    json_put_text(&j, hashed ? hex : NULL);
    json_key(&j, "changed_s");
    json_put_double(&j, changed_s);
    json_close(&j, '}');
    int r = append_line(archive, file->run, JOURNAL_FILES, &line);
    if (r < 0)
        return r;
    pthread_mutex_lock(&archive->lock);
    file->journaled = durable;
    pthread_mutex_unlock(&archive->lock);
    return 0;
}

int journal_damage(struct archive *archive, struct archive_file *file, const struct damage *damage)
{
    _cleanup_(buf_done) struct buf line = BUF_INIT(LIMIT_JOURNAL_LINE_BYTES);
    struct json j = JSON_INIT(&line);

    begin_line(&j, "damage", file);
    json_key(&j, "offset");
    json_put_u64(&j, damage->offset);
    json_key(&j, "length");
    json_put_u64(&j, damage->length);
    json_key(&j, "reason");
    json_put_text(&j, ef_reason_word((enum ef_reason)damage->reason));
    json_key(&j, "limited");
    json_put_bool(&j, damage->limited);
    json_key(&j, "found_s");
    json_put_double(&j, damage->found_wall_s);
    json_close(&j, '}');
    return append_line(archive, file->run, JOURNAL_FILES, &line);
}

int journal_event(struct archive *archive, struct archive_run *run,
                  const struct archive_event *event)
{
    _cleanup_(buf_done) struct buf line = BUF_INIT(LIMIT_JOURNAL_LINE_BYTES);
    struct json j = JSON_INIT(&line);

    json_open(&j, '{');
    json_key(&j, "id");
    json_put_text(&j, event->id);
    json_key(&j, "kind");
    json_put_text(&j, event->kind);
    json_key(&j, "source");
    json_put_text(&j, event->source);
    json_key(&j, "attempt");
    json_put_u64(&j, event->attempt);
    json_key(&j, "rank");
    json_put_i64(&j, event->rank);
    json_key(&j, "time_s");
    json_put_double(&j, event->time_s);
    json_key(&j, "data");
    json_put_raw(&j, event->data, strlen(event->data));
    json_close(&j, '}');
    return append_line(archive, run, JOURNAL_EVENTS, &line);
}
