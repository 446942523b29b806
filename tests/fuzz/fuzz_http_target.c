/* Path and query of an address: no crash, and every part ends where its length says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct target target;

    memcpy(text, data, size);
    text[size] = '\0';
    if (target_init(&target, text) == 0) {
        CHECK(target.n_segments <= LIMIT_PATH_SEGMENTS);
        CHECK(target.n_pairs <= LIMIT_QUERY_NAMES);
        for (size_t i = 0; i < target.n_pairs; i++)
            CHECK(strlen(target.pairs[i].value) == target.pairs[i].size);
        target_value(&target, "tag", NULL);
        target_done(&target);
    }
    free(text);
    return 0;
}
