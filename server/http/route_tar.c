/* route_tar.c: GET /runs/{id}/files.tar: all newest files of a run, or those of a pattern. */
#include <errno.h>
#include <string.h>

#include "http/history.h"
#include "http/router.h"
#include "http/tarfile.h"

enum { PIECE = 256 << 10 };

struct tar {
    struct producer producer; /* first */
    struct archive_file **files;
    size_t count, next;
    struct archive_file *file; /* whose content goes out; NULL: none */
    uint64_t offset, size;     /* of it */
    bool ended;
};

static void free_tar(struct producer *producer)
{
    struct tar *tar = (struct tar *)producer;

    free(tar->files);
    free(tar);
}

static int begin_file(struct tar *tar, struct buf *out)
{
    struct archive_file_facts facts = archive_file_facts(tar->files[tar->next]);

    tar->file = tar->files[tar->next++];
    tar->offset = 0;
    tar->size = facts.durable;
    return tarfile_header(out, facts.path, facts.durable, facts.changed_s);
}

static int go_on(struct tar *tar, struct buf *out)
{
    size_t want = MIN((uint64_t)PIECE, tar->size - tar->offset);
    ssize_t n;

    if (want > 0) {
        if (buf_reserve(out, want) < 0)
            return -ENOMEM;
        n = archive_read(tar->file, tar->offset, out->data + out->length, want);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO; /* its length stands in the header */
        out->length += (size_t)n;
        tar->offset += (uint64_t)n;
    }
    if (tar->offset < tar->size)
        return 0;
    tar->file = NULL;
    return tarfile_pad(out, tar->size);
}

static int produce(struct producer *producer, struct buf *out)
{
    struct tar *tar = (struct tar *)producer;
    int r;

    if (tar->ended)
        return 0;
    if (!tar->file && tar->next == tar->count) {
        tar->ended = true;
        return tarfile_end(out);
    }
    r = tar->file ? go_on(tar, out) : begin_file(tar, out);
    return r < 0 ? r : 1;
}

/* Keeps the newest ones that fit. */
static size_t choose(struct archive_file **files, size_t count, const char *pattern)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        struct archive_file_facts facts = archive_file_facts(files[i]);

        if (facts.newest && (!pattern || tarfile_matches(pattern, facts.path)))
            files[kept++] = files[i];
    }
    return kept;
}

void route_tar(struct request *request)
{
    struct archive_run *run = history_run(request);
    const char *pattern = request_value(request, "match");
    struct archive_file **files;
    struct tar *tar;
    size_t count;
    char name[LIMIT_RUN_ID_BYTES + 8];
    int r;

    if (!run)
        return;
    r = archive_files(run, &files, &count);
    if (r < 0) {
        response_error(request, r);
        return;
    }
    count = choose(files, count, pattern);
    tar = count > 0 ? calloc(1, sizeof *tar) : NULL;
    if (!tar) {
        free(files);
        if (count > 0)
            response_error(request, -ENOMEM);
        else
            response_problem(request, 404, "no-such-file", "No file of this run fits.");
        return;
    }
    *tar = (struct tar){.producer = {.produce = produce, .free = free_tar, .raw = true},
                        .files = files, .count = count};
    response_producer(request, "application/x-tar", &tar->producer);
    snprintf(name, sizeof name, "%s.tar", request->id);
    download_disposition(request, name);
}
