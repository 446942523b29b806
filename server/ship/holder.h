/* holder.h: whose file is it, when several runs follow one directory at once?
 *
 * A new file belongs to the run whose process tree has it open for writing; this process is the
 * root of its command's tree (it adopts what the command leaves behind). Asked only while another
 * run is alive in the same place, for that looks through all processes. Thread: ship's. */
#ifndef TB_SHIP_HOLDER_H
#define TB_SHIP_HOLDER_H

#include <stdbool.h>
#include <sys/stat.h>

struct spool;

enum holder {
    HOLDER_NOBODY, /* nobody has it open, or it cannot be told */
    HOLDER_OURS,   /* a process below this one */
    HOLDER_OTHERS, /* other processes only */
};

/* Is there another run with a living process beside this spool? */
bool holder_contested(const struct spool *spool);
/* Who has this file open for writing now. */
enum holder holder_of(const struct stat *st);

#endif
