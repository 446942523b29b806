/* Headers of uploads and downloads: no crash, ranges lie inside, digests read back the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), again[FIELDS_DIGEST_BYTES];
    uint8_t digest[SHA256_BYTES], other[SHA256_BYTES];
    uint64_t a, b, length = size > 0 ? (uint64_t)data[0] * 77 : 0;
    bool flag;

    memcpy(text, data, size);
    text[size] = '\0';
    fields_number(text, &a);
    fields_flag(text, &flag);
    fields_places(text);
    if (fields_place(text, &a, &b))
        CHECK(b > 0 && a < UINT64_C(1000000000000000));
    if (fields_range(text, length, &a, &b) == RANGE_FITS)
        CHECK(a < b && b <= length);
    if (fields_digest(text, digest)) {
        fields_put_digest(digest, again);
        CHECK(fields_digest(again, other) && memcmp(digest, other, sizeof digest) == 0);
    }
    free(text);
    return 0;
}
