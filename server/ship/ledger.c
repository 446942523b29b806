#include "ship/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char head[] = "tailboard-ledger 1\n";

void ledger_encode(struct buf *out, const char *name)
{
    static const char hex[] = "0123456789ABCDEF";

    for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
        unsigned char c = *p;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~/", c)) {
            buf_char(out, (char)c);
        } else {
            char text[3] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(out, text, 3);
        }
    }
}

void ledger_begin(struct buf *out)
{
    buf_str(out, head);
}

void ledger_add(struct buf *out, const struct ledger_entry *entry)
{
    buf_printf(out, "%c %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRIu64 " ",
               (char)entry->kind, entry->generation, entry->durable, entry->size, entry->mtime_ns,
               entry->inode);
    ledger_encode(out, entry->name);
    buf_char(out, '\n');
}

void ledger_end(struct buf *out, size_t count)
{
    buf_printf(out, "end %zu\n", count);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* In place. False: not encoded as ledger_encode() does. */
static bool decode(char *name)
{
    char *out = name;

    for (const char *p = name; *p; p++) {
        if (*p != '%') {
            *out++ = *p;
            continue;
        }
        int high = hex_digit(p[1]), low = high < 0 ? -1 : hex_digit(p[2]);
        if (low < 0 || high + low == 0)
            return false;
        *out++ = (char)(high << 4 | low);
        p += 2;
    }
    *out = '\0';
    return out > name;
}

static bool parse_line(char *line, struct ledger_entry *ret)
{
    char kind;
    int at = 0;

    if (sscanf(line, "%c %" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNu64 " %n", &kind,
               &ret->generation, &ret->durable, &ret->size, &ret->mtime_ns, &ret->inode,
               &at) != 6 ||
        at == 0)
        return false;
    if (kind != LEDGER_BEFORE && kind != LEDGER_GOING && kind != LEDGER_DONE)
        return false;
    ret->kind = (enum ledger_kind)kind;
    ret->name = line + at;
    return decode(line + at);
}

/* The lines between head and end, if they are all there. */
static bool is_whole(const char *text)
{
    size_t size = strlen(text), lines = 0, count;
    const char *last;

    if (strncmp(text, head, sizeof head - 1) != 0 || text[size - 1] != '\n')
        return false;
    for (last = text + size - 1; last > text && last[-1] != '\n'; last--)
        ;
    for (const char *p = text; p < last; p++)
        lines += *p == '\n';
    return sscanf(last, "end %zu", &count) == 1 && count + 1 == lines;
}

int ledger_parse(char *text, int (*entry)(void *ctx, const struct ledger_entry *entry), void *ctx)
{
    if (!is_whole(text))
        return -EBADMSG;
    for (char *line = text + sizeof head - 1; strncmp(line, "end ", 4) != 0;) {
        char *end = strchr(line, '\n');
        struct ledger_entry one;
        *end = '\0';
        if (parse_line(line, &one)) {
            int r = entry(ctx, &one);
            if (r < 0)
                return r;
        }
        line = end + 1;
    }
    return 0;
}
