/* Hostile chunk bytes: chunk_open() must refuse or pass them, and what it passed must decode
 * within its bounds. The input's CRCs are put right first, so that the fuzzer gets past them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <eventfile/crc32c.h>

#include "store/chunk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void repair(uint8_t *bytes, size_t size)
{
    struct chunk head;
    size_t at = sizeof head;

    if (size < sizeof head)
        return;
    memcpy(&head, bytes, sizeof head);
    head.magic = CHUNK_MAGIC;
    head.version = CHUNK_VERSION;
    head.header_crc = 0;
    for (int c = 0; c < CHUNK_COLUMNS; c++) {
        head.code[c] = CHUNK_FOR64;
        if (head.column_size[c] <= size - at)
            head.column_crc[c] = ef_crc32c(bytes + at, head.column_size[c]);
        else
            return;
        at += head.column_size[c];
    }
    head.header_crc = ef_crc32c(&head, sizeof head);
    memcpy(bytes, &head, sizeof head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int64_t step[LIMIT_CHUNK_POINTS + FOR64_BLOCK];
    static double wall[LIMIT_CHUNK_POINTS + FOR64_BLOCK];
    static uint64_t bits[LIMIT_CHUNK_POINTS + FOR64_BLOCK];
    const struct points points = {step, wall, bits};
    const struct chunk *chunk;
    unsigned version;
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        return 0;
    memcpy(copy, data, size);
    for (int round = 0; round < 2; round++) {
        if (chunk_open(copy, size, &chunk, &version) == CHUNK_OK)
            chunk_decode(chunk, &points);
        repair(copy, size);
    }
    free(copy);
    return 0;
}
