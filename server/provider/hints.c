#include "provider/hints.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_most(const char *text, size_t size, uint64_t *ret)
{
    uint64_t most = 0;

    if (size == 3 && memcmp(text, "all", 3) == 0) {
        *ret = HINT_ALL;
        return 0;
    }
    if (size > 0 && *text == '+')
        text++, size--;
    if (size == 0)
        return -EINVAL;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(most, 10, &most) ||
            __builtin_add_overflow(most, (uint64_t)(text[i] - '0'), &most))
            return -EINVAL;
    }
    *ret = most;
    return 0;
}

static int add(struct hints *hints, const char *item, size_t size)
{
    const char *sign = memchr(item, '=', size);
    uint64_t most;

    if (!sign || sign == item)
        return -EINVAL;
    int r = parse_most(sign + 1, size - (size_t)(sign + 1 - item), &most);
    if (r < 0)
        return r;
    struct hint *items = realloc(hints->items, (hints->count + 1) * sizeof *items);
    if (!items)
        return -ENOMEM;
    hints->items = items;
    items[hints->count] = (struct hint){strndup(item, (size_t)(sign - item)), most};
    if (!items[hints->count].plugin)
        return -ENOMEM;
    hints->count++;
    return 0;
}

int hints_parse(struct hints *hints, const char *text)
{
    int r = 0;

    *hints = (struct hints){0};
    while (text && *text && r == 0) {
        const char *end = strchrnul(text, ',');
        r = add(hints, text, (size_t)(end - text));
        if (r == 0 && *end && !end[1])
            r = -EINVAL; /* an empty item at the end */
        text = *end ? end + 1 : end;
    }
    if (r < 0)
        hints_done(hints);
    return r;
}

void hints_done(struct hints *hints)
{
    for (size_t i = 0; i < hints->count; i++)
        free(hints->items[i].plugin);
    free(hints->items);
    *hints = (struct hints){0};
}

uint64_t hints_most(const struct hints *hints, struct text plugin, bool *ret_said)
{
    for (size_t i = hints->count; i-- > 0;) {
        const char *name = hints->items[i].plugin;
        if (strlen(name) == plugin.size && memcmp(name, plugin.data, plugin.size) == 0) {
            *ret_said = true;
            return hints->items[i].most;
        }
    }
    *ret_said = false;
    return HINT_ALL;
}
