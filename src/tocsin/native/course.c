/* How the times of rows run, in one pass, and their panes: what metrics/lateness.py asks. */

#include "rows.h"

enum { SECOND = 1000000 };

/* Filled in, of one row at least: the panes of all rows (s), and of their times (µs) the
   least and the greatest, the last and the greatest before it (or the last itself, if it is
   the only one), the greatest fall from a row to the next, and how far one is behind the
   greatest before it. */
struct course {
    int64_t found;
    int64_t *panes;
    int64_t least;
    int64_t most;
    int64_t final;
    int64_t before;
    int64_t fall;
    int64_t behind;
};

static int64_t greater(int64_t one, int64_t other) { return one > other ? one : other; }

/* Wraps, as differences of Polars do. */
static int64_t minus(int64_t one, int64_t other)
{
    return (int64_t)((uint64_t)one - (uint64_t)other);
}

static void follow(const struct arrow_array *chunk, struct course *course)
{
    const int64_t *times = column_of(chunk, 0).values;
    for (int64_t row = 0; row < chunk->length; row++) {
        int64_t time = times[row], first = !course->found;
        int64_t same = !first && time == course->final;
        course->before = first ? time : course->most;
        course->fall = first ? 0 : greater(course->fall, minus(course->final, time));
        course->most = first ? time : greater(course->most, time);
        course->least = first || time < course->least ? time : course->least;
        course->behind = greater(course->behind, minus(course->most, time));
        course->final = time;
        course->panes[course->found] =
            same ? course->panes[course->found - 1] : floored(time, SECOND);
        course->found++;
    }
}

/* Says how the times of a stream run, which are its first column. Returns -1 if that is not
   of whole numbers or has no rows, or there is no memory. What was made is to be freed in any
   case. */
int tocsin_course(struct arrow_stream *stream, struct course *course)
{
    struct rows rows = {NULL, 0, 0, 0};
    int failed = !is_of(stream, "l", 1) || take_rows(stream, &rows) || !rows.all;
    course->panes = failed ? NULL : malloc((size_t)rows.all * sizeof *course->panes);
    for (int64_t i = 0; i < rows.count && course->panes; i++)
        follow(rows.chunks + i, course);
    free_rows(&rows);
    return course->panes ? 0 : -1;
}

void tocsin_free_course(struct course *course) { free(course->panes); }
