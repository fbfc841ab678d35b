/* Cuts a file of lines as the library does, for test_cutter_sanitized.py: built with
   sanitizers, which end it at the first byte read out of bounds.

     sanitized FILE

   Every line is cut alone, in memory of just its size, and with all others; both must be
   sure of the same. Then memory runs out at every place where it can. Prints for each
   kind of log how many lines there are, and of how many it is sure. */

#include "scarce.h"

#include "columns.c"
#include "cutter.c"
#undef malloc
#undef calloc
#undef realloc

/* A copy in memory of just its size. */
static void *copy_of(const void *data, int64_t size)
{
    byte *copy = malloc((size_t)size);
    expect(copy || !size, "there is memory");
    if (size)
        memcpy(copy, data, (size_t)size);
    return copy;
}

static struct table asked(int64_t kind, uint64_t wanted)
{
    struct table table;
    memset(&table, 0, sizeof table);
    table.kind = kind;
    table.wanted = wanted;
    table.seed = 0x0123456789abcdefu;
    return table;
}

/* Whether codes are those of texts, and as many texts as there are said to be. */
static void check_texts(const struct texts *texts, int64_t rows)
{
    int64_t words = 0, nulls = 0;
    for (int64_t i = 0; i < texts->size; i++)
        words += texts->words[i] == '\n';
    expect(words == texts->count, "there is a word for each text");
    for (int64_t row = 0; row < rows; row++) {
        expect(texts->codes[row] >= 0 && texts->codes[row] <= texts->count, "a code is in range");
        nulls += texts->codes[row] == texts->count;
    }
    expect(nulls == texts->nulls, "nulls are counted");
}

static int32_t status_of(const struct table *table, int64_t row)
{
    int32_t code = table->status[row];
    expect(code >= 0 && code < table->statuses_found, "a status is known by its code");
    return table->statuses[code];
}

static int has(const struct texts *texts, int64_t row) { return texts->codes[row] < texts->count; }

/* Cuts one line alone, and compares it with what is in a row of the whole. */
static void check_alone(const byte *line, int64_t size, const struct table *whole, int64_t row)
{
    struct table table = asked(whole->kind, whole->wanted);
    byte *alone = copy_of(line, size);
    expect(!tocsin_cut(alone, size, &table), "a line is cut");
    expect(table.rows == 1 && table.start[0] == 0, "a line is one row");
    expect(table.sure[0] == whole->sure[row], "a line is sure wherever it stands");
    expect(table.time[0] == whole->time[row], "an instant is the same wherever it stands");
    expect(table.bytes[0] == whole->bytes[row], "a size is the same wherever it stands");
    expect(status_of(&table, 0) == status_of(whole, row), "a status is the same wherever it stands");
    for (int field = 0; field < FIELDS; field++)
        expect(!(table.wanted >> field & 1) ||
                   has(table.texts + field, 0) == has(whole->texts + field, row),
               "a line has the same texts wherever it stands");
    tocsin_free(&table);
    free(alone);
}

static void check_lines(const byte *data, int64_t size, const struct table *table)
{
    byte *copy = copy_of(data, size);
    for (int64_t row = 0; row < table->rows; row++) {
        int64_t at = table->start[row], bytes = end_of(size, table->start, table->rows, row) - at;
        int64_t found = tocsin_pick(data, size, table->start, table->rows, &row, 1, copy);
        expect(found == bytes && !memcmp(copy, data + at, (size_t)bytes), "a line is picked");
        check_alone(data + at, bytes, table, row);
    }
    int64_t none[] = {-1, table->rows};
    for (int i = 0; i < 2; i++)
        expect(tocsin_pick(data, size, table->start, table->rows, none + i, 1, NULL) == -1,
               "what is no row is not picked");
    free(copy);
}

/* Lets memory run out at the first place, the second, and so on until there is enough. */
static void run_out(const byte *data, int64_t size, uint64_t wanted)
{
    for (long after = 0, failed = 1; failed; after++) {
        struct table table = asked(COMBINED_AGENTS, wanted);
        given = after, refusals = 0;
        failed = tocsin_cut(data, size, &table);
        given = -1;
        expect(!failed == !refusals, "there is a result if there is memory");
        tocsin_free(&table);
    }
}

/* Hands a column over, if there is memory, and frees the table before the column. */
static void hand_over(const byte *data, int64_t size)
{
    for (long after = 0; after < 2; after++) {
        struct table table = asked(COMMON, 0);
        struct arrow_schema schema;
        struct arrow_array array;
        expect(!tocsin_cut(data, size, &table), "a block is cut");
        int64_t rows = table.rows, *times = copy_of(table.time, rows * 8);
        given = after;
        int failed = tocsin_hand_over(table.time, rows, "l", &schema, &array);
        given = -1;
        expect(failed == (after ? 0 : -1), "a column is handed over if there is memory");
        table.time = failed ? table.time : NULL;
        tocsin_free(&table);
        if (!failed) {
            expect(array.length == rows && !array.null_count && !array.offset, "it is all there");
            expect(!memcmp(array.buffers[1], times, (size_t)rows * 8), "it is what it was");
            array.release(&array), schema.release(&schema);
            expect(!array.release && !schema.release, "it is let go");
        }
        free(times);
    }
}

static void cut(const byte *data, int64_t size, int64_t kind, uint64_t wanted)
{
    struct table table = asked(kind, wanted);
    expect(!tocsin_cut(data, size, &table), "a block is cut");
    for (int field = 0; field < FIELDS; field++)
        if (wanted >> field & 1)
            check_texts(table.texts + field, table.rows);
    check_lines(data, size, &table);
    printf("%d %d\n", (int)table.rows, (int)(table.rows - table.odd));
    tocsin_free(&table);
}

static byte *read_all(const char *path, int64_t *size)
{
    FILE *file = fopen(path, "rb");
    expect(file && !fseek(file, 0, SEEK_END), "there is a file");
    *size = ftell(file);
    rewind(file);
    byte *data = malloc((size_t)*size + !*size);
    expect(data && fread(data, 1, (size_t)*size, file) == (size_t)*size, "it is read");
    fclose(file);
    return data;
}

int main(int count, char **arguments)
{
    int64_t size;
    expect(count == 2, "there is one argument");
    byte *data = read_all(arguments[1], &size);
    byte *exact = copy_of(data, size);
    free(data);
    for (int64_t kind = COMMON; kind <= COMBINED_AGENTS; kind++) {
        cut(exact, size, kind, (1u << FIELDS) - 1);
        cut(exact, size, kind, 0);
    }
    hand_over(exact, size);
    run_out(exact, size, (1u << FIELDS) - 1);
    struct table table = asked(COMMON, 1);
    int whole = size < 2 || exact[size - 2] == '\n';
    expect(whole || tocsin_cut(exact, size - 1, &table), "a block ends with a newline");
    tocsin_free(&table);
    free(exact);
    return 0;
}
