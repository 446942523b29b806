/* bench_ingest.c: where the time of a record goes on its way from the file to its lane.
 *
 *     bench_ingest ROUNDS FILE...
 *
 * Each file is one run. One thread reads them as a worker does: a span, then the next one, a commit
 * every LIMIT_TURN_BYTES. Prints nanoseconds of processor time per record for reading with both
 * CRCs, for taking in, and for commits; the best of the rounds each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <eventfile/reader.h>

#include "base/check.h"
#include "base/limits.h"
#include "ingest/ingest.h"

struct times {
    double read, take, commit;
    uint64_t records;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void take_file(struct ingest *ingest, const char *path, struct times *times)
{
    const struct run_info info = {path, path, "", path, false};
    void *run = ingest_run_found(ingest, &info), *file = ingest_generation(ingest, run, "", "f", 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
    uint64_t uncommitted = 0;
    struct ef_item item;
    ef_reader *reader;

    CHECK(run && file);
    if (size < 0 || ef_reader_new(&reader) < 0) {
        perror(path);
        exit(1);
    }
    ef_reader_attach(reader, fd);
    ef_reader_tell(reader, (uint64_t)size, 0, INT64_C(3600000000000));
    double at = now_s();
    while (ef_reader_next(reader, &item) > 0) {
        double came = now_s();
        times->read += came - at;
        if (item.kind == EF_ITEM_RECORDS) {
            const struct span span = {.offset = item.offset, .data = item.data, .size = item.size,
                                      .records = item.records};
            CHECK(ingest_span(ingest, run, file, &span) == 0);
            times->records += item.records;
            uncommitted += item.size;
        }
        double taken = now_s();
        times->take += taken - came;
        if (uncommitted >= LIMIT_TURN_BYTES) {
            ingest_commit(ingest, run);
            uncommitted = 0;
        }
        at = now_s();
        times->commit += at - taken;
    }
    ingest_commit(ingest, run);
    times->commit += now_s() - at;
    ef_reader_free(reader);
    close(fd);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[1]) : 0;
    struct times best = {1e9, 1e9, 1e9, 0};

    if (rounds < 1) {
        fprintf(stderr, "usage: bench_ingest ROUNDS FILE...\n");
        return 2;
    }
    for (int round = 0; round < rounds; round++) {
        struct store *store = store_new(NULL);
        struct ingest *ingest = ingest_new(store);
        struct times times = {0};
        for (int i = 2; i < argc; i++)
            take_file(ingest, argv[i], &times);
        best.read = times.read < best.read ? times.read : best.read;
        best.take = times.take < best.take ? times.take : best.take;
        best.commit = times.commit < best.commit ? times.commit : best.commit;
        best.records = times.records;
        ingest_free(ingest);
        store_free(store);
    }
    double each = 1e9 / (double)best.records;
    printf("%llu records: %.2f ns to read, %.2f ns to take in, %.2f ns to commit\n",
           (unsigned long long)best.records, best.read * each, best.take * each,
           best.commit * each);
    return 0;
}
