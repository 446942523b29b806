/* logdir.c: one --logdir argument, taken apart. See tail.h. */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "tail/tail.h"

static bool alias_shaped(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
            return false;
    }
    return length > 0;
}

/* The last component of a path; of "/", "." and ".." that of where they lead. */
static char *default_alias(const char *path)
{
    _cleanup_free_ char *real = NULL;
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;

    if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
        real = realpath(path, NULL);
        slash = real ? strrchr(real, '/') : NULL;
        last = slash && slash[1] ? slash + 1 : "root";
    }
    return strdup(last);
}

int tail_logdir_parse(const char *arg, struct tail_logdir *ret)
{
    _cleanup_free_ char *alias = NULL, *path = NULL;
    const char *colon = strchr(arg, ':'), *rest = arg;
    struct stat st;

    if (colon && alias_shaped(arg, (size_t)(colon - arg)) && lstat(arg, &st) < 0) {
        alias = strndup(arg, (size_t)(colon - arg));
        if (!alias)
            return -ENOMEM;
        rest = colon + 1;
    }
    size_t length = strlen(rest);
    if (length == 0)
        return -EINVAL;
    while (length > 1 && rest[length - 1] == '/')
        length--;
    path = strndup(rest, length);
    if (path && !alias)
        alias = default_alias(path);
    if (!path || !alias)
        return -ENOMEM;
    *ret = (struct tail_logdir){.alias = TAKE_PTR(alias), .path = TAKE_PTR(path)};
    return 0;
}

void tail_logdir_done(struct tail_logdir *logdir)
{
    free(logdir->alias);
    free(logdir->path);
    *logdir = (struct tail_logdir){0};
}
