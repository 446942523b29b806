/* ranks.h: where this process stands among those of its run.
 *
 * What mpirun, srun and torchrun say in environment variables, in one shape. Before: the
 * environment. After: the run's id (processes of one step share it), the variables set for the
 * command, names of console files. Thread: main, before others start. */
#ifndef TB_LAUNCH_RANKS_H
#define TB_LAUNCH_RANKS_H

#include <stdbool.h>

struct ranks {
    int rank, local_rank, node; /* 0 when nothing says */
    int world, local_world;     /* processes in all, on this node; 1 when nothing says */
    int attempt;                /* 1, 2, … */
    bool launched;              /* a launcher said so: other processes may be in the same run */
    char key[65];               /* the same for all processes of the step; "" if alone */
};

/* Reads the variables with getenv(). */
void ranks_read(struct ranks *ret);

#define RUN_ID_BYTES 17 /* 16 characters and NUL */

/* A new run id: 48 bits of milliseconds and 32 random ones, as Crockford's base 32. */
void run_id_make(char ret[RUN_ID_BYTES]);
/* The id that a key leads to: the same on all nodes. */
void run_id_from_key(const char *key, char ret[RUN_ID_BYTES]);
/* 16 characters of Crockford's base 32 (upper case)? */
bool run_id_valid(const char *id);

#endif
