#include "front/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/sha256.h"
#include "front/credential.h"

static const char *const right_words[] = {
    [AUTH_READ] = "read", [AUTH_WRITE] = "write", [AUTH_ADMIN] = "admin"};

const char *auth_right_word(enum auth_right right)
{
    return right_words[right];
}

enum auth_right auth_right_parse(const char *word)
{
    for (size_t i = AUTH_READ; i < ARRAY_LEN(right_words); i++)
        if (strcmp(right_words[i], word) == 0)
            return (enum auth_right)i;
    return 0;
}

int tokens_init(struct tokens *tokens, const char *state_dir)
{
    int n;

    *tokens = (struct tokens){.seen_size = -1};
    n = snprintf(tokens->path, sizeof tokens->path, "%s/tokens", state_dir);
    pthread_mutex_init(&tokens->lock, NULL);
    return n < 0 || (size_t)n >= sizeof tokens->path - 8 ? -ENAMETOOLONG : 0;
}

void tokens_done(struct tokens *tokens)
{
    free(tokens->rows);
    pthread_mutex_destroy(&tokens->lock);
}

/* ---- the file ---------------------------------------------------------------------------- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hash(const char *hex, uint8_t out[SHA256_BYTES])
{
    if (strlen(hex) != 2 * SHA256_BYTES)
        return false;
    for (size_t i = 0; i < SHA256_BYTES; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_row(char *line, struct token_row *ret)
{
    char *id = strsep(&line, " "), *right = strsep(&line, " "), *hash = strsep(&line, " ");
    char *made = strsep(&line, " ");
    struct token_row row = {.name = ""};

    if (!line || strlen(id) != 8 || strlen(line) > TOKEN_NAME_BYTES)
        return false;
    row.right = auth_right_parse(right);
    memcpy(row.id, id, 9);
    row.made_s = strtod(made, NULL);
    memcpy(row.name, line, strlen(line) + 1);
    if (!row.right || !read_hash(hash, row.hash))
        return false;
    *ret = row;
    return true;
}

/* Reads what is there now. With the lock held. */
static int load(struct tokens *tokens)
{
    _cleanup_fclose_ FILE *file = fopen(tokens->path, "re");
    struct token_row *rows = calloc(LIMIT_TOKENS, sizeof *rows);
    char line[512];
    size_t count = 0;

    if (!rows)
        return -ENOMEM;
    if (!file && errno != ENOENT) {
        int r = -errno;

        free(rows);
        return r;
    }
    while (file && count < LIMIT_TOKENS && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (read_row(line, &rows[count]))
            count++;
    }
    free(tokens->rows);
    tokens->rows = rows;
    tokens->count = count;
    return 0;
}

/* Loads the file if it is another than the one seen last. What cannot be read gives no right. */
static void refresh(struct tokens *tokens)
{
    struct stat st = {0};
    int64_t mtime_ns, size = -1;

    if (stat(tokens->path, &st) == 0)
        size = st.st_size;
    mtime_ns = st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec;
    if (size == tokens->seen_size && mtime_ns == tokens->seen_mtime_ns &&
        st.st_ino == tokens->seen_inode)
        return;
    if (load(tokens) < 0) {
        tokens->count = 0;
        return;
    }
    tokens->seen_size = size;
    tokens->seen_mtime_ns = mtime_ns;
    tokens->seen_inode = st.st_ino;
}

static int write_rows(const struct tokens *tokens, int fd)
{
    _cleanup_free_ char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ssize_t n;

    if (!out)
        return -ENOMEM;
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token_row *row = &tokens->rows[i];

        fprintf(out, "%s %s ", row->id, right_words[row->right]);
        for (size_t b = 0; b < SHA256_BYTES; b++)
            fprintf(out, "%02x", row->hash[b]);
        fprintf(out, " %.0f %s\n", row->made_s, row->name);
    }
    if (fclose(out) != 0)
        return -ENOMEM;
    n = write(fd, text, size);
    if (n < 0 || (size_t)n != size)
        return n < 0 ? -errno : -EIO;
    return fsync(fd) < 0 ? -errno : 0;
}

/* Whole and by rename. With both locks held. */
static int save(struct tokens *tokens)
{
    char temporary[LIMIT_PATH_BYTES];
    _cleanup_close_ int fd = -1;
    int r;

    snprintf(temporary, sizeof temporary, "%.4080s.new", tokens->path);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    r = write_rows(tokens, fd);
    if (r == 0 && rename(temporary, tokens->path) < 0)
        r = -errno;
    if (r < 0)
        unlink(temporary);
    tokens->seen_size = -1;
    return r;
}

/* Others who change the file wait. The descriptor holds the lock; -errno. */
static int lock_file(const struct tokens *tokens)
{
    char path[LIMIT_PATH_BYTES];
    int fd;

    snprintf(path, sizeof path, "%.4080s.lock", tokens->path);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX) < 0) {
        int r = -errno;

        close(fd);
        return r;
    }
    return fd;
}

/* ---- calls ------------------------------------------------------------------------------- */

enum auth_right tokens_find(struct tokens *tokens, const uint8_t hash[32], char *ret_id)
{
    enum auth_right right = 0;

    pthread_mutex_lock(&tokens->lock);
    refresh(tokens);
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token_row *row = &tokens->rows[i];

        if (!credential_hash_fits(row->hash, hash))
            continue;
        right = row->right;
        if (ret_id)
            memcpy(ret_id, row->id, sizeof row->id);
    }
    pthread_mutex_unlock(&tokens->lock);
    return right;
}

enum auth_right tokens_find_id(struct tokens *tokens, const char *id)
{
    enum auth_right right = 0;

    pthread_mutex_lock(&tokens->lock);
    refresh(tokens);
    for (size_t i = 0; i < tokens->count; i++)
        if (strcmp(tokens->rows[i].id, id) == 0)
            right = tokens->rows[i].right;
    pthread_mutex_unlock(&tokens->lock);
    return right;
}

int tokens_list(struct tokens *tokens, struct token_row **ret, size_t *ret_count)
{
    struct token_row *rows;

    pthread_mutex_lock(&tokens->lock);
    refresh(tokens);
    rows = calloc(tokens->count + 1, sizeof *rows);
    if (rows && tokens->count)
        memcpy(rows, tokens->rows, tokens->count * sizeof *rows);
    *ret_count = rows ? tokens->count : 0;
    pthread_mutex_unlock(&tokens->lock);
    *ret = rows;
    return rows ? 0 : -ENOMEM;
}

static bool name_is_sound(const char *name)
{
    if (strlen(name) > TOKEN_NAME_BYTES)
        return false;
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

static int add(struct tokens *tokens, const char *name, enum auth_right right,
               const char *text, char ret_id[9])
{
    struct token_row row = {.right = right, .made_s = clock_wall_s(NULL)};
    int r = load(tokens);

    if (r == 0)
        r = sha256(text, strlen(text), row.hash);
    if (r == 0)
        r = sha256_hex(text, strlen(text), 8, row.id);
    if (r < 0)
        return r;
    if (tokens->count == LIMIT_TOKENS)
        return -EDQUOT;
    memcpy(row.name, name, strlen(name) + 1);
    tokens->rows[tokens->count++] = row;
    memcpy(ret_id, row.id, sizeof row.id);
    return save(tokens);
}

int tokens_add(struct tokens *tokens, const char *name, enum auth_right right,
               char ret_text[64], char ret_id[9])
{
    _cleanup_close_ int lock = -1;
    uint8_t random[32];
    char text[64];
    int r;

    if (!name_is_sound(name))
        return -EINVAL;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return -EIO;
    credential_base64url(random, sizeof random, text);
    lock = lock_file(tokens);
    if (lock < 0)
        return lock;
    pthread_mutex_lock(&tokens->lock);
    r = add(tokens, name, right, text, ret_id);
    pthread_mutex_unlock(&tokens->lock);
    if (r == 0)
        memcpy(ret_text, text, sizeof text);
    explicit_bzero(text, sizeof text);
    explicit_bzero(random, sizeof random);
    return r;
}

int tokens_revoke(struct tokens *tokens, const char *id)
{
    _cleanup_close_ int lock = lock_file(tokens);
    size_t kept = 0;
    int r;

    if (lock < 0)
        return lock;
    pthread_mutex_lock(&tokens->lock);
    r = load(tokens);
    for (size_t i = 0; r == 0 && i < tokens->count; i++)
        if (strcmp(tokens->rows[i].id, id) != 0)
            tokens->rows[kept++] = tokens->rows[i];
    if (r == 0 && kept == tokens->count) {
        r = -ENOENT;
    } else if (r == 0) {
        tokens->count = kept;
        r = save(tokens);
    }
    pthread_mutex_unlock(&tokens->lock);
    return r;
}
