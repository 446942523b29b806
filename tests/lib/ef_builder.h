/* ef_builder.h: event files in memory, byte for byte, and ways to damage them.
 *
 *     struct ef_builder b = {0};
 *     ef_builder_version(&b);
 *     ef_builder_scalar(&b, 7, "loss", 0.5f);
 *     ef_builder_damage_payload(&b, 1);
 *     int fd = ef_builder_fd(&b);
 *     ef_builder_done(&b);
 *
 * For tests of everything that reads event files: a failed allocation or write ends the program.
 * Wall times are EF_BUILDER_WALL + the number of the record. */
#ifndef TEST_EF_BUILDER_H
#define TEST_EF_BUILDER_H

#include <stddef.h>
#include <stdint.h>

#define EF_BUILDER_WALL 1700000000.0

struct ef_builder {
    uint8_t *data;
    size_t size, capacity;
    size_t *offsets; /* where each record begins */
    size_t records, offsets_capacity;
};

void ef_builder_done(struct ef_builder *b);

/* Each returns the number of the record, counted from 0. */
size_t ef_builder_record(struct ef_builder *b, const void *payload, size_t size);
size_t ef_builder_version(struct ef_builder *b);
size_t ef_builder_scalar(struct ef_builder *b, int64_t step, const char *tag, float value);
/* An event whose graph_def is `size` bytes of noise made from `seed`: a large record. */
size_t ef_builder_blob(struct ef_builder *b, size_t size, unsigned seed);
/* `n` scalars of tag "loss", steps from `step` on, value = step. Returns the first's number. */
size_t ef_builder_scalars(struct ef_builder *b, int64_t step, size_t n);

/* Bytes that are no record. */
void ef_builder_raw(struct ef_builder *b, const void *data, size_t size);
void ef_builder_zeros(struct ef_builder *b, size_t size);

/* Sizes and places. The end of the last record, unless something raw follows, is b->size. */
size_t ef_builder_record_size(const struct ef_builder *b, size_t record);

/* Damage. */
void ef_builder_flip(struct ef_builder *b, size_t bit); /* bit 0 is the lowest of byte 0 */
void ef_builder_damage_length(struct ef_builder *b, size_t record);  /* one bit: can be mended */
void ef_builder_damage_header(struct ef_builder *b, size_t record);  /* all of it: cannot */
void ef_builder_damage_payload(struct ef_builder *b, size_t record); /* one bit in the middle */
void ef_builder_zero(struct ef_builder *b, size_t offset, size_t size);
void ef_builder_cut(struct ef_builder *b, size_t size);

/* The bytes as a file: a new descriptor of a nameless one, or written to a path. */
int ef_builder_fd(const struct ef_builder *b);
void ef_builder_save(const struct ef_builder *b, const char *path);

#endif
