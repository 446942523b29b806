#include "front/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "front/credential.h"

int secret_dir(const char *dir)
{
    char path[LIMIT_PATH_BYTES];
    size_t length = strlen(dir);

    if (length == 0 || length >= sizeof path)
        return -ENAMETOOLONG;
    memcpy(path, dir, length + 1);
    for (char *p = path + 1;; p++) {
        char c = *p;

        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return -errno;
        *p = c;
        if (c == '\0')
            return 0;
    }
}

static int read_secret(const char *path, char ret_text[SECRET_TEXT_BYTES])
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    char text[SECRET_TEXT_BYTES] = "";
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return -EPERM;
    n = read(fd, text, sizeof text - 1);
    if (n < 0)
        return -errno;
    text[strcspn(text, "\r\n")] = '\0';
    if (strlen(text) != CREDENTIAL_TOKEN_CHARS || !credential_is_text(text, strlen(text)))
        return -EBADMSG;
    memcpy(ret_text, text, sizeof text);
    return 0;
}

/* Writes a whole file under a name of its own. */
static int write_new(const char *path, const char *text)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t size = strlen(text);
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = write(fd, text, size);
    if (n >= 0 && (size_t)n != size)
        return -EIO;
    return n < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* The link either succeeds with the whole content in place, or another server was first. */
static int make_secret(const char *dir, const char *path)
{
    uint8_t random[32];
    char text[SECRET_TEXT_BYTES], temporary[LIMIT_PATH_BYTES];
    int n = snprintf(temporary, sizeof temporary, "%s/.new-%ld", dir, (long)getpid());
    int r;

    if (n < 0 || (size_t)n >= sizeof temporary)
        return -ENAMETOOLONG;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return -EIO;
    credential_base64url(random, sizeof random, text);
    memcpy(text + CREDENTIAL_TOKEN_CHARS, "\n", 2);
    unlink(temporary);
    r = write_new(temporary, text);
    if (r == 0 && link(temporary, path) < 0)
        r = -errno;
    unlink(temporary);
    explicit_bzero(text, sizeof text);
    explicit_bzero(random, sizeof random);
    return r;
}

int secret_load(const char *dir, const char *name, char ret_text[SECRET_TEXT_BYTES],
                bool *ret_made)
{
    char path[LIMIT_PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/%s", dir, name), r;

    if (n < 0 || (size_t)n >= sizeof path)
        return -ENAMETOOLONG;
    r = read_secret(path, ret_text);
    *ret_made = r == -ENOENT;
    if (r != -ENOENT)
        return r;
    r = make_secret(dir, path);
    if (r == -EEXIST)
        *ret_made = false;
    else if (r < 0)
        return r;
    return read_secret(path, ret_text);
}
