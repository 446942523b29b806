/* ef_builder.c: event files in memory. Encodes by itself, so that the writer is tested against
 * something that is not the writer. */
#include "ef_builder.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <eventfile/crc32c.h>
#include <eventfile/limits.h>

static void builder_need(const void *p)
{
    if (!p) {
        fputs("ef_builder: out of memory\n", stderr);
        abort();
    }
}

void ef_builder_done(struct ef_builder *b)
{
    free(b->data);
    free(b->offsets);
    *b = (struct ef_builder){0};
}

void ef_builder_raw(struct ef_builder *b, const void *data, size_t size)
{
    if (b->size + size > b->capacity) {
        b->capacity = (b->size + size) * 2;
        b->data = realloc(b->data, b->capacity);
        builder_need(b->data);
    }
    if (size > 0)
        memcpy(b->data + b->size, data, size);
    b->size += size;
}

void ef_builder_zeros(struct ef_builder *b, size_t size)
{
    uint8_t *zeros = calloc(1, size + 1);

    builder_need(zeros);
    ef_builder_raw(b, zeros, size);
    free(zeros);
}

static void builder_number(struct ef_builder *b, uint64_t v, size_t size)
{
    uint8_t bytes[8];

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    ef_builder_raw(b, bytes, size);
}

size_t ef_builder_record(struct ef_builder *b, const void *payload, size_t size)
{
    if (b->records == b->offsets_capacity) {
        b->offsets_capacity = b->records * 2 + 64;
        b->offsets = realloc(b->offsets, b->offsets_capacity * sizeof *b->offsets);
        builder_need(b->offsets);
    }
    b->offsets[b->records] = b->size;
    builder_number(b, size, 8);
    builder_number(b, ef_crc32c_mask(ef_crc32c(b->data + b->size - 8, 8)), 4);
    ef_builder_raw(b, payload, size);
    builder_number(b, ef_crc32c_mask(ef_crc32c(payload, size)), 4);
    return b->records++;
}

/* --- payloads --- */

struct builder_payload {
    uint8_t *bytes;
    size_t size;
};

static void payload_bytes(struct builder_payload *p, const void *data, size_t size)
{
    memcpy(p->bytes + p->size, data, size);
    p->size += size;
}

static void payload_varint(struct builder_payload *p, uint64_t v)
{
    do {
        uint8_t byte = (uint8_t)((v & 0x7F) | (v > 0x7F ? 0x80 : 0));
        payload_bytes(p, &byte, 1);
        v >>= 7;
    } while (v > 0);
}

static size_t varint_length(uint64_t v)
{
    size_t n = 1;

    while (v >>= 7)
        n++;
    return n;
}

static void payload_begin(struct ef_builder *b, struct builder_payload *p, size_t capacity)
{
    double wall = EF_BUILDER_WALL + (double)b->records;
    uint64_t bits;

    p->bytes = malloc(capacity + 64);
    builder_need(p->bytes);
    p->size = 0;
    memcpy(&bits, &wall, sizeof bits);
    payload_varint(p, 0x09);
    for (int i = 0; i < 8; i++) {
        uint8_t byte = (uint8_t)(bits >> (8 * i));
        payload_bytes(p, &byte, 1);
    }
}

static size_t payload_end(struct ef_builder *b, struct builder_payload *p)
{
    size_t record = ef_builder_record(b, p->bytes, p->size);

    free(p->bytes);
    return record;
}

size_t ef_builder_version(struct ef_builder *b)
{
    struct builder_payload p;

    payload_begin(b, &p, 32);
    payload_varint(&p, 0x1A);
    payload_varint(&p, 13);
    payload_bytes(&p, "brain.Event:2", 13);
    return payload_end(b, &p);
}

size_t ef_builder_scalar(struct ef_builder *b, int64_t step, const char *tag, float value)
{
    struct builder_payload p;
    size_t tag_size = strlen(tag);
    size_t value_size = 1 + varint_length(tag_size) + tag_size + 5;
    uint32_t bits;

    payload_begin(b, &p, tag_size + 64);
    payload_varint(&p, 0x10);
    payload_varint(&p, (uint64_t)step);
    payload_varint(&p, 0x2A);
    payload_varint(&p, 1 + varint_length(value_size) + value_size);
    payload_varint(&p, 0x0A);
    payload_varint(&p, value_size);
    payload_varint(&p, 0x0A);
    payload_varint(&p, tag_size);
    payload_bytes(&p, tag, tag_size);
    payload_varint(&p, 0x15);
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 4; i++) {
        uint8_t byte = (uint8_t)(bits >> (8 * i));
        payload_bytes(&p, &byte, 1);
    }
    return payload_end(b, &p);
}

size_t ef_builder_blob(struct ef_builder *b, size_t size, unsigned seed)
{
    struct builder_payload p;
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;

    payload_begin(b, &p, size + 64);
    payload_varint(&p, 0x22);
    payload_varint(&p, size);
    for (size_t i = 0; i < size; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint8_t byte = (uint8_t)(state >> 56);
        payload_bytes(&p, &byte, 1);
    }
    return payload_end(b, &p);
}

size_t ef_builder_scalars(struct ef_builder *b, int64_t step, size_t n)
{
    size_t first = b->records;

    for (size_t i = 0; i < n; i++)
        ef_builder_scalar(b, step + (int64_t)i, "loss", (float)(step + (int64_t)i));
    return first;
}

/* --- places and damage --- */

size_t ef_builder_record_size(const struct ef_builder *b, size_t record)
{
    uint64_t size = 0;

    assert(record < b->records);
    size_t next = record + 1 < b->records ? b->offsets[record + 1] : b->size;
    for (int i = 7; i >= 0; i--)
        size = size << 8 | b->data[b->offsets[record] + (size_t)i];
    size += EF_RECORD_OVERHEAD;
    return size <= next - b->offsets[record] ? (size_t)size : next - b->offsets[record];
}

void ef_builder_flip(struct ef_builder *b, size_t bit)
{
    assert(bit / 8 < b->size);
    b->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

void ef_builder_damage_length(struct ef_builder *b, size_t record)
{
    ef_builder_flip(b, b->offsets[record] * 8 + 3);
}

void ef_builder_damage_header(struct ef_builder *b, size_t record)
{
    for (size_t i = 0; i < EF_HEADER_BYTES; i++)
        b->data[b->offsets[record] + i] ^= (uint8_t)(0xA5 + i);
}

void ef_builder_damage_payload(struct ef_builder *b, size_t record)
{
    size_t payload = ef_builder_record_size(b, record) - EF_RECORD_OVERHEAD;

    ef_builder_flip(b, (b->offsets[record] + EF_HEADER_BYTES + payload / 2) * 8 + 1);
}

void ef_builder_zero(struct ef_builder *b, size_t offset, size_t size)
{
    assert(offset + size <= b->size);
    memset(b->data + offset, 0, size);
}

void ef_builder_cut(struct ef_builder *b, size_t size)
{
    assert(size <= b->size);
    b->size = size;
    while (b->records > 0 && b->offsets[b->records - 1] >= size)
        b->records--;
}

/* --- files --- */

static void builder_write(const struct ef_builder *b, int fd)
{
    for (size_t done = 0; done < b->size;) {
        ssize_t n = pwrite(fd, b->data + done, b->size - done, (off_t)done);
        if (n <= 0) {
            perror("ef_builder: write");
            abort();
        }
        done += (size_t)n;
    }
}

int ef_builder_fd(const struct ef_builder *b)
{
    int fd = memfd_create("ef_builder", MFD_CLOEXEC);

    if (fd < 0) {
        perror("ef_builder: memfd_create");
        abort();
    }
    builder_write(b, fd);
    return fd;
}

void ef_builder_save(const struct ef_builder *b, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0) {
        perror(path);
        abort();
    }
    builder_write(b, fd);
    close(fd);
}
