/* ceiling THREADS FILE...: how fast the files can be read and their CRCs checked, nothing more.
 *
 * The bound that a loader is held against: pread of 1 MB, framing, both CRCs of every record, by
 * as many threads as the loader has. Prints one JSON object. */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <eventfile/record.h>
#include <eventfile/reader.h>

static char **paths;
static int n_paths;
static _Atomic int next_path;
static _Atomic uint64_t total_bytes, total_records;

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void read_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct ef_item item;
    ef_reader *reader;
    off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

    if (size < 0 || ef_reader_new(&reader) < 0) {
        perror(path);
        exit(1);
    }
    ef_reader_attach(reader, fd);
    ef_reader_tell(reader, (uint64_t)size, 0, INT64_C(3600000000000));
    while (ef_reader_next(reader, &item) > 0)
        if (item.kind == EF_ITEM_RECORDS)
            total_records += item.records;
    total_bytes += (uint64_t)size;
    ef_reader_free(reader);
    close(fd);
}

static void *work(void *arg)
{
    for (int i; (i = next_path++) < n_paths;)
        read_file(paths[i]);
    return arg;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: ceiling THREADS FILE...\n");
        return 2;
    }
    int threads = (int)strtol(argv[1], NULL, 10);
    pthread_t ids[64];
    if (threads < 1 || threads > 64)
        return 2;
    paths = argv + 2;
    n_paths = argc - 2;
    int64_t from = now_ns();
    for (int i = 0; i < threads; i++)
        if (pthread_create(&ids[i], NULL, work, NULL) != 0)
            return 1;
    for (int i = 0; i < threads; i++)
        pthread_join(ids[i], NULL);
    printf("{\"seconds\": %.6f, \"bytes\": %llu, \"records\": %llu}\n",
           (double)(now_ns() - from) / 1e9, (unsigned long long)total_bytes,
           (unsigned long long)total_records);
    return 0;
}
