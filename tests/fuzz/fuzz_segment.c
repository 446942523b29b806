/* Hostile segments: the input is the table of one, and a whole file. What restore_apply() takes
 * must be a run that can be asked; chunks are read from the input as well, so most are refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/segment.h"
#include "store/restore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
    const uint8_t *data;
    size_t size;
};

static int read_bytes(void *ctx, uint64_t offset, void *ret, size_t size)
{
    const struct bytes *b = ctx;

    if (offset > b->size || size > b->size - offset)
        return -EIO;
    memcpy(ret, b->data + offset, size);
    return 0;
}

static void ask(struct run *run)
{
    struct series_summary *list;
    struct query query = {.axis = AXIS_STEP, .width = 100};
    size_t count;

    if (run_series(run, VIEW_STITCHED, &list, &count) < 0)
        return;
    for (size_t i = 0; i < count && i < 16; i++) {
        struct answer answer;
        if (series_query(list[i].series, &query, &answer) == 0)
            answer_done(&answer);
    }
    free(list);
}

static void try_table(const uint8_t *data, size_t size)
{
    static const struct run_info info = {"r1", "run", "experiment", "/logs/run", false};
    struct bytes bytes = {data, size};
    struct store *store = store_new(NULL);
    struct chunk_file file = {.read = read_bytes, .ctx = &bytes, .id = 1, .first = 1, .last = 1};
    struct restore *restore = store ? restore_new(store, &info) : NULL;
    struct run *run;

    if (restore && restore_apply(restore, data, size, &file, UINT32_MAX) == 0 &&
        restore_end(&restore, 1, NULL, &run) == 0)
        ask(run);
    restore_free(restore);
    store_free(store);
}

static void try_file(const uint8_t *data, size_t size)
{
    static char folder[] = "/tmp/fuzz_segment.XXXXXX";
    static int dir = -1;
    struct segment segment;
    void *table;

    if (dir < 0 && mkdtemp(folder))
        dir = open(folder, O_RDONLY | O_DIRECTORY);
    int fd = openat(dir, "00000001-00000001.seg", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return;
    ssize_t n = write(fd, data, size);
    close(fd);
    if (n == (ssize_t)size && segment_open(dir, "00000001-00000001.seg", &segment) == 0 &&
        segment_table(dir, &segment, &table) == 0)
        free(table);
    unlinkat(dir, "00000001-00000001.seg", 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        return 0;
    memcpy(copy, data, size);
    try_table(copy, size);
    try_file(copy, size);
    free(copy);
    return 0;
}
