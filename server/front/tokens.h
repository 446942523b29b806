/* tokens.h: further tokens beside the server's own, each with a right. Part of front.
 *
 * A token is 256 random bits; kept is its SHA-256, in the file `tokens` of the state directory, a
 * line each: ID RIGHT SHA256 SECONDS NAME. The command line and the server both change that file,
 * whole and by rename, under a lock file; a server looks whether it changed before it answers.
 * Thread: any; one lock. */
#ifndef TB_FRONT_TOKENS_H
#define TB_FRONT_TOKENS_H

#include <pthread.h>

#include "base/limits.h"
#include "front/front.h"

struct tokens {
    char path[LIMIT_PATH_BYTES];
    pthread_mutex_t lock;
    struct token_row *rows;
    size_t count;
    int64_t seen_mtime_ns, seen_size; /* of the file that `rows` are */
    uint64_t seen_inode;
};

/* 0 or -ENAMETOOLONG. The file need not be there. */
_must_check_ int tokens_init(struct tokens *tokens, const char *state_dir);
void tokens_done(struct tokens *tokens);

/* The right of the token with this hash, or by its id (a cookie's); 0: there is none. ret_id (may
 * be NULL) has room for 9 bytes. */
enum auth_right tokens_find(struct tokens *tokens, const uint8_t hash[32], char *ret_id);
enum auth_right tokens_find_id(struct tokens *tokens, const char *id);

/* A copy of all rows, freed by the caller. */
_must_check_ int tokens_list(struct tokens *tokens, struct token_row **ret, size_t *ret_count);
/* Makes one; its text is told this once. -EINVAL: a name with control characters or too long;
 * -EDQUOT: LIMIT_TOKENS; -errno. */
_must_check_ int tokens_add(struct tokens *tokens, const char *name, enum auth_right right,
                            char ret_text[64], char ret_id[9]);
/* -ENOENT: there is none of that id. */
_must_check_ int tokens_revoke(struct tokens *tokens, const char *id);

#endif
