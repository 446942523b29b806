#include "launch/environ.h"

#include <errno.h>
#include <string.h>

static char **find(const struct environ_list *list, const char *name)
{
    size_t length = strlen(name);

    for (size_t i = 0; i < list->count; i++)
        if (strncmp(list->items[i], name, length) == 0 && list->items[i][length] == '=')
            return &list->items[i];
    return NULL;
}

/* Takes the string over, also when it fails. */
static int append(struct environ_list *list, char *item)
{
    if (!item)
        return -ENOMEM;
    if (list->count + 1 >= list->capacity) { /* one more for the NULL */
        size_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **items = realloc(list->items, capacity * sizeof *items);
        if (!items) {
            free(item);
            return -ENOMEM;
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    list->items[list->count] = NULL;
    return 0;
}

int environ_init(struct environ_list *list, char *const *from)
{
    *list = (struct environ_list){0};
    for (; from && *from; from++)
        if (append(list, strdup(*from)) < 0) {
            environ_done(list);
            return -ENOMEM;
        }
    return 0;
}

void environ_done(struct environ_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct environ_list){0};
}

int environ_set(struct environ_list *list, const char *name, const char *value)
{
    char **place = find(list, name), *item = NULL;

    if (!value) {
        if (place) {
            free(*place);
            *place = list->items[--list->count];
            list->items[list->count] = NULL;
        }
        return 0;
    }
    if (asprintf(&item, "%s=%s", name, value) < 0)
        return -ENOMEM;
    if (!place)
        return append(list, item);
    free(*place);
    *place = item;
    return 0;
}

int environ_set_number(struct environ_list *list, const char *name, long value)
{
    char text[24];

    snprintf(text, sizeof text, "%ld", value);
    return environ_set(list, name, text);
}

const char *environ_get(const struct environ_list *list, const char *name)
{
    char **place = find(list, name);

    return place ? *place + strlen(name) + 1 : NULL;
}
