/* local.h: a server for one command, where none runs: on the archive, without log directories.
 *
 * It is the usual server on a free port of loopback, which admits this user alone, and lives as
 * long as the command. So whatever is asked is answered by one code. Private to cli/, of asker.
 * Thread: main. */
#ifndef TB_CLI_LOCAL_H
#define TB_CLI_LOCAL_H

#include <stdint.h>

struct local;

/* Opens the archive of `dir` (NULL: the usual place), and waits until its points are there. 0;
 * -ENOENT: there is none; -EBUSY: a server has it; -errno. */
int local_open(const char *dir, const char *state, struct local **ret);
uint16_t local_port(const struct local *local);
/* Accepts NULL; returns NULL. */
struct local *local_close(struct local *local);

#endif
