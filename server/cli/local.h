/* local.h: the archive asked in this process, where no server runs. Private to cli/, of asker.
 * Thread: main; the HTTP side has its own. */
#ifndef TB_CLI_LOCAL_H
#define TB_CLI_LOCAL_H

struct local;

/* Opens the archive of `dir` (NULL: the usual place) and starts an HTTP side on it. 0; -ENOENT:
 * there is none; -EBUSY: a server has it; -errno. */
int local_open(const char *dir, const char *state, struct local **ret);
/* A connection to it; -errno. */
int local_connect(struct local *local);
struct local *local_close(struct local *local);

#endif
