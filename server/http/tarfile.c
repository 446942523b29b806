#include "http/tarfile.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct header { /* POSIX.1-1988 */
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};

_Static_assert(sizeof(struct header) == TARFILE_BLOCK, "a header is one block");

#define OCTAL_MAX UINT64_C(077777777777) /* eleven digits */

static int add_header(struct buf *out, const char *name, size_t name_size, uint64_t size,
                      double changed_s, char type)
{
    struct header h = {.type = type};
    uint64_t mtime = isfinite(changed_s) && changed_s > 0 ? (uint64_t)fmin(changed_s, 8e9) : 0;
    unsigned sum = 0;

    memcpy(h.name, name, MIN(name_size, sizeof h.name));
    memcpy(h.mode, "0000644", 8);
    memcpy(h.uid, "0000000", 8);
    memcpy(h.gid, "0000000", 8);
    snprintf(h.size, sizeof h.size, "%011" PRIo64, MIN(size, OCTAL_MAX));
    snprintf(h.mtime, sizeof h.mtime, "%011" PRIo64, mtime);
    memcpy(h.magic, "ustar", 6);
    memcpy(h.version, "00", 2);
    memset(h.checksum, ' ', sizeof h.checksum);
    for (size_t i = 0; i < sizeof h; i++)
        sum += ((const unsigned char *)&h)[i];
    snprintf(h.checksum, sizeof h.checksum, "%06o", sum & 0777777);
    return buf_add(out, &h, sizeof h);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static void add_record(struct buf *out, const char *key, const char *value)
{
    size_t rest = strlen(key) + strlen(value) + 3, digits = 1, total;

    for (;; digits++) {
        char text[24];

        total = rest + digits;
        if ((size_t)snprintf(text, sizeof text, "%zu", total) == digits)
            break;
    }
    buf_printf(out, "%zu %s=%s\n", total, key, value);
}

int tarfile_header(struct buf *out, const char *path, uint64_t size, double changed_s)
{
    size_t length = strlen(path);
    struct buf pax = BUF_INIT(1 << 16);
    char number[24];

    if (length > sizeof((struct header *)0)->name)
        add_record(&pax, "path", path);
    snprintf(number, sizeof number, "%" PRIu64, size);
    if (size > OCTAL_MAX)
        add_record(&pax, "size", number);
    if (pax.length > 0) {
        add_header(out, "pax", 3, pax.length, changed_s, 'x');
        buf_add(out, pax.data, pax.length);
        tarfile_pad(out, pax.length);
    }
    buf_done(&pax);
    return add_header(out, path, length, size, changed_s, '0');
}

int tarfile_pad(struct buf *out, uint64_t size)
{
    static const char zeros[TARFILE_BLOCK];

    return buf_add(out, zeros, (TARFILE_BLOCK - size % TARFILE_BLOCK) % TARFILE_BLOCK);
}

int tarfile_end(struct buf *out)
{
    static const char zeros[2 * TARFILE_BLOCK];

    return buf_add(out, zeros, sizeof zeros);
}

bool tarfile_matches(const char *pattern, const char *path)
{
    const char *star = NULL, *from = NULL;

    while (*path) {
        if (*pattern == '*') {
            star = pattern++;
            from = path;
        } else if (*pattern == '?' || *pattern == *path) {
            pattern++;
            path++;
        } else if (star) { /* the last star takes one more */
            pattern = star + 1;
            path = ++from;
        } else {
            return false;
        }
    }
    pattern += strspn(pattern, "*");
    return *pattern == '\0';
}
