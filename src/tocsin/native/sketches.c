/* Distinct counts, as metrics/sketches.py has them: the registers of texts, those of the rows
   of each number, and what they come to. */

#include "rows.h"

enum { RANKS = 64, REGISTERS = 1 << 14, WORDS = REGISTERS / 64 };

/* ---- the registers of texts ---- */

/* The packed register of each of some texts. */
struct registers {
    int64_t found;
    int64_t *packed;
};

/* Texts as Arrow has them in views: their bytes, or if they are more than fit in, the first
   four, the number of a buffer, and where in it they are. */
struct view {
    int32_t size;
    byte rest[12];
};

static const byte *text_of(const struct arrow_array *chunk, const struct view *view)
{
    int32_t place[2];
    if (view->size <= (int32_t)sizeof view->rest)
        return view->rest;
    memcpy(place, view->rest + 4, sizeof place);
    return (const byte *)chunk->buffers[2 + place[0]] + place[1];
}

/* The finaliser of SplitMix64, as sketches.py has it. */
static uint64_t mixed(uint64_t word)
{
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word >> 27) * 0x94d049bb133111ebu;
    return word ^ word >> 31;
}

/* Up to eight bytes as a number, the first the lowest. */
static uint64_t word_of(const byte *at, int64_t size)
{
    uint64_t word = 0;
    for (int64_t i = 0; i < size; i++)
        word |= (uint64_t)at[i] << 8 * i;
    return word;
}

static uint64_t hash_of(const byte *at, int64_t size)
{
    uint64_t hash = (uint64_t)size * 0x9e3779b97f4a7c15u;
    for (int64_t i = 0; i < size; i += 8)
        hash = mixed(hash ^ word_of(at + i, size - i < 8 ? size - i : 8));
    return mixed(hash);
}

static int64_t packed_of(uint64_t hash)
{
    uint64_t rest = hash << 14;
    int64_t zeros = rest ? __builtin_clzll(rest) : 64;
    return (int64_t)(hash >> 50) * RANKS + (zeros < 50 ? zeros : 50) + 1;
}

static int64_t *put_packed(const struct arrow_array *chunk, int64_t *packed)
{
    const struct view *views = (const struct view *)chunk->buffers[1] + chunk->offset;
    struct column texts = {NULL, chunk->null_count ? chunk->buffers[0] : NULL, chunk->offset};
    for (int64_t row = 0; row < chunk->length; row++)
        *packed++ = has(&texts, row)
                        ? packed_of(hash_of(text_of(chunk, views + row), views[row].size))
                        : -1;
    return packed;
}

/* Makes the packed register of each text of a stream, -1 where there is none. Returns -1 if
   the stream is not of texts, or there is no memory. What was made is to be freed. */
int tocsin_registers(struct arrow_stream *stream, struct registers *made)
{
    struct rows rows = {NULL, 0, 0, 0};
    int failed = !is_of(stream, "vu", 0) || take_rows(stream, &rows);
    made->found = rows.all;
    made->packed = failed ? NULL : malloc((size_t)(rows.all + 1) * sizeof *made->packed);
    int64_t *packed = made->packed;
    for (int64_t i = 0; i < rows.count && packed; i++)
        packed = put_packed(rows.chunks + i, packed);
    free_rows(&rows);
    return packed ? 0 : -1;
}

void tocsin_free_registers(struct registers *made) { free(made->packed); }

/* ---- the registers of rows ---- */

/* Filled in: the numbers that have rows, and how many rows each has. The registers of number
   i, packed as sketches.py says, are between the edges i and i + 1: in order, of each the
   greatest rank. */
struct sketches {
    int64_t found;
    int64_t *at;
    int64_t *n;
    int64_t *edges;
    int32_t *registers;
};

/* Packed registers of a number on their way: the greatest rank of each, and in `filled`
   which registers there are. Both are empty between one number and the next. */
struct ranks {
    byte greatest[REGISTERS];
    uint64_t filled[WORDS];
};

static void add(struct ranks *ranks, int32_t packed)
{
    int32_t which = packed / RANKS;
    byte rank = (byte)(packed % RANKS);
    if (rank > ranks->greatest[which])
        ranks->greatest[which] = rank;
    ranks->filled[which / 64] |= (uint64_t)1 << which % 64;
}

/* Writes the packed registers in order, and empties them. Returns how many there are. */
static int64_t put_ranks(struct ranks *ranks, int32_t *out)
{
    int64_t count = 0;
    for (int32_t word = 0; word < WORDS; word++) {
        for (uint64_t rest = ranks->filled[word]; rest; rest &= rest - 1) {
            int32_t which = word * 64 + __builtin_ctzll(rest);
            out[count++] = which * RANKS + ranks->greatest[which];
            ranks->greatest[which] = 0;
        }
        ranks->filled[word] = 0;
    }
    return count;
}

/* Counts the rows of each number, at `n`; one without a register has the number -1. Returns
   -1 if a row is out of range. */
static int count_registers(const struct rows *rows, const struct range *range,
                           int32_t *numbers, int64_t *n)
{
    for (int64_t i = 0; i < rows->count; i++) {
        const struct arrow_array *chunk = rows->chunks + i;
        struct column packed = column_of(chunk, range->value);
        if (place(chunk, range, numbers))
            return -1;
        for (int64_t row = 0; row < chunk->length; row++) {
            if (!has(&packed, row)) {
                numbers[row] = -1;
                continue;
            }
            if (packed.values[row] < 0 || packed.values[row] >= REGISTERS * RANKS)
                return -1;
            n[numbers[row]]++;
        }
        numbers += chunk->length;
    }
    return 0;
}

/* Puts the registers of each number side by side: those of number i before `ends[i]`. */
static void put_beside(const struct rows *rows, const struct range *range,
                       const int32_t *numbers, int64_t *ends, int32_t *registers)
{
    for (int64_t i = 0; i < rows->count; i++) {
        const struct arrow_array *chunk = rows->chunks + i;
        struct column packed = column_of(chunk, range->value);
        for (int64_t row = 0; row < chunk->length; row++)
            if (numbers[row] >= 0)
                registers[ends[numbers[row]]++] = (int32_t)packed.values[row];
        numbers += chunk->length;
    }
}

/* Writes the registers of the numbers that have rows, each in order; `n` and `ends` say where
   they are. They are written where they were read from, which is never further on. */
static void put_sketches(struct sketches *made, const struct range *range, struct ranks *ranks,
                         const int64_t *n, const int64_t *ends, int64_t size)
{
    int64_t written = 0;
    for (int64_t number = 0; number < size; number++) {
        if (!n[number])
            continue;
        for (int64_t i = ends[number] - n[number]; i < ends[number]; i++)
            add(ranks, made->registers[i]);
        made->at[made->found] = range->base + number;
        made->n[made->found] = n[number];
        made->edges[made->found++] = written;
        written += put_ranks(ranks, made->registers + written);
    }
    made->edges[made->found] = written;
}

/* Makes the sketches of rows whose numbers are known. */
static int make_sketches(const struct rows *rows, const struct range *range,
                         const int32_t *numbers, const int64_t *n, struct sketches *made)
{
    int64_t size = size_of(range), all = 0, some = 0;
    int64_t *ends = malloc((size_t)(size + 1) * sizeof *ends);
    struct ranks *ranks = calloc(1, sizeof *ranks);
    for (int64_t number = 0; ends && number < size; number++) {
        ends[number] = all;
        all += n[number];
        some += n[number] > 0;
    }
    made->registers = malloc((size_t)(all + 1) * sizeof *made->registers);
    int failed = !ends || !ranks || !made->registers || enlarge(&made->at, some + 1) ||
                 enlarge(&made->n, some + 1) || enlarge(&made->edges, some + 1);
    if (!failed) {
        put_beside(rows, range, numbers, ends, made->registers);
        put_sketches(made, range, ranks, n, ends, size);
    }
    free(ranks);
    free(ends);
    return failed ? -1 : 0;
}

/* Makes the sketches of a distinct count over the rows of a stream. Returns -1 if a row is
   out of range, the range too large, or there is no memory. What was made is to be freed in
   any case. */
int tocsin_sketch(struct arrow_stream *stream, const struct range *range, struct sketches *made)
{
    struct rows rows = {NULL, 0, 0, 0};
    int64_t size = size_of(range);
    int failed = size < 0 || !is_of(stream, "l", columns_of(range)) || take_rows(stream, &rows);
    int32_t *numbers = failed ? NULL : malloc((size_t)(rows.all + 1) * sizeof *numbers);
    int64_t *n = failed ? NULL : calloc((size_t)size + 1, sizeof *n);
    failed = failed || !numbers || !n || count_registers(&rows, range, numbers, n);
    failed = failed || make_sketches(&rows, range, numbers, n, made);
    free(n);
    free(numbers);
    free_rows(&rows);
    return failed ? -1 : 0;
}

void tocsin_free_sketch(struct sketches *made)
{
    free(made->at);
    free(made->n);
    free(made->edges);
    free(made->registers);
}

/* ---- what registers stand for ---- */

/* Filled in: each number once, how many registers it has, how many of them are full, and what
   the others stand for: half of the rank before. */
struct estimates {
    int64_t found;
    int64_t *at;
    int64_t *filled;
    int64_t *full;
    uint64_t *parts;
};

enum { FULL = 51 };

/* Whether a stream is of rows of a number and a list of registers. */
static int is_of_lists(struct arrow_stream *stream)
{
    struct arrow_schema schema;
    if (stream->get_schema(stream, &schema))
        return 0;
    struct arrow_schema **children = schema.children;
    int fits = !strcmp(schema.format, "+s") && schema.children_count == 2 &&
               !strcmp(children[0]->format, "l") && !strcmp(children[1]->format, "+L") &&
               children[1]->children_count == 1 &&
               !strcmp(children[1]->children[0]->format, "i");
    schema.release(&schema);
    return fits;
}

/* Adds the registers of a row's list. Returns -1 if one is none. */
static int add_list(struct ranks *ranks, const struct arrow_array *chunk, int64_t row)
{
    const struct arrow_array *lists = chunk->children[1], *inner = lists->children[0];
    const int64_t *edges = (const int64_t *)lists->buffers[1] + chunk->offset + lists->offset + row;
    const int32_t *packed = (const int32_t *)inner->buffers[1] + inner->offset;
    for (int64_t i = edges[0]; i < edges[1]; i++) {
        if (packed[i] < 0 || packed[i] >= REGISTERS * RANKS)
            return -1;
        add(ranks, packed[i]);
    }
    return 0;
}

/* Puts what the registers of a number stand for, and empties them. */
static void put_estimate(struct estimates *made, struct ranks *ranks, int64_t number)
{
    int64_t at = made->found++, full = 0, filled = 0;
    uint64_t parts = 0;
    for (int32_t word = 0; word < WORDS; word++) {
        for (uint64_t rest = ranks->filled[word]; rest; rest &= rest - 1) {
            byte *rank = ranks->greatest + word * 64 + __builtin_ctzll(rest);
            filled++;
            full += *rank >= FULL;
            parts += *rank < FULL ? (uint64_t)1 << (FULL - 1 - *rank) : 0;
            *rank = 0;
        }
        ranks->filled[word] = 0;
    }
    made->at[at] = number, made->filled[at] = filled, made->full[at] = full;
    made->parts[at] = parts;
}

/* Sums the registers of rows, of which those of one number are side by side. */
static int estimate_rows(const struct rows *rows, struct ranks *ranks, struct estimates *made)
{
    int64_t last = 0, some = 0;
    for (int64_t i = 0; i < rows->count; i++) {
        const struct arrow_array *chunk = rows->chunks + i;
        const int64_t *numbers = column_of(chunk, 0).values;
        for (int64_t row = 0; row < chunk->length; row++) {
            if (some++ && numbers[row] != last)
                put_estimate(made, ranks, last);
            last = numbers[row];
            if (add_list(ranks, chunk, row))
                return -1;
        }
    }
    if (some)
        put_estimate(made, ranks, last);
    return 0;
}

/* Says what the registers of each number of a stream stand for. Returns -1 if it is not of
   numbers and lists of registers, or there is no memory. What was made is to be freed. */
int tocsin_estimate(struct arrow_stream *stream, struct estimates *made)
{
    struct rows rows = {NULL, 0, 0, 0};
    int failed = !is_of_lists(stream) || take_rows(stream, &rows);
    int64_t places = rows.all + 1;
    struct ranks *ranks = calloc(1, sizeof *ranks);
    made->parts = malloc((size_t)places * sizeof *made->parts);
    failed = failed || !ranks || !made->parts || enlarge(&made->at, places) ||
             enlarge(&made->filled, places) || enlarge(&made->full, places);
    failed = failed || estimate_rows(&rows, ranks, made);
    free(ranks);
    free_rows(&rows);
    return failed ? -1 : 0;
}

void tocsin_free_estimate(struct estimates *made)
{
    free(made->at);
    free(made->filled);
    free(made->full);
    free(made->parts);
}
