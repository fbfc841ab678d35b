/* Memory that runs out where it is told to, and what a program expects: included before the
   sources of the library, which then ask for memory here. */

#ifndef TOCSIN_SCARCE_H
#define TOCSIN_SCARCE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many times memory is still given, negative: always; and how often it was not. */
static long given = -1, refusals;

static int refused(void)
{
    int now = given >= 0 && given-- == 0;
    refusals += now;
    return now;
}

static void expect(int truth, const char *what)
{
    if (!truth) {
        fprintf(stderr, "not so: %s\n", what);
        exit(1);
    }
}

#define malloc(size) (refused() ? NULL : malloc(size))
#define calloc(count, size) (refused() ? NULL : calloc(count, size))
#define realloc(at, size) (refused() ? NULL : realloc(at, size))

#endif
