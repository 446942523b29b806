#include "store/chunk.h"

#include <string.h>

#include <eventfile/crc32c.h>

#include "base/check.h"
#include "store/scalar.h"
#include "store/simd.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "chunks are little endian");

void history_start(struct history *history, enum value_kind kind, int64_t step, double wall,
                   uint64_t bits)
{
    uint64_t image = bits;

    if (kind == VALUE_F32)
        image = scalar_image32(bits);
    else if (kind == VALUE_F64)
        image = scalar_image64(bits);
    for (int i = 0; i < FOR64_HISTORY; i++) {
        history->slot[CHUNK_STEP][i] = (uint64_t)step;
        history->slot[CHUNK_WALL][i] = scalar_f64_bits(wall);
        history->slot[CHUNK_VALUE][i] = image;
    }
}

static inline __attribute__((always_inline)) void image32_body(const uint64_t *in, uint64_t *out,
                                                                size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = scalar_image32(in[i]);
}

static inline __attribute__((always_inline)) void image64_body(const uint64_t *in, uint64_t *out,
                                                                size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = scalar_image64(in[i]);
}

static inline __attribute__((always_inline)) void bits32_body(const uint64_t *in, uint64_t *out,
                                                               size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = scalar_bits32(in[i]);
}

static inline __attribute__((always_inline)) void bits64_body(const uint64_t *in, uint64_t *out,
                                                               size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = scalar_bits64(in[i]);
}

SIMD_VARIANTS(image32, (const uint64_t *in, uint64_t *out, size_t count), (in, out, count))
SIMD_VARIANTS(image64, (const uint64_t *in, uint64_t *out, size_t count), (in, out, count))
SIMD_VARIANTS(bits32, (const uint64_t *in, uint64_t *out, size_t count), (in, out, count))
SIMD_VARIANTS(bits64, (const uint64_t *in, uint64_t *out, size_t count), (in, out, count))

static void to_image(enum value_kind kind, const uint64_t *bits, uint64_t *out, size_t count)
{
    if (kind == VALUE_F32)
        image32(bits, out, count);
    else if (kind == VALUE_F64)
        image64(bits, out, count);
    else
        memcpy(out, bits, count * sizeof *out);
}

static void to_bits(enum value_kind kind, const uint64_t *image, uint64_t *out, size_t count)
{
    if (kind == VALUE_F32)
        bits32(image, out, count);
    else if (kind == VALUE_F64)
        bits64(image, out, count);
    else
        memcpy(out, image, count * sizeof *out);
}

/* ---- blocks --------------------------------------------------------------------------- */

static size_t block_payload(const struct block *block)
{
    size_t size = 0;

    for (int c = 0; c < CHUNK_COLUMNS; c++)
        size += for64_payload(block->desc[c], block->count);
    return size;
}

size_t block_size(const struct block *block)
{
    return (sizeof *block + block_payload(block) + FOR64_SLACK + 7) & ~(size_t)7;
}

static void load_history(const struct history *history, int column, uint64_t *slots)
{
    memcpy(slots, history->slot[column], sizeof history->slot[column]);
}

static void move_history(struct history *history, int column, const uint64_t *slots, size_t count)
{
    memcpy(history->slot[column], slots + count, sizeof history->slot[column]);
}

size_t block_encode(struct columns *columns, size_t count, enum value_kind kind,
                    struct history *history, struct block *ret)
{
    uint64_t image[FOR64_SLOTS];
    uint64_t *slots[CHUNK_COLUMNS] = {(uint64_t *)columns->step, (uint64_t *)columns->wall, image};
    uint8_t *out = ret->payload;

    to_image(kind, columns->bits + FOR64_HISTORY, image + FOR64_HISTORY, count);
    ret->next = NULL;
    ret->count = (uint8_t)count;
    ret->zero = 0;
    for (int c = 0; c < CHUNK_COLUMNS; c++) {
        load_history(history, c, slots[c]);
        ret->desc[c] = for64_encode(slots[c], count, out);
        out += for64_payload(ret->desc[c], count);
        move_history(history, c, slots[c], count);
    }
    return block_size(ret);
}

static void decode_part(enum chunk_column column, struct for64_desc desc, const uint8_t *in,
                        size_t count, enum value_kind kind, struct history *history,
                        const struct points *out)
{
    uint64_t slots[FOR64_SLOTS];

    load_history(history, column, slots);
    for64_decode(desc, in, count, slots);
    move_history(history, column, slots, count);
    if (column == CHUNK_STEP)
        memcpy(out->step, slots + FOR64_HISTORY, count * sizeof *slots);
    else if (column == CHUNK_WALL)
        memcpy(out->wall, slots + FOR64_HISTORY, count * sizeof *slots);
    else
        to_bits(kind, slots + FOR64_HISTORY, out->bits, count);
}

void block_decode(const struct block *block, enum value_kind kind, struct history *history,
                  const struct points *out)
{
    const uint8_t *in = block->payload;

    for (int c = 0; c < CHUNK_COLUMNS; c++) {
        decode_part(c, block->desc[c], in, block->count, kind, history, out);
        in += for64_payload(block->desc[c], block->count);
    }
}

/* ---- sealing -------------------------------------------------------------------------- */

/* Descriptors of all blocks, padded to 8, then the payloads, padded to 8. */
static size_t descs_size(size_t n_blocks)
{
    return (n_blocks * sizeof(struct for64_desc) + 7) & ~(size_t)7;
}

static size_t column_size(size_t payload, size_t n_blocks)
{
    return descs_size(n_blocks) + ((payload + 7) & ~(size_t)7);
}

void chunk_count(struct chunk_payload *payload, const struct block *block)
{
    for (int c = 0; c < CHUNK_COLUMNS; c++)
        payload->size[c] += (uint32_t)for64_payload(block->desc[c], block->count);
}

size_t chunk_size(const struct chunk_payload *payload, size_t n_blocks)
{
    size_t size = sizeof(struct chunk) + FOR64_SLACK;

    for (int c = 0; c < CHUNK_COLUMNS; c++)
        size += column_size(payload->size[c], n_blocks);
    return size;
}

/* Blocks of one lane lie between those of others: the next one is fetched while one is copied. */
static const struct block *fetch_next(const struct block *block, size_t n_blocks)
{
    const char *next = n_blocks > 1 ? (const char *)block->next : NULL;

    for (int line = 0; next && line < 6; line++)
        __builtin_prefetch(next + line * 64);
    return (const struct block *)next;
}

static void copy_blocks(const struct block *head, size_t n_blocks, uint8_t **desc, uint8_t **out)
{
    for (const struct block *b = head, *next; n_blocks > 0; n_blocks--, b = next) {
        const uint8_t *in = b->payload;
        next = fetch_next(b, n_blocks);
        for (int c = 0; c < CHUNK_COLUMNS; c++) {
            size_t size = for64_payload(b->desc[c], b->count);
            memcpy(desc[c], &b->desc[c], sizeof b->desc[c]);
            memcpy(out[c], in, size);
            desc[c] += sizeof b->desc[c];
            out[c] += size;
            in += size;
        }
    }
}

void chunk_seal(const struct block *head, size_t n_blocks, const struct chunk_payload *payload,
                const struct tally *tally, struct chunk *ret)
{
    uint8_t *desc[CHUNK_COLUMNS], *out[CHUNK_COLUMNS], *start = (uint8_t *)(ret + 1);

    *ret = (struct chunk){.magic = CHUNK_MAGIC,
                          .version = CHUNK_VERSION,
                          .header_size = sizeof *ret,
                          .code = {CHUNK_FOR64, CHUNK_FOR64, CHUNK_FOR64},
                          .tally = *tally};
    for (int c = 0; c < CHUNK_COLUMNS; c++) {
        ret->column_size[c] = (uint32_t)column_size(payload->size[c], n_blocks);
        desc[c] = start;
        out[c] = start + descs_size(n_blocks);
        start += ret->column_size[c];
        memset(out[c] - 8, 0, 8); /* the padding of the descriptors */
        memset(start - 8, 0, 8);  /* and of the payloads */
    }
    memset(start, 0, FOR64_SLACK);
    copy_blocks(head, n_blocks, desc, out);
    start = (uint8_t *)(ret + 1);
    for (int c = 0; c < CHUNK_COLUMNS; c++) {
        ret->column_crc[c] = ef_crc32c(start, ret->column_size[c]);
        start += ret->column_size[c];
    }
    ret->size = (uint32_t)(start + FOR64_SLACK - (uint8_t *)ret);
    ret->header_crc = ef_crc32c(ret, sizeof *ret);
}

/* ---- reading -------------------------------------------------------------------------- */

static size_t blocks_of(uint32_t count)
{
    return ((size_t)count + FOR64_BLOCK - 1) / FOR64_BLOCK;
}

void chunk_decode(const struct chunk *chunk, const struct points *out)
{
    const struct tally *t = &chunk->tally;
    const uint8_t *column = (const uint8_t *)(chunk + 1);
    size_t n_blocks = blocks_of(t->count);
    struct history history;

    history_start(&history, t->kind, t->first_step, t->first_wall, t->first_bits);
    for (int c = 0; c < CHUNK_COLUMNS; c++) {
        const uint8_t *in = column + descs_size(n_blocks);
        for (size_t b = 0; b < n_blocks; b++) {
            struct for64_desc desc;
            size_t at = b * FOR64_BLOCK;
            size_t count = MIN((size_t)FOR64_BLOCK, t->count - at);
            struct points part = {out->step + at, out->wall + at, out->bits + at};
            memcpy(&desc, column + b * sizeof desc, sizeof desc);
            decode_part(c, desc, in, count, t->kind, &history, &part);
            in += for64_payload(desc, count);
        }
        column += chunk->column_size[c];
    }
}

const char *chunk_error_word(enum chunk_error error)
{
    static const char *const words[] = {"ok",  "short",   "no-magic",
                                        "newer-version", "bad-crc", "bad-form"};

    return words[error];
}

static bool column_ok(const uint8_t *column, size_t size, uint32_t count)
{
    size_t n_blocks = blocks_of(count), used = descs_size(n_blocks);

    if (used > size)
        return false;
    for (size_t b = 0; b < n_blocks; b++) {
        struct for64_desc desc;
        memcpy(&desc, column + b * sizeof desc, sizeof desc);
        if (!for64_valid(desc))
            return false;
        used += for64_payload(desc, MIN((size_t)FOR64_BLOCK, count - b * FOR64_BLOCK));
    }
    return ((used + 7) & ~(size_t)7) == size;
}

static enum chunk_error header_ok(const struct chunk *h, size_t size, unsigned *ret_version)
{
    struct chunk copy = *h;
    uint64_t total = sizeof copy + FOR64_SLACK;

    if (h->magic != CHUNK_MAGIC)
        return CHUNK_NO_MAGIC;
    *ret_version = h->version;
    if (h->version != CHUNK_VERSION)
        return CHUNK_NEWER;
    copy.header_crc = 0;
    if (ef_crc32c(&copy, sizeof copy) != h->header_crc)
        return CHUNK_BAD_CRC;
    for (int c = 0; c < CHUNK_COLUMNS; c++) {
        if (h->code[c] != CHUNK_FOR64)
            return CHUNK_NEWER;
        total += h->column_size[c];
    }
    const struct tally *t = &h->tally;
    if (h->header_size != sizeof *h || total != h->size || t->kind < VALUE_F32 ||
        t->kind > VALUE_BOOL || t->count < 1 || t->count > LIMIT_CHUNK_POINTS ||
        (uint64_t)t->nan + t->pinf + t->ninf > t->count)
        return CHUNK_BAD_FORM;
    return h->size > size ? CHUNK_SHORT : CHUNK_OK;
}

enum chunk_error chunk_open_head(const struct chunk *head)
{
    unsigned version;

    return header_ok(head, head->size, &version);
}

enum chunk_error chunk_open(const void *data, size_t size, const struct chunk **ret,
                            unsigned *ret_version)
{
    const struct chunk *chunk = data;

    if (size < sizeof *chunk)
        return CHUNK_SHORT;
    enum chunk_error error = header_ok(chunk, size, ret_version);
    if (error != CHUNK_OK)
        return error;
    const uint8_t *column = (const uint8_t *)(chunk + 1);
    for (int c = 0; c < CHUNK_COLUMNS; c++) {
        if (ef_crc32c(column, chunk->column_size[c]) != chunk->column_crc[c])
            return CHUNK_BAD_CRC;
        if (!column_ok(column, chunk->column_size[c], chunk->tally.count))
            return CHUNK_BAD_FORM;
        column += chunk->column_size[c];
    }
    *ret = chunk;
    return CHUNK_OK;
}
