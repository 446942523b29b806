/* One flipped bit in a file of 10,000 records, 200 files: at most one record lost each, no wrong
 * record. Prints the counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ef_builder.h"
#include "ef_survey.h"

enum { FILES = 200, RECORDS = 10000 };

static void build(struct ef_builder *b)
{
    static const char *const tags[] = {"loss", "train/accuracy", "lr", "val/loss"};

    ef_builder_version(b);
    for (int i = 1; i < RECORDS; i++)
        ef_builder_scalar(b, i, tags[i % 4], (float)i * 0.37f);
}

static void test_one_flipped_bit_loses_at_most_one_record(void **state)
{
    struct ef_builder sound = {0}, b;
    size_t lost = 0, mended = 0, files_without_loss = 0;
    uint64_t seed = 20240607;

    build(&sound);
    ef_survey_copy(&sound, &b);
    for (size_t file = 0; file < FILES; file++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t bit = (size_t)(seed >> 20) % (b.size * 8);
        ef_builder_flip(&b, bit);
        struct ef_survey s = ef_survey(&sound, &b, file % EF_SURVEY_MODES, "flipped bit", bit);
        if (s.lost > 1)
            fail_msg("bit %zu: %zu records lost", bit, s.lost);
        lost += s.lost;
        mended += s.mended;
        files_without_loss += s.lost == 0;
        ef_builder_flip(&b, bit);
    }
    print_message("%d files of %d records, one bit flipped in each: %zu records lost, at most 1 a "
                  "file; %zu headers mended, %zu files without loss; 0 wrong records\n",
                  FILES, RECORDS, lost, mended, files_without_loss);
    ef_builder_done(&b);
    ef_builder_done(&sound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_flipped_bit_loses_at_most_one_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
