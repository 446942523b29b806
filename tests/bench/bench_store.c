/* bench_store: what the store costs per point, by the shape of values.
 *
 *   bench_store [points per shape]
 *
 * Prints nanoseconds per point of lane_add() with encoding and sealing, bytes per point, decoding,
 * a query of 1,000 buckets, and the memory of many short series. One thread. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "store/store.h"

static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static double unit(void)
{
    return (double)(next_random() >> 11) * 0x1p-53;
}

/* Processor time of this thread: others may be busy too. */
static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static uint64_t f32(double value)
{
    float f = (float)value;
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    return bits;
}

struct shape {
    const char *name;
    enum value_kind kind;
    uint64_t (*value)(size_t i);
    double jitter; /* of wall time, seconds */
};

static uint64_t noisy_loss(size_t i)
{
    return f32(2.0 / (1.0 + (double)i * 1e-4) + unit() * 0.05);
}

static uint64_t cosine(size_t i)
{
    return f32(0.5e-3 * (1 + cos((double)i * 1e-5)));
}

static uint64_t accuracy(size_t i)
{
    return f32(floor((0.9 + unit() * 0.05) * 1e4) / 1e4);
}

static uint64_t in_64ths(size_t i)
{
    return f32((double)(next_random() % 64) / 64);
}

static uint64_t noisy_double(size_t i)
{
    double value = 2.0 / (1.0 + (double)i * 1e-4) + unit() * 0.05;
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint64_t counter(size_t i)
{
    return i * 32;
}

static uint64_t any_bits(size_t i)
{
    return next_random() & 0xffffffffu;
}

static const struct shape shapes[] = {
    {"loss (noisy)", VALUE_F32, noisy_loss, 0.025}, {"lr (cosine)", VALUE_F32, cosine, 0.025},
    {"accuracy, 4 digits", VALUE_F32, accuracy, 0.025}, {"k/64", VALUE_F32, in_64ths, 0.025},
    {"loss, even clock", VALUE_F32, noisy_loss, 0},
    {"loss, double", VALUE_F64, noisy_double, 0.025},
    {"counter, int64", VALUE_I64, counter, 0.025},   {"random bits", VALUE_F32, any_bits, 0.025},
};

#define SERIES 100
#define SAMPLES 65536

struct sample {
    double wall;
    uint64_t bits;
};

/* Values are made before the clock runs. */
static struct sample *make_samples(const struct shape *shape)
{
    struct sample *samples = malloc(SAMPLES * sizeof *samples);

    CHECK(samples);
    for (size_t i = 0; i < SAMPLES; i++) {
        samples[i].wall = 1.7e9 + (double)i * 0.5 + unit() * shape->jitter;
        samples[i].bits = shape->value(i);
    }
    return samples;
}

static void open_lanes(struct run *run, struct generation *generation, struct lane **lanes,
                       size_t count)
{
    struct series_meta meta = {.kind = SERIES_SCALAR};
    char tag[32];

    for (size_t i = 0; i < count; i++) {
        int size = snprintf(tag, sizeof tag, "group/%zu", i);
        lanes[i] = generation_lane(generation, (struct text){tag, (size_t)size}, &meta, i);
        CHECK(lanes[i]);
    }
}

/* As a file is read: one value of each series a step, a commit every 8 MB of records. */
static void append_all(struct run *run, struct generation *generation, struct lane **lanes,
                       const struct sample *samples, size_t points)
{
    for (size_t i = 0; i < points; i++) {
        size_t step = i / SERIES;
        const struct sample *s = &samples[step % SAMPLES];
        generation_event(generation, i * 48, s->wall, true);
        CHECK(lane_add(lanes[i % SERIES], (int64_t)step * 10, s->wall, VALUE_F32, s->bits) == 0);
        if (i % 170000 == 0)
            CHECK(run_commit(run) == 0);
    }
    CHECK(run_commit(run) == 0);
}

static void append_one(struct run *run, struct generation *generation, struct lane *lane,
                       const struct shape *shape, const struct sample *samples, size_t points)
{
    for (size_t i = 0; i < points; i++) {
        const struct sample *s = &samples[i % SAMPLES];
        generation_event(generation, i * 48, s->wall, true);
        CHECK(lane_add(lane, (int64_t)i * 10, s->wall + (double)(i / SAMPLES) * 32768, shape->kind,
                       s->bits) == 0);
        if (i % 170000 == 0)
            CHECK(run_commit(run) == 0);
    }
    CHECK(run_commit(run) == 0);
}

struct rig {
    struct store *store;
    struct run *run;
    struct generation *generation;
};

static struct rig rig_open(void)
{
    struct run_info info = {"bench", "bench", "", "", false};
    struct rig rig = {.store = store_new(NULL)};

    CHECK(rig.store);
    rig.run = store_run(rig.store, &info);
    rig.generation = run_generation(rig.run, "", "events", 0);
    CHECK(rig.generation);
    return rig;
}

static void bench_shape(const struct shape *shape, size_t points)
{
    struct rig rig = rig_open();
    struct sample *samples = make_samples(shape);
    struct store_stats stats;
    struct answer answer;
    struct lane *lane;

    open_lanes(rig.run, rig.generation, &lane, 1);
    double start = now_s();
    append_one(rig.run, rig.generation, lane, shape, samples, points);
    double append = now_s() - start;
    store_stats(rig.store, &stats);
    struct series *series =
        run_find_series(rig.run, (struct text){"", 0}, (struct text){"group/0", 7});
    struct query narrow = {.axis = AXIS_STEP, .width = 1000};
    struct query edges = {.axis = AXIS_STEP, .width = 16384};
    start = now_s();
    CHECK(series_query(series, &narrow, &answer) == 0);
    double query = now_s() - start;
    size_t buckets = answer.count;
    answer_done(&answer);
    start = now_s();
    CHECK(series_query(series, &edges, &answer) == 0);
    double spread = now_s() - start;
    size_t fine = answer.count;
    answer_done(&answer);
    printf("%-20s %6.2f ns/pt append  %5.2f B/pt  %7.3f ms for %zu buckets  %7.2f ms for %zu\n",
           shape->name, append * 1e9 / (double)points,
           (double)(stats.chunk_bytes + stats.tail_bytes) / (double)points, query * 1e3, buckets,
           spread * 1e3, fine);
    free(samples);
    store_free(rig.store);
}

static void bench_hundred(size_t points)
{
    struct rig rig = rig_open();
    struct sample *samples = make_samples(&shapes[0]);
    struct lane *lanes[SERIES];
    struct store_stats stats;

    open_lanes(rig.run, rig.generation, lanes, SERIES);
    double start = now_s();
    append_all(rig.run, rig.generation, lanes, samples, points);
    double append = now_s() - start;
    store_stats(rig.store, &stats);
    printf("100 series in turn   %6.2f ns/pt append  %5.2f B/pt\n", append * 1e9 / (double)points,
           (double)(stats.chunk_bytes + stats.tail_bytes) / (double)points);
    free(samples);
    store_free(rig.store);
}

/* 200 runs of 50 series with 500 points. */
static void bench_short(void)
{
    struct store *store = store_new(NULL);
    struct sample *samples = make_samples(&shapes[0]);
    struct store_stats stats;
    struct lane *lanes[50];
    char id[16];

    CHECK(store);
    double start = now_s();
    for (int r = 0; r < 200; r++) {
        snprintf(id, sizeof id, "run%d", r);
        struct run_info info = {id, id, "", "", false};
        struct run *run = store_run(store, &info);
        struct generation *generation = run_generation(run, "", "events", 0);
        open_lanes(run, generation, lanes, 50);
        for (size_t i = 0; i < 50 * 500; i++) {
            const struct sample *s = &samples[i / 50];
            generation_event(generation, i * 48, s->wall, true);
            CHECK(lane_add(lanes[i % 50], (int64_t)(i / 50), s->wall, VALUE_F32, s->bits) == 0);
        }
        CHECK(run_commit(run) == 0);
    }
    double append = now_s() - start;
    store_stats(store, &stats);
    start = now_s();
    struct series_summary *list;
    size_t count;
    for (int r = 0; r < 200; r++) {
        snprintf(id, sizeof id, "run%d", r);
        CHECK(run_series(store_find_run(store, id), VIEW_STITCHED, &list, &count) == 0);
        free(list);
    }
    double lists = now_s() - start;
    printf("10,000 x 500 points  %6.2f ns/pt append  %5.2f B/pt  %.1f MB in all (tables %.1f)  "
           "%.1f ms to list them\n",
           append * 1e9 / 5e6, (double)(stats.chunk_bytes + stats.tail_bytes) / 5e6,
           (double)(stats.chunk_bytes + stats.tail_bytes + stats.table_bytes) / 1e6,
           (double)stats.table_bytes / 1e6, lists * 1e3);
    free(samples);
    store_free(store);
}

int main(int argc, char **argv)
{
    size_t points = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;

    bench_hundred(points);
    bench_hundred(points);
    bench_short();
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        bench_shape(&shapes[i], points);
    return 0;
}
