#include "http/target.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

ssize_t target_decode(char *text, bool form)
{
    char *out = text;

    for (const char *p = text; *p; p++) {
        if (*p == '%') {
            int high = digit(p[1]), low = high < 0 ? -1 : digit(p[2]);

            if (low < 0 || (high == 0 && low == 0))
                return -1;
            *out++ = (char)(high << 4 | low);
            p += 2;
        } else {
            *out++ = form && *p == '+' ? ' ' : *p;
        }
    }
    *out = '\0';
    return out - text;
}

static int parse_path(struct target *target, char *path)
{
    char *rest = path;

    if (*rest == '/')
        rest++;
    target->depth = 0;
    for (char *segment; (segment = strsep(&rest, "/"));) {
        if (rest)
            target->depth++;
        else if (*segment == '\0')
            break; /* "/a/" is "/a" */
        if (target->n_segments == LIMIT_PATH_SEGMENTS)
            return -E2BIG;
        if (target_decode(segment, false) < 0)
            return -EBADMSG;
        target->segments[target->n_segments++] = segment;
    }
    return 0;
}

static int parse_query(struct target *target, char *query)
{
    size_t count = 1;

    for (const char *p = query; *p; p++)
        count += *p == '&';
    if (count > LIMIT_QUERY_NAMES)
        return -E2BIG;
    target->pairs = calloc(count, sizeof *target->pairs);
    if (!target->pairs)
        return -ENOMEM;
    for (char *pair; (pair = strsep(&query, "&"));) {
        char *value = strchr(pair, '=');
        ssize_t size = 0;

        if (*pair == '\0')
            continue;
        if (value)
            *value++ = '\0';
        else
            value = pair + strlen(pair);
        if (target_decode(pair, true) < 0 || (size = target_decode(value, true)) < 0)
            return -EBADMSG;
        target->pairs[target->n_pairs++] =
            (struct target_pair){.name = pair, .value = value, .size = (size_t)size};
    }
    return 0;
}

int target_init(struct target *target, const char *address)
{
    const char *mark = strchr(address, '?');
    size_t length = strlen(address), path = mark ? (size_t)(mark - address) : length;
    size_t query = mark ? length - path - 1 : 0;
    char *memory;
    int r;

    /* The path, the query as written, and the query to be cut up. */
    *target = (struct target){.query = ""};
    memory = calloc(1, path + 1 + 2 * (query + 1));
    if (!memory)
        return -ENOMEM;
    target->memory = memory;
    memcpy(memory, address, path);
    if (query > 0) {
        memcpy(memory + path + 1, mark + 1, query);
        memcpy(memory + path + 1 + query + 1, mark + 1, query);
        target->query = memory + path + 1;
    }
    r = parse_path(target, memory);
    if (r == 0 && query > 0)
        r = parse_query(target, memory + path + 1 + query + 1);
    if (r < 0)
        target_done(target);
    return r;
}

void target_done(struct target *target)
{
    free(target->memory);
    free(target->pairs);
    *target = (struct target){.query = ""};
}

const char *target_value(const struct target *target, const char *name, size_t *ret_count)
{
    const char *value = NULL;
    size_t count = 0;

    for (size_t i = 0; i < target->n_pairs; i++) {
        if (strcmp(target->pairs[i].name, name) != 0)
            continue;
        if (count++ == 0)
            value = target->pairs[i].value;
    }
    if (ret_count)
        *ret_count = count;
    return value;
}
