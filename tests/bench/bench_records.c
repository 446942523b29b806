/* bench_records.c: ns per record of the record walk, both CRCs checked, and of the reader.
 *
 *     bench_records [ROUNDS]
 *
 * The walk goes over one buffer of EF_READ_BYTES again and again (warm caches), with the
 * processor's CRC instruction and with tables. The reader reads a file of a million records from
 * the page cache. Best of the rounds; compare runs on one machine only. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <eventfile/crc32c.h>
#include <eventfile/reader.h>

#include "ef_builder.h"
#include "eventfile/crc32c_cpu.h"
#include "eventfile/scan.h"

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void build(struct ef_builder *b, size_t records)
{
    static const char *const tags[] = {"loss",         "accuracy",  "train/lr", "val/loss",
                                       "val/accuracy", "grad/norm", "epoch",    "perf/samples"};

    ef_builder_version(b);
    for (size_t i = 1; i < records; i++)
        ef_builder_scalar(b, (int64_t)i, tags[i % 8], (float)i);
}

static void bench_walk(const struct ef_builder *b, bool cpu, int rounds)
{
    size_t size = b->size < EF_READ_BYTES ? b->size : EF_READ_BYTES;
    double best = 1e9;
    struct ef_scan scan = {0};

    for (int i = 0; i < rounds; i++) {
        double begin = seconds();
        for (int k = 0; k < 20; k++)
            ef_scan_records_by(cpu, b->data, size, &scan);
        double each = (seconds() - begin) / 20 / (double)scan.records;
        best = each < best ? each : best;
    }
    printf("walk, %-8s %6.2f ns/record (%zu records of %.1f bytes)\n",
           cpu ? ef_crc32c_implementation() : "table", best * 1e9, scan.records,
           (double)scan.size / (double)scan.records);
}

static void bench_reader(const struct ef_builder *b, int rounds)
{
    int fd = ef_builder_fd(b);
    double best = 1e9;

    for (int i = 0; i < rounds; i++) {
        ef_reader *reader;
        struct ef_item item;
        size_t records = 0;
        if (ef_reader_new(&reader) < 0)
            exit(1);
        double begin = seconds();
        ef_reader_attach(reader, fd);
        ef_reader_tell(reader, b->size, 0, 0);
        while (ef_reader_next(reader, &item) > 0)
            records += item.records;
        double each = (seconds() - begin) / (double)records;
        best = each < best ? each : best;
        ef_reader_free(reader);
    }
    printf("reader         %6.2f ns/record\n", best * 1e9);
    close(fd);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 10;
    struct ef_builder b = {0};

    build(&b, 1000000);
    if (ef_crc32c_has_cpu())
        bench_walk(&b, true, rounds);
    bench_walk(&b, false, rounds);
    bench_reader(&b, rounds);
    ef_builder_done(&b);
    return 0;
}
