#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void check_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "tailboard: internal error at %s:%d: %s does not hold\n", file, line, what);
    abort();
}
