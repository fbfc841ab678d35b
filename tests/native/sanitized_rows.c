/* Has the library read rows by chance, for test_rows_sanitized.py: built with sanitizers,
   which end it at the first byte read out of bounds and for the first that is not let go.

     sanitized LAW SEED

   What the library makes of them must be what plain loops make of them. Then memory runs out
   at every place where it can, the stream fails at every place, and one row is spoiled. */

#include "scarce.h"

#include "columns.c"
#include "tally.c"
#include "sketches.c"
#include "course.c"
#undef malloc
#undef calloc
#undef realloc

#include "streams.h"

enum { WORLDS = 30, RANGES = 4, KEYS = 2 };

/* The columns of rows. */
enum { PANE, CODE, OTHER_CODE, VALUE, PACKED };

static const struct type LONG = {"l", 0, {0}}, INT = {"i", 0, {0}}, TEXT = {"vu", 0, {0}};
static const struct type LISTS = {"+L", 1, {&INT}}, LISTS_OF_LONGS = {"+L", 1, {&LONG}};

static struct type whole_numbers(int64_t columns)
{
    struct type type = {.format = "+s", .children = columns};
    for (int64_t i = 0; i < columns; i++)
        type.child[i] = &LONG;
    return type;
}

static const struct type NUMBERS_AND_LISTS = {"+s", 2, {&LONG, &LISTS}};

/* ---- what is held of each function ---- */

/* Calls a function with a stream, holds what it made against loops, and frees it. */
typedef int (*attempt)(struct source *);

static int tried(attempt attempt, struct source *source)
{
    source->given = 0;
    source->stream.own = source;
    int failed = attempt(source);
    given = -1;
    expect(!failed || failed == -1, "a failure is said by -1");
    expect(!alive, "all that a stream gives is let go");
    return failed;
}

/* Lets memory run out at the first place, the second, and so on until there is enough. */
static void run_out(attempt attempt, struct source *source)
{
    for (long after = 0, failed = 1; failed; after++) {
        given = after, refusals = 0;
        failed = tried(attempt, source);
        expect(!failed == !refusals, "there is a result if there is memory");
    }
}

static void endure(attempt attempt, struct source source)
{
    expect(!tried(attempt, &source), "good rows are read");
    run_out(attempt, &source);
    for (source.breaks_after = 0; source.breaks_after <= table.chunks; source.breaks_after++)
        expect(tried(attempt, &source), "a stream that breaks off is refused");
    source.breaks_after = -1, source.unknown = 1;
    expect(tried(attempt, &source), "a stream without a type is refused");
}

/* Puts a value that cannot be into some row. */
static void spoil(attempt attempt, struct source source, int64_t column, int64_t value)
{
    if (!table.rows)
        return;
    int64_t row = below(table.rows), before = table.values[column][row];
    byte null = table.nulls[column][row];
    table.values[column][row] = value, table.nulls[column][row] = 0;
    expect(tried(attempt, &source), "a row out of range is refused");
    table.values[column][row] = before, table.nulls[column][row] = null;
}

static struct source rows_source(void) { return source_of(whole_numbers(COLUMNS), make_rows); }

/* ---- rows, and their numbers ---- */

static struct range ranges[RANGES];
static int64_t ranges_count, numbers[ROWS], columns[RANGES][KEYS], codes[RANGES][KEYS];
static int64_t codes_of[COLUMNS], least_pane, most_pane;

/* A register that has a rank: there is none of 0. */
static int64_t draw_packed(int few)
{
    return below(few ? 5 : REGISTERS) * RANKS + between(1, RANKS - 1);
}

static void draw_rows(void)
{
    static const int64_t begins[] = {0, -100, -1000000, 1700000000};
    draw_chunks(COLUMNS);
    int64_t begin = begins[below(4)], spread = between(1, 100), pane = begin, nulls = below(3);
    int few = coin();
    least_pane = most_pane = begin;
    codes_of[CODE] = between(1, 6), codes_of[OTHER_CODE] = between(1, 6);
    for (int64_t row = 0; row < table.rows; row++) {
        pane = below(3) ? pane : begin + below(spread);
        least_pane = pane < least_pane ? pane : least_pane;
        most_pane = pane > most_pane ? pane : most_pane;
        table.values[PANE][row] = pane;
        table.values[CODE][row] = below(codes_of[CODE]);
        table.values[OTHER_CODE][row] = below(codes_of[OTHER_CODE]);
        table.values[VALUE][row] = below(9) ? between(-50, 50) : (int64_t)any();
        table.values[PACKED][row] = draw_packed(few);
        table.nulls[VALUE][row] = nulls == 2 || (nulls && coin());
        table.nulls[PACKED][row] = nulls == 2 || (nulls && coin());
    }
}

static int64_t floor_of(int64_t number, int64_t by)
{
    return (number - (number % by + by) % by) / by;
}

/* The first range goes by both codes, so that either may be out of range. */
static void draw_range(int64_t which, int64_t value)
{
    int64_t twin = which && !below(3) ? below(which) : -1, base = between(0, 1000000);
    if (twin >= 0) {
        ranges[which] = ranges[twin];
        ranges[which].base = base, ranges[which].twin = twin;
        return;
    }
    static const int64_t grains[] = {1, 7, 10, 60};
    struct range *range = ranges + which;
    int64_t grain = grains[below(4)], first = floor_of(least_pane, grain) - below(3);
    int64_t slices = floor_of(most_pane, grain) - first + 1 + below(3);
    memset(range, 0xaa, sizeof *range); /* what is filled in is so whatever there was */
    range->base = base, range->grain = grain, range->first = first, range->slices = slices;
    range->keys = which ? below(KEYS + 1) : KEYS;
    range->columns = columns[which], range->codes = codes[which];
    range->value = value, range->twin = -1;
    for (int64_t key = 0; key < KEYS; key++) {
        columns[which][key] = which ? between(CODE, OTHER_CODE) : CODE + key;
        codes[which][key] = codes_of[columns[which][key]];
    }
}

/* Finds the number of each row in a range; returns how many numbers there are. */
static int64_t number_rows(const struct range *range)
{
    int64_t size = range->slices;
    for (int64_t key = 0; key < range->keys; key++)
        size *= range->codes[key];
    for (int64_t row = 0; row < table.rows; row++) {
        int64_t slice = 0;
        while ((range->first + slice + 1) * range->grain <= table.values[PANE][row])
            slice++;
        for (int64_t key = 0; key < range->keys; key++)
            slice = slice * range->codes[key] + table.values[range->columns[key]][row];
        numbers[row] = slice;
    }
    return size;
}

/* Whether a row counts for a number of a range. */
static int is_at(const struct range *range, int64_t row, int64_t number)
{
    return numbers[row] == number && (range->value < 0 || !table.nulls[range->value][row]);
}

static void spoil_rows(attempt attempt, struct source source)
{
    const struct range *range = ranges;
    spoil(attempt, source, PANE, range->first * range->grain - 1);
    spoil(attempt, source, PANE, (range->first + range->slices) * range->grain);
    spoil(attempt, source, PANE, -((int64_t)1 << 62));
    spoil(attempt, source, PANE, (int64_t)1 << 62);
    for (int64_t column = CODE; column <= OTHER_CODE; column++) {
        spoil(attempt, source, column, -1);
        spoil(attempt, source, column, codes_of[column]);
        spoil(attempt, source, column, INT64_MIN);
        spoil(attempt, source, column, INT64_MAX);
    }
}

/* Makes the first range too large in one way or another. */
static void overflow(attempt attempt, struct source source)
{
    static const int64_t sizes[][1 + KEYS] = {
        {-1, 1, 1},
        {(int64_t)LARGEST + 1, 1, 1},
        {1, (int64_t)LARGEST + 1, 1},
        {1, 1, INT64_MAX},
        {LARGEST / 2 + 1, 1, 2},
        {LARGEST, LARGEST, LARGEST},
        {(int64_t)1 << 32, (int64_t)1 << 32, 1},
    };
    struct range before = ranges[0];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ranges[0].slices = sizes[i][0];
        ranges[0].codes = sizes[i] + 1;
        expect(tried(attempt, &source), "a range that is too large is refused");
    }
    ranges[0] = before;
}

/* ---- laws ---- */

/* Holds what was counted at one number; returns how many places of the tally that took. */
static int check_number(const struct tally *tally, const struct range *range, int64_t number,
                        int64_t place)
{
    int64_t n = 0;
    uint64_t sum = 0;
    for (int64_t row = 0; row < table.rows; row++)
        if (is_at(range, row, number)) {
            n++;
            sum += range->value < 0 ? 0 : (uint64_t)table.values[range->value][row];
        }
    if (!n)
        return 0;
    expect(place < tally->found, "every number that has rows is found");
    expect(tally->at[place] == range->base + number, "numbers are in order");
    expect(tally->n[place] == n, "rows are counted");
    expect(tally->sum[place] == (int64_t)sum, "values are summed");
    return 1;
}

static int attempt_tally(struct source *source)
{
    struct tally tally = {0, NULL, NULL, NULL};
    int64_t found = 0;
    int failed = tocsin_tally(&source->stream, ranges, ranges_count, &tally);
    for (int64_t i = 0; i < ranges_count && !failed; i++) {
        int64_t size = number_rows(ranges + i), start = found;
        for (int64_t number = 0; number < size; number++)
            found += check_number(&tally, ranges + i, number, found);
        expect(ranges[i].start == start, "each range says where its numbers start");
        expect(ranges[i].found == found - start, "each range says how many it has");
    }
    expect(failed || found == tally.found, "only numbers that have rows are found");
    tocsin_free_tally(&tally);
    return failed;
}

static void law_tally(void)
{
    static const int64_t values[] = {-1, VALUE, PACKED};
    draw_rows();
    ranges_count = below(RANGES + 1);
    for (int64_t i = 0; i < RANGES; i++)
        draw_range(i, values[below(3)]);
    endure(attempt_tally, rows_source());
    ranges_count = between(1, RANGES);
    spoil_rows(attempt_tally, rows_source());
    overflow(attempt_tally, rows_source());
    for (ranges[0].twin = 0; ranges[0].twin < RANGES; ranges[0].twin++) {
        struct source source = rows_source();
        expect(tried(attempt_tally, &source), "a twin that is not before its range is refused");
    }
}

/* Of each register the greatest rank, -1 where there is none. */
static int best[REGISTERS];

static void forget(void) { memset(best, -1, sizeof best); }

static void remember(int64_t packed)
{
    if (best[packed / RANKS] < packed % RANKS)
        best[packed / RANKS] = (int)(packed % RANKS);
}

static void check_registers(const int32_t *registers, int64_t count)
{
    int64_t found = 0;
    for (int64_t which = 0; which < REGISTERS; which++)
        if (best[which] >= 0) {
            expect(found < count, "there is each register");
            expect(registers[found++] == which * RANKS + best[which], "of each the greatest rank");
        }
    expect(found == count, "there is no other register");
}

/* Remembers the registers of the rows of one number; returns how many rows there are. */
static int64_t remember_rows(int64_t number)
{
    int64_t n = 0;
    forget();
    for (int64_t row = 0; row < table.rows; row++)
        if (is_at(ranges, row, number)) {
            n++;
            remember(table.values[PACKED][row]);
        }
    return n;
}

static void check_sketches(const struct sketches *made)
{
    int64_t size = number_rows(ranges), found = 0;
    for (int64_t number = 0; number < size; number++) {
        int64_t n = remember_rows(number);
        if (!n)
            continue;
        expect(found < made->found, "every number that has registers is found");
        expect(made->at[found] == ranges->base + number, "numbers are in order");
        expect(made->n[found] == n, "rows are counted");
        const int64_t *edges = made->edges + found++;
        check_registers(made->registers + edges[0], edges[1] - edges[0]);
    }
    expect(found == made->found, "only numbers that have registers are found");
    expect(!made->edges[0], "the first begins where all begin");
}

static int attempt_sketch(struct source *source)
{
    struct sketches made = {0, NULL, NULL, NULL, NULL};
    int failed = tocsin_sketch(&source->stream, ranges, &made);
    if (!failed)
        check_sketches(&made);
    tocsin_free_sketch(&made);
    return failed;
}

static void law_sketch(void)
{
    draw_rows();
    draw_range(0, PACKED);
    endure(attempt_sketch, rows_source());
    spoil_rows(attempt_sketch, rows_source());
    spoil(attempt_sketch, rows_source(), PACKED, -1);
    spoil(attempt_sketch, rows_source(), PACKED, (int64_t)REGISTERS * RANKS);
    spoil(attempt_sketch, rows_source(), PACKED, (int64_t)1 << 32);
    overflow(attempt_sketch, rows_source());
}

static uint64_t spread_over(uint64_t word)
{
    word = (word ^ word / ((uint64_t)1 << 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ word / ((uint64_t)1 << 27)) * 0x94d049bb133111ebu;
    return word ^ word / ((uint64_t)1 << 31);
}

/* The register and rank of a text, as sketches.py says them. */
static int64_t packed_text(const byte *text, int64_t size)
{
    uint64_t hash = (uint64_t)size * 0x9e3779b97f4a7c15u;
    int64_t rank = 1;
    for (int64_t at = 0; at < size; at += 8) {
        byte word[8] = {0};
        uint64_t number = 0;
        memcpy(word, text + at, size - at < 8 ? (size_t)(size - at) : 8);
        for (int i = 7; i >= 0; i--)
            number = number * 256 + word[i];
        hash = spread_over(hash ^ number);
    }
    hash = spread_over(hash);
    for (uint64_t bit = (uint64_t)1 << 49; bit && !(hash & bit); bit >>= 1)
        rank++;
    return (int64_t)(hash / ((uint64_t)1 << 50)) * RANKS + rank;
}

static int attempt_registers(struct source *source)
{
    struct registers made = {0, NULL};
    int failed = tocsin_registers(&source->stream, &made);
    expect(failed || made.found == table.rows, "there is one for each text");
    for (int64_t row = 0; row < table.rows && !failed; row++) {
        int64_t text = table.values[0][row];
        int64_t packed = packed_text(table.texts[text], table.sizes[text]);
        expect(made.packed[row] == (table.nulls[0][row] ? -1 : packed), "a text has its register");
    }
    tocsin_free_registers(&made);
    return failed;
}

static void law_registers(void)
{
    draw_chunks(1);
    int64_t nulls = below(3);
    for (int64_t text = 0; text < TEXTS; text++) {
        table.sizes[text] = text ? below(LONGEST + 1) : 0;
        for (int64_t i = 0; i < LONGEST; i++)
            table.texts[text][i] = (byte)(below(4) ? any() : 0);
    }
    for (int64_t row = 0; row < table.rows; row++) {
        table.values[0][row] = below(TEXTS);
        table.nulls[0][row] = nulls == 2 || (nulls && coin());
    }
    endure(attempt_registers, source_of(TEXT, make_texts));
}

/* Holds what was made of one number against its registers, which are remembered. */
static void check_estimate(const struct estimates *made, int64_t at, int64_t number)
{
    int64_t filled = 0, full = 0;
    uint64_t parts = 0;
    for (int64_t which = 0; which < REGISTERS; which++) {
        uint64_t part = (uint64_t)1 << 50;
        for (int rank = 0; rank < best[which]; rank++)
            part /= 2;
        filled += best[which] >= 0;
        full += best[which] >= 0 && !part;
        parts += best[which] >= 0 ? part : 0;
    }
    expect(at < made->found && made->at[at] == number, "numbers are in order");
    expect(made->filled[at] == filled && made->full[at] == full, "registers are counted");
    expect(made->parts[at] == parts, "what they stand for is summed");
    forget();
}

static int attempt_estimate(struct source *source)
{
    struct estimates made = {0, NULL, NULL, NULL, NULL};
    int64_t found = 0;
    int failed = tocsin_estimate(&source->stream, &made);
    forget();
    for (int64_t row = 0; row < table.rows && !failed; row++) {
        if (row && table.values[0][row] != table.values[0][row - 1])
            check_estimate(&made, found++, table.values[0][row - 1]);
        for (int64_t i = table.edges[row]; i < table.edges[row + 1]; i++)
            remember(table.items[i]);
    }
    if (table.rows && !failed)
        check_estimate(&made, found++, table.values[0][table.rows - 1]);
    expect(failed || found == made.found, "there is one for each number");
    tocsin_free_estimate(&made);
    return failed;
}

static void law_estimate(void)
{
    static const int32_t wrong[] = {-1, REGISTERS * RANKS, INT32_MIN, INT32_MAX};
    draw_chunks(1);
    int64_t number = between(-3, 3), longest = ITEMS / ROWS;
    int few = coin();
    for (int64_t row = 0; row < table.rows; row++) {
        number += coin() ? between(0, 3) : 0;
        table.values[0][row] = number;
        table.edges[row + 1] = table.edges[row] + below(longest + 1);
        for (int64_t i = table.edges[row]; i < table.edges[row + 1]; i++)
            table.items[i] = (int32_t)draw_packed(few);
    }
    struct source source = source_of(NUMBERS_AND_LISTS, make_lists);
    endure(attempt_estimate, source);
    int64_t items = table.edges[table.rows];
    for (int i = 0; i < 4 && items; i++) {
        int64_t item = below(items);
        int32_t before = table.items[item];
        table.items[item] = wrong[i];
        expect(tried(attempt_estimate, &source), "what is no register is refused");
        table.items[item] = before;
    }
}

static int64_t larger(int64_t one, int64_t other) { return one < other ? other : one; }

static void check_course(const struct course *course)
{
    const int64_t *times = table.values[0];
    int64_t last = table.rows - 1, most = times[0], least = times[0], before = times[0];
    int64_t fall = 0, behind = 0;
    for (int64_t row = 0; row < table.rows; row++) {
        expect(course->panes[row] == floor_of(times[row], SECOND), "a pane is a whole second");
        most = larger(most, times[row]);
        least = times[row] < least ? times[row] : least;
        before = row < last ? larger(before, times[row]) : before;
        fall = row ? larger(fall, times[row - 1] - times[row]) : 0;
        for (int64_t earlier = 0; earlier < row; earlier++)
            behind = larger(behind, times[earlier] - times[row]);
    }
    expect(course->found == table.rows, "there is a pane for each row");
    expect(course->least == least && course->most == most, "the ends are known");
    expect(course->final == times[last], "the last is known");
    expect(course->before == before, "the greatest before the last is known");
    expect(course->fall == fall, "the greatest fall is known");
    expect(course->behind == behind, "how far one is behind is known");
}

/* Times so far apart that their difference does not fit: nothing is held but that it ends. */
static int attempt_wild_course(struct source *source)
{
    struct course course;
    memset(&course, 0, sizeof course);
    int failed = tocsin_course(&source->stream, &course);
    tocsin_free_course(&course);
    return failed;
}

static int attempt_course(struct source *source)
{
    struct course course;
    memset(&course, 0, sizeof course);
    int failed = tocsin_course(&source->stream, &course);
    if (!failed)
        check_course(&course);
    tocsin_free_course(&course);
    return failed;
}

static void law_course(void)
{
    static const int64_t spreads[] = {3, 10 * SECOND, (int64_t)1 << 40};
    draw_chunks(1);
    int64_t spread = spreads[below(3)], begin = between(-spread, spread), rises = coin();
    for (int64_t row = 0; row < table.rows; row++) {
        int64_t time = begin + (rises ? row * spread / 4 : 0) + between(-spread, spread);
        table.values[0][row] = row && !below(3) ? table.values[0][row - 1] : time;
    }
    struct source source = source_of(whole_numbers(1), make_rows);
    if (table.rows)
        endure(attempt_course, source);
    else
        expect(tried(attempt_course, &source), "there is no course without rows");
    for (int64_t row = 0; row < table.rows; row++)
        table.values[0][row] = coin() ? (int64_t)any() : coin() ? INT64_MIN : INT64_MAX;
    if (table.rows)
        endure(attempt_wild_course, source);
}

/* ---- columns handed over ---- */

/* Lets what was handed over go in one of the orders that there are: whole, or with the part
   taken out of it before, which is let go before the whole or after it. */
static void let_lists_go(struct arrow_schema *schema, struct arrow_array *array, int64_t order)
{
    struct arrow_schema part = {.release = NULL};
    struct arrow_array values = {.release = NULL};
    if (order) {
        part = *schema->children[0], values = *array->children[0];
        schema->children[0]->release = NULL, array->children[0]->release = NULL;
    }
    for (int64_t step = 0; step < 2; step++)
        if (step == (order == 1)) {
            array->release(array), schema->release(schema);
        } else if (order) {
            expect(!strcmp(part.format, "i"), "the part has its type for itself");
            free(copy_of(values.buffers[1], values.length * 4));
            part.release(&part), values.release(&values);
        }
    expect(!array->release && !schema->release, "the whole is let go");
    expect(!part.release && !values.release, "the part is let go");
}

static void check_lists(const struct arrow_schema *schema, const struct arrow_array *array)
{
    expect(!strcmp(schema->format, "+L") && schema->children_count == 1, "it is of lists");
    expect(!strcmp(schema->children[0]->format, "i"), "it is of lists of numbers");
    expect(array->children_count == 1 && array->buffers_count == 2, "lists have values");
    const struct arrow_array *inner = array->children[0];
    const int64_t *edges = array->buffers[1];
    expect(!array->offset && !array->null_count && !array->buffers[0], "no list is null");
    expect(!inner->offset && !inner->null_count && !inner->buffers[0], "no value is null");
    expect(inner->length == edges[array->length], "all values are there");
    const int32_t *registers = inner->buffers[1];
    for (int64_t row = 0, number = 0; row < array->length; row++) {
        while (!remember_rows(number++))
            continue;
        check_registers(registers + edges[row], edges[row + 1] - edges[row]);
    }
}

/* Hands lists over, if there is memory, and frees what made them before them. */
static void law_lists(void)
{
    draw_rows();
    draw_range(0, PACKED);
    number_rows(ranges);
    for (int64_t order = 0; order < 3; order++)
        for (long after = 0, failed = 1; failed; after++) {
            struct source source = rows_source();
            struct sketches made = {0, NULL, NULL, NULL, NULL};
            struct arrow_schema schema;
            struct arrow_array array;
            source.stream.own = &source;
            expect(!tocsin_sketch(&source.stream, ranges, &made), "there are sketches");
            given = after, refusals = 0;
            failed = tocsin_hand_over_lists(made.edges, made.registers, made.found, "i", &schema,
                                            &array);
            given = -1;
            expect(failed == (refusals ? -1 : 0), "lists are handed over if there is memory");
            expect(failed || array.length == made.found, "all of them are");
            made.edges = failed ? made.edges : NULL;
            made.registers = failed ? made.registers : NULL;
            tocsin_free_sketch(&made);
            if (!failed) {
                check_lists(&schema, &array);
                let_lists_go(&schema, &array, order);
            }
        }
}

/* Hands a column over, if there is memory, and frees what made it before it. */
static void law_columns(void)
{
    draw_rows();
    draw_range(0, VALUE);
    for (long after = 0; after < 2; after++) {
        struct source source = rows_source();
        struct tally made = {0, NULL, NULL, NULL};
        struct arrow_schema schema;
        struct arrow_array array;
        source.stream.own = &source;
        expect(!tocsin_tally(&source.stream, ranges, 1, &made), "rows are counted");
        int64_t found = made.found, *n = copy_of(made.n, found * 8);
        given = after;
        int failed = tocsin_hand_over(made.n, found, "l", &schema, &array);
        given = -1;
        expect(failed == (after ? 0 : -1), "a column is handed over if there is memory");
        made.n = failed ? made.n : NULL;
        tocsin_free_tally(&made);
        if (!failed) {
            expect(array.length == found && !array.null_count && !array.offset, "it is all there");
            expect(!memcmp(array.buffers[1], n, (size_t)found * 8), "it is what it was");
            expect(!strcmp(schema.format, "l") && !schema.children_count, "its type is said");
            array.release(&array), schema.release(&schema);
            expect(!array.release && !schema.release, "it is let go");
        }
        free(n);
    }
}

/* ---- streams of other types ---- */

static void make_plain(struct arrow_array *array, int64_t first, int64_t rows)
{
    make_column(array, 0, first, rows, 0);
}

static void refuse(attempt attempt, struct type type)
{
    table.columns = type.children;
    struct source source = source_of(type, type.children ? make_rows : make_plain);
    expect(tried(attempt, &source), type.format);
    source.make = NULL;
    expect(tried(attempt, &source), "another type is refused without rows as well");
}

static void refuse_all(attempt attempt, const struct type *types)
{
    for (; types->format; types++)
        refuse(attempt, *types);
}

static const struct type OLD = {"u", 0, {0}}, LARGE = {"U", 0, {0}}, BYTES = {"vz", 0, {0}};
static const struct type TIME = {"tsu:UTC", 0, {0}}, FLOAT = {"g", 0, {0}}, WORD = {"L", 0, {0}};
static const struct type SMALL = {"+l", 1, {&INT}}, NESTED = {"+L", 1, {&LISTS}};
static const struct type NONE = {"+s", 0, {0}}, END = {NULL, 0, {0}};

/* Types that nothing is of. */
static void refuse_odd(attempt attempt)
{
    const struct type odd[] = {
        OLD, LARGE, BYTES, TIME, FLOAT, WORD, INT, LISTS, NONE,
        {"+s", 1, {&TIME}}, {"+s", 1, {&FLOAT}}, {"+s", 1, {&WORD}}, {"+s", 1, {&INT}},
        {"+s", 5, {&LONG, &LONG, &LONG, &LONG, &INT}}, {"+s", 2, {&TEXT, &LONG}}, END,
    };
    refuse_all(attempt, odd);
}

static void law_types(void)
{
    do
        draw_rows();
    while (!table.rows);
    ranges_count = 1;
    draw_range(0, PACKED);
    const attempt all[] = {attempt_tally, attempt_sketch, attempt_registers, attempt_estimate,
                           attempt_course};
    for (int i = 0; i < 5; i++)
        refuse_odd(all[i]);
    const struct type no_rows[] = {TEXT, NUMBERS_AND_LISTS, {"+s", 1, {&TEXT}}, END};
    refuse_all(attempt_tally, no_rows);
    refuse_all(attempt_sketch, no_rows);
    refuse_all(attempt_course, no_rows);
    const struct type no_texts[] = {LONG, NUMBERS_AND_LISTS, {"+s", 1, {&LONG}}, END};
    refuse_all(attempt_registers, no_texts);
    const struct type no_lists[] = {
        TEXT, LONG, whole_numbers(1), whole_numbers(2), {"+s", 1, {&LISTS}},
        {"+s", 2, {&INT, &LISTS}}, {"+s", 2, {&LONG, &SMALL}}, {"+s", 2, {&LONG, &LISTS_OF_LONGS}},
        {"+s", 2, {&LONG, &NESTED}}, {"+s", 2, {&LISTS, &LONG}}, {"+s", 3, {&LONG, &LISTS, &LONG}},
        {"+L", 2, {&LONG, &LISTS}}, END,
    };
    refuse_all(attempt_estimate, no_lists);
}

/* Columns of the right type, but not as many, or not columns of rows. */
static void law_shapes(void)
{
    do
        draw_rows();
    while (!table.rows);
    ranges_count = 1;
    draw_range(0, PACKED);
    const struct type too_few[] = {LONG, LISTS_OF_LONGS, whole_numbers(1), whole_numbers(4), END};
    refuse_all(attempt_tally, too_few);
    refuse_all(attempt_sketch, too_few);
    const struct type no_rows[] = {LONG, LISTS_OF_LONGS, END};
    refuse_all(attempt_course, no_rows);
    const struct type not_alone[] = {{"+s", 1, {&TEXT}}, {"+s", 2, {&TEXT, &TEXT}}, END};
    refuse_all(attempt_registers, not_alone);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*law)(void);
    } laws[] = {{"tally", law_tally},       {"sketch", law_sketch},   {"registers", law_registers},
                {"estimate", law_estimate}, {"course", law_course},   {"lists", law_lists},
                {"columns", law_columns},   {"types", law_types},     {"shapes", law_shapes}};
    int known = 0;
    expect(count == 3, "there are two arguments");
    seed = strtoull(arguments[2], NULL, 10) << 32;
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++)
        if (!strcmp(laws[i].name, arguments[1]))
            for (known = 1; known <= WORLDS; known++)
                laws[i].law();
    expect(known, "there is such a law");
    return 0;
}
