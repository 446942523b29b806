/* bench_decode.c: ns per record of ef_event_decode() for the usual shapes.
 *
 *     bench_decode [ROUNDS]
 *
 * A 256 KB buffer of records, as the reader hands them over, is decoded again and again: the cost
 * of the decoder alone, with warm caches. CPU time, best of three; compare runs on one machine
 * only. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <eventfile/event.h>

#define BUFFER_BYTES (256 * 1024)

struct records {
    uint8_t *data;
    size_t size, count;
};

static const char *const tags[] = {"loss",         "accuracy",     "train/lr",  "val/loss",
                                   "val/accuracy", "grad/norm",    "epoch",     "perf/samples"};

static uint8_t *put_varint(uint8_t *p, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *p++ = (uint8_t)(n | 0x80);
    *p++ = (uint8_t)n;
    return p;
}

static uint8_t *put_bytes(uint8_t *p, const void *bytes, size_t size)
{
    memcpy(p, bytes, size);
    return p + size;
}

/* Behind a tag: `head`, four or eight bytes of number, `tail`. */
struct shape {
    const char *name;
    uint8_t head[16];
    uint8_t head_size, number_size;
    uint8_t tail[16];
    uint8_t tail_size;
};

static const struct shape shapes[] = {
    {"simple_value", {0x15}, 1, 4, {0}, 0},
    {"tf2 tensor", {0x42, 10, 8, 1, 0x12, 0, 0x22, 4}, 8, 4, "\x4a\x0b\x0a\x09\x0a\x07scalars", 13},
    {"writer tensor", {0x42, 10, 8, 1, 0x12, 0, 0x2a, 4}, 8, 4, "\x4a\x02\x20\x01", 4},
    {"torch new_style", {0x42, 8, 8, 1, 0x2a, 4}, 6, 4, "\x4a\x0b\x0a\x09\x0a\x07scalars", 13},
    {"torch double", {0x42, 12, 8, 2, 0x32, 8}, 6, 8, "\x4a\x0b\x0a\x09\x0a\x07scalars", 13},
    /* not matched byte for byte: metadata first */
    {"walked value", {0x4a, 2, 0x20, 1, 0x42, 8, 8, 1, 0x2a, 4}, 10, 4, {0}, 0},
};

/* One record: u32 size, payload. */
static uint8_t *put_record(uint8_t *p, const struct shape *shape, uint64_t step)
{
    const char *tag = tags[step % 8];
    size_t tag_size = strlen(tag);
    size_t value = 2 + tag_size + shape->head_size + shape->number_size + shape->tail_size;
    uint8_t *begin = p + 4;
    double wall = 1.7e9 + (double)step * 0.25;
    uint64_t number = UINT64_C(0x3f8123453f812345) + step;

    p = begin;
    *p++ = 0x09;
    p = put_bytes(p, &wall, 8);
    *p++ = 0x10;
    p = put_varint(p, step);
    *p++ = 0x2a;
    p = put_varint(p, value + 2);
    *p++ = 0x0a;
    p = put_varint(p, value);
    *p++ = 0x0a;
    p = put_varint(p, tag_size);
    p = put_bytes(p, tag, tag_size);
    p = put_bytes(p, shape->head, shape->head_size);
    p = put_bytes(p, &number, shape->number_size);
    p = put_bytes(p, shape->tail, shape->tail_size);
    uint32_t size = (uint32_t)(p - begin);
    memcpy(begin - 4, &size, 4);
    return p;
}

static struct records make_records(const struct shape *shape)
{
    struct records r = {malloc(BUFFER_BYTES), 0, 0};
    uint8_t *p = r.data;

    if (!p)
        exit(1);
    for (uint64_t step = 10000; p + 256 < r.data + BUFFER_BYTES; step++, r.count++)
        p = put_record(p, shape, step);
    r.size = (size_t)(p - r.data);
    return r;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* What the caller would do at the least: look at step, wall time, tag and bits. */
static uint64_t decode_all(ef_decoder *decoder, const struct records *r)
{
    uint64_t sum = 0;

    for (const uint8_t *p = r->data; p < r->data + r->size;) {
        struct ef_event event;
        uint32_t size;
        memcpy(&size, p, 4);
        if (ef_event_decode(decoder, p + 4, size, &event) < 0 || event.n_values != 1 ||
            event.values[0].kind != EF_VALUE_SCALAR)
            exit(1);
        sum += (uint64_t)event.step + event.values[0].bits + event.values[0].tag.size;
        sum += (uint64_t)event.wall_time;
        p += 4 + size;
    }
    return sum;
}

static void bench(const struct shape *shape, unsigned rounds)
{
    ef_decoder *decoder = ef_decoder_new();
    struct records r = make_records(shape);
    double best = 1e9;
    uint64_t sum = 0;

    for (int i = 0; i < 3; i++) {
        double begin = now();
        for (unsigned k = 0; k < rounds; k++)
            sum += decode_all(decoder, &r);
        double ns = (now() - begin) * 1e9 / ((double)rounds * (double)r.count);
        best = ns < best ? ns : best;
    }
    printf("%-16s %6.2f ns/record  (%zu records of %zu bytes, check %llx)\n", shape->name, best,
           r.count * rounds, r.size / r.count - 4, (unsigned long long)sum);
    free(r.data);
    ef_decoder_free(decoder);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 2000;

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        bench(&shapes[i], rounds);
    return 0;
}
