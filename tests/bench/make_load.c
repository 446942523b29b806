/* make_load KIND DIR: writes one of the reference loads of the benchmarks.
 *
 *   v1    10 runs x 10 tags x 100,000 steps, one simple_value a record (10 M records)
 *   v2    the same as rank-0 float tensors
 *   many  200 runs x 50 tags x 500 steps
 *   long  one file, one tag, 10 M steps
 *   huge  100 runs x 10 tags x 100,000 steps (100 M records)
 *   idle  10,000 runs of one tag and one step
 *   wide  5,000 runs x 20 tags x 50 steps (5 M records)
 *
 * Values are a noisy loss, wall times jitter by 5 % around half a second. Deterministic. */
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <eventfile/writer.h>

struct load {
    const char *name;
    unsigned runs, tags;
    int64_t steps;
    int tensor;
};

static const struct load loads[] = {
    {"v1", 10, 10, 100000, 0},
    {"v2", 10, 10, 100000, 1},
    {"many", 200, 50, 500, 0},
    {"long", 1, 1, 10000000, 0},
    {"huge", 100, 10, 100000, 0},
    {"idle", 10000, 1, 1, 0},
    {"wide", 5000, 20, 50, 0},
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Uniform in [-1, 1). */
static double noise(uint64_t *state)
{
    return (double)(int64_t)next_random(state) / 9223372036854775808.0;
}

static int write_run(const struct load *load, const char *dir, unsigned run)
{
    char path[4096], tags[64][32];
    uint64_t random = 0x9E3779B97F4A7C15u + run;
    double wall = 1700000000.25 + run;
    ef_writer *w;

    snprintf(path, sizeof path, "%s/run%05u", dir, run);
    if (mkdir(path, 0755) < 0 && errno != EEXIST)
        return -1;
    snprintf(path, sizeof path, "%s/run%05u/events.out.tfevents.1700000000.node.1.0", dir, run);
    int r = ef_writer_create(path, wall, &w);
    if (r < 0)
        return r;
    for (unsigned t = 0; t < load->tags; t++)
        snprintf(tags[t], sizeof tags[t], "train/metric_%02u", t);
    for (int64_t step = 0; step < load->steps && r >= 0; step++) {
        wall += 0.5 + 0.025 * noise(&random);
        double trend = 2.3 * exp(-5.0 * (double)step / (double)load->steps) + 0.1;
        for (unsigned t = 0; t < load->tags && r >= 0; t++) {
            float value = (float)(trend * (1 + t) + 0.02 * noise(&random));
            r = load->tensor ? ef_writer_scalar_tensor(w, wall, step, tags[t], value)
                             : ef_writer_scalar(w, wall, step, tags[t], value);
        }
    }
    int end = ef_writer_close(w);
    return r < 0 ? r : end;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make_load v1|v2|many|long|huge|idle|wide DIR\n");
        return 2;
    }
    if (mkdir(argv[2], 0755) < 0 && errno != EEXIST) {
        perror(argv[2]);
        return 1;
    }
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        if (strcmp(loads[i].name, argv[1]) != 0)
            continue;
        for (unsigned run = 0; run < loads[i].runs; run++) {
            int r = write_run(&loads[i], argv[2], run);
            if (r < 0) {
                fprintf(stderr, "make_load: %s\n", ef_strerror(r));
                return 1;
            }
        }
        return 0;
    }
    fprintf(stderr, "make_load: unknown load %s\n", argv[1]);
    return 2;
}
