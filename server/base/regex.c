#include "base/regex.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/clock.h"
#include "base/limits.h"

struct regex {
    pcre2_code *code;
    pcre2_match_context *limits;
    pcre2_match_data *data;
    int64_t spent_ns;
};

static int compile(struct regex *regex, const char *pattern, size_t size,
                   char message[REGEX_ERROR_BYTES])
{
    PCRE2_UCHAR text[96];
    PCRE2_SIZE at = 0;
    int error = 0;

    regex->code = pcre2_compile((PCRE2_SPTR)pattern, size,
                                PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C,
                                &error, &at, NULL);
    if (regex->code)
        return 0;
    pcre2_get_error_message(error, text, sizeof text);
    snprintf(message, REGEX_ERROR_BYTES, "%s, at character %zu", (char *)text, (size_t)at);
    return -EINVAL;
}

int regex_new(const char *pattern, size_t size, struct regex **ret, char message[REGEX_ERROR_BYTES])
{
    struct regex *regex;
    int r;

    if (size > LIMIT_REGEX_BYTES) {
        snprintf(message, REGEX_ERROR_BYTES, "longer than %d bytes", LIMIT_REGEX_BYTES);
        return -EMSGSIZE;
    }
    regex = calloc(1, sizeof *regex);
    if (!regex)
        return -ENOMEM;
    r = compile(regex, pattern, size, message);
    if (r == 0) {
        regex->limits = pcre2_match_context_create(NULL);
        regex->data = pcre2_match_data_create(1, NULL);
        if (!regex->limits || !regex->data)
            r = -ENOMEM;
    }
    if (r < 0) {
        regex_free(regex);
        return r;
    }
    pcre2_set_match_limit(regex->limits, LIMIT_REGEX_MATCH_STEPS);
    pcre2_set_depth_limit(regex->limits, LIMIT_REGEX_DEPTH);
    pcre2_set_heap_limit(regex->limits, LIMIT_REGEX_HEAP_KB);
    *ret = regex;
    return 0;
}

struct regex *regex_free(struct regex *regex)
{
    if (!regex)
        return NULL;
    pcre2_match_data_free(regex->data);
    pcre2_match_context_free(regex->limits);
    pcre2_code_free(regex->code);
    free(regex);
    return NULL;
}

int regex_match(struct regex *regex, const char *text, size_t size)
{
    int64_t start = clock_ns(NULL);
    int r;

    if (regex->spent_ns > LIMIT_REGEX_MS * NS_PER_MS)
        return -E2BIG;
    r = pcre2_match(regex->code, (PCRE2_SPTR)text, size, 0, 0, regex->data, regex->limits);
    regex->spent_ns += clock_ns(NULL) - start;
    if (r == PCRE2_ERROR_NOMATCH)
        return 0;
    return r >= 0 ? 1 : -E2BIG;
}
